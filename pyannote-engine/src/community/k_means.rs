//! k-means, for a given number of speakers: Lloyd's algorithm with greedy k-means++, step by step as in scikit-learn.
//!
//! Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007. The result depends on the initial
//! centers, so they are drawn as the reference draws them: from NumPy's generator, with the same seed.

use rand_mt::Mt;

use crate::{CancelToken, DiarizeError};

/// Runs with different initial centers. The best one is the result.
const RUNS: usize = 3;
/// Maximum number of iterations of a run.
const MAX_ITERATIONS: usize = 300;
/// Seed of the initial centers.
const SEED: u32 = 42;
/// Fraction of the mean variance of a dimension. A run ends if the squared shifts of the centers sum up to at most this.
const TOLERANCE: f64 = 1e-4;

/// Divides points, `(point, dimension)`, into `clusters` clusters, at most one per point. Returns the cluster of each
/// point.
///
/// # Errors
///
/// [`DiarizeError::Cancelled`].
pub(super) fn cluster(
    points: &[f64],
    dimension: usize,
    clusters: usize,
    cancel: &CancelToken,
) -> Result<Vec<usize>, DiarizeError> {
    let points = Points { points, dimension };
    let tolerance = TOLERANCE * points.mean_variance();
    let mut draws = Draws(Mt::new(SEED));
    let mut best: Option<Assignment> = None;
    for _ in 0..RUNS {
        let centers = points.initial_centers(clusters, &mut draws, cancel)?;
        let found = points.run(centers, tolerance, cancel)?;
        let better = |best: &Assignment| {
            found.inertia < best.inertia && !same_clusters(&found.labels, &best.labels, clusters)
        };
        if best.as_ref().is_none_or(better) {
            best = Some(found);
        }
    }
    Ok(best.map(|best| best.labels).unwrap_or_default())
}

/// Uniform numbers from 0 to 1, as those of NumPy's `RandomState`.
struct Draws(Mt);

impl Draws {
    fn next(&mut self) -> f64 {
        let (high, low) = (self.0.next_u32() >> 5, self.0.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }
}

/// The center that is nearest to each point.
struct Assignment {
    labels: Vec<usize>,
    /// Squared distance of each point from its center.
    distances: Vec<f64>,
    /// The sum of the distances.
    inertia: f64,
}

#[derive(Clone, Copy)]
struct Points<'a> {
    points: &'a [f64],
    dimension: usize,
}

impl<'a> Points<'a> {
    fn rows(self) -> impl ExactSizeIterator<Item = &'a [f64]> + Clone {
        self.points.chunks_exact(self.dimension)
    }

    fn row(self, index: usize) -> &'a [f64] {
        &self.points[index * self.dimension..(index + 1) * self.dimension]
    }

    /// The mean of the variances of the dimensions.
    fn mean_variance(self) -> f64 {
        let count = self.rows().len().max(1) as f64;
        let mut mean = vec![0.0; self.dimension];
        self.rows().for_each(|row| add(&mut mean, row));
        mean.iter_mut().for_each(|mean| *mean /= count);
        let squares: f64 = self.rows().map(|row| squared_distance(row, &mean)).sum();
        squares / (count * self.dimension as f64)
    }

    /// Initial centers: points, each the best of some that are drawn with a probability that is proportional to the
    /// squared distance from the nearest center.
    fn initial_centers(
        self,
        clusters: usize,
        draws: &mut Draws,
        cancel: &CancelToken,
    ) -> Result<Vec<f64>, DiarizeError> {
        let count = self.rows().len();
        let trials = 2 + (clusters as f64).ln() as usize;
        let distances_from = |index: usize| -> Vec<f64> {
            let center = self.row(index);
            self.rows()
                .map(|row| squared_distance(row, center))
                .collect()
        };
        let Some(last) = count.checked_sub(1) else {
            return Ok(Vec::new());
        };
        let first = ((draws.next() * count as f64) as usize).min(last);
        let mut centers = self.row(first).to_vec();
        let mut distances = distances_from(first);
        for _ in 1..clusters.min(count) {
            cancel.check()?;
            let sums = cumulative_sums(&distances);
            let total = sums[last];
            let drawn: Vec<f64> = (0..trials).map(|_| draws.next() * total).collect();
            let candidates = drawn.into_iter().map(|drawn| {
                let candidate = sums.partition_point(|sum| *sum < drawn).min(last);
                let mut distances_with = distances_from(candidate);
                for (with, without) in distances_with.iter_mut().zip(&distances) {
                    *with = without.min(*with);
                }
                (
                    candidate,
                    distances_with.iter().sum::<f64>(),
                    distances_with,
                )
            });
            // The first of equal ones.
            let best = candidates.reduce(|best, other| if other.1 < best.1 { other } else { best });
            if let Some((candidate, _, distances_with)) = best {
                centers.extend_from_slice(self.row(candidate));
                distances = distances_with;
            }
        }
        Ok(centers)
    }

    /// Moves centers to the means of the points nearest to them, until they stay.
    fn run(
        self,
        mut centers: Vec<f64>,
        tolerance: f64,
        cancel: &CancelToken,
    ) -> Result<Assignment, DiarizeError> {
        let mut labels: Vec<usize> = Vec::new();
        for _ in 0..MAX_ITERATIONS {
            let found = self.nearest(&centers, cancel)?;
            let means = self.means(&found, centers.len() / self.dimension);
            let shift = squared_distance(&means, &centers);
            centers = means;
            if found.labels == labels || shift <= tolerance {
                break;
            }
            labels = found.labels;
        }
        self.nearest(&centers, cancel)
    }

    /// Assigns each point to the nearest center: the first of equally near ones.
    fn nearest(self, centers: &[f64], cancel: &CancelToken) -> Result<Assignment, DiarizeError> {
        let (mut labels, mut distances) = (Vec::new(), Vec::new());
        for row in self.rows() {
            cancel.check()?;
            let centers = centers.chunks_exact(self.dimension);
            let mut nearest = (0, f64::INFINITY);
            for (index, center) in centers.enumerate() {
                let distance = squared_distance(row, center);
                if distance < nearest.1 {
                    nearest = (index, distance);
                }
            }
            labels.push(nearest.0);
            distances.push(nearest.1);
        }
        let inertia = distances.iter().sum();
        Ok(Assignment {
            labels,
            distances,
            inertia,
        })
    }

    /// The mean of the points of each cluster. A cluster without points takes one of those farthest from their centers.
    fn means(self, found: &Assignment, clusters: usize) -> Vec<f64> {
        let mut labels = found.labels.clone();
        let mut counts = vec![0_usize; clusters];
        labels.iter().for_each(|label| counts[*label] += 1);
        let empty: Vec<usize> = (0..clusters).filter(|label| counts[*label] == 0).collect();
        if !empty.is_empty() && found.inertia > 0.0 {
            let mut farthest: Vec<usize> = (0..labels.len()).collect();
            farthest.sort_by(|a, b| found.distances[*b].total_cmp(&found.distances[*a]));
            for (label, point) in empty.into_iter().zip(farthest) {
                counts[labels[point]] -= 1;
                counts[label] = 1;
                labels[point] = label;
            }
        }
        let mut means = vec![0.0; clusters * self.dimension];
        for (row, label) in self.rows().zip(labels) {
            add(&mut means[label * self.dimension..][..self.dimension], row);
        }
        let largest = (0..clusters).rev().max_by_key(|label| counts[*label]);
        for (mean, count) in means.chunks_exact_mut(self.dimension).zip(&counts) {
            mean.iter_mut()
                .for_each(|mean| *mean /= (*count).max(1) as f64);
        }
        // Points are equal: the clusters without any are the same as the largest one.
        for label in (0..clusters).filter(|label| counts[*label] == 0) {
            if let Some(largest) = largest {
                let source = largest * self.dimension..(largest + 1) * self.dimension;
                means.copy_within(source, label * self.dimension);
            }
        }
        means
    }
}

fn add(sum: &mut [f64], row: &[f64]) {
    sum.iter_mut()
        .zip(row)
        .for_each(|(sum, value)| *sum += value);
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

fn cumulative_sums(values: &[f64]) -> Vec<f64> {
    let sum = |sum: &mut f64, value: &f64| {
        *sum += value;
        Some(*sum)
    };
    values.iter().scan(0.0, sum).collect()
}

/// Whether two labelings differ at most in the numbers of the clusters.
fn same_clusters(a: &[usize], b: &[usize], clusters: usize) -> bool {
    let mut names = vec![None; clusters];
    a.iter()
        .zip(b)
        .all(|(a, b)| *names[*a].get_or_insert(*b) == *b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(points: &[f64], dimension: usize, clusters: usize) -> Vec<usize> {
        super::cluster(points, dimension, clusters, &CancelToken::new()).unwrap()
    }

    /// Points without groups, whose clusters depend on the initial centers.
    fn points(count: usize, dimension: usize) -> Vec<f64> {
        let value = |n: usize| ((n * n * 31 + n * 17) % 1009) as f64 / 504.0 - 1.0;
        (0..count * dimension).map(value).collect()
    }

    #[test]
    fn a_cancelled_run_ends() {
        let cancel = CancelToken::new();
        cancel.cancel();
        let found = super::cluster(&points(30, 3), 3, 2, &cancel);
        assert_eq!(found, Err(DiarizeError::Cancelled));
    }

    #[test]
    fn draws_are_those_of_numpy() {
        let mut draws = Draws(Mt::new(42));
        let expected = [
            0.3745401188473625,
            0.9507143064099162,
            0.7319939418114051,
            0.5986584841970366,
        ];
        for expected in expected {
            assert_eq!(draws.next(), expected);
        }
    }

    #[test]
    fn clusters_are_those_of_scikit_learn() {
        // KMeans(n_clusters, n_init=3, random_state=42) of scikit-learn 1.9.1.
        assert_eq!(
            cluster(&points(30, 3), 3, 2),
            [
                0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0, 1,
                0, 0
            ]
        );
        assert_eq!(
            cluster(&points(30, 3), 3, 4),
            [
                2, 1, 0, 1, 3, 2, 1, 3, 0, 3, 2, 2, 0, 0, 3, 3, 1, 0, 0, 1, 3, 1, 3, 0, 0, 0, 1, 0,
                1, 1
            ]
        );
        assert_eq!(
            cluster(&points(60, 4), 4, 8),
            [
                5, 7, 0, 2, 5, 7, 0, 2, 5, 7, 4, 6, 4, 3, 0, 2, 1, 6, 1, 2, 1, 6, 0, 3, 4, 3, 6, 6,
                5, 6, 0, 4, 4, 1, 0, 4, 2, 1, 7, 6, 5, 5, 1, 3, 4, 4, 7, 6, 4, 1, 7, 0, 4, 4, 6, 4,
                0, 3, 7, 0
            ]
        );
        assert_eq!(
            cluster(&points(25, 2), 2, 12),
            [
                11, 3, 8, 5, 5, 4, 6, 7, 3, 0, 8, 5, 5, 4, 6, 7, 11, 3, 1, 10, 2, 2, 4, 2, 9
            ]
        );
    }

    #[test]
    fn equal_points_and_one_cluster_per_point_are_possible() {
        for clusters in [2, 3, 4] {
            assert_eq!(cluster(&[1.0, 1.0, 1.0, 5.0], 1, clusters), [0, 0, 0, 1]);
        }
        assert_eq!(cluster(&[1.0, 1.0, 1.0], 1, 2), [0; 3]);
        let mut labels = cluster(&[1.0, 2.0, 3.0], 1, 3);
        labels.sort_unstable();
        assert_eq!(labels, [0, 1, 2]);
        assert!(cluster(&[], 3, 2).is_empty());
    }
}
