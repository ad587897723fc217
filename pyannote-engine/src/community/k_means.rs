//! k-means, for a given number of speakers.

use fastrand::Rng;

/// Runs with different initial centers. The best one is the result.
const RUNS: usize = 10;
/// Maximum number of iterations of a run.
const MAX_ITERATIONS: usize = 300;
/// Seed of the initial centers, so that results are reproducible.
const SEED: u64 = 42;

/// Divides points, `(point, dimension)`, into `clusters` clusters, at most one per point. Returns the cluster of each
/// point.
pub(super) fn cluster(points: &[f64], dimension: usize, clusters: usize) -> Vec<usize> {
    let mut rng = Rng::with_seed(SEED);
    let mut best: Option<(f64, Vec<usize>)> = None;
    for _ in 0..RUNS {
        let found = run(points, dimension, clusters, &mut rng);
        if best.as_ref().is_none_or(|best| found.0 < best.0) {
            best = Some(found);
        }
    }
    best.map(|(_, labels)| labels).unwrap_or_default()
}

/// One run: the sum of squared distances, and the cluster of each point.
fn run(points: &[f64], dimension: usize, clusters: usize, rng: &mut Rng) -> (f64, Vec<usize>) {
    let rows = || points.chunks_exact(dimension);
    let mut centers = initial_centers(points, dimension, clusters, rng);
    let mut labels: Vec<usize> = Vec::new();
    let mut total = 0.0;
    for _ in 0..MAX_ITERATIONS {
        let nearest: Vec<(usize, f64)> = rows()
            .map(|row| nearest(row, &centers, dimension))
            .collect();
        total = nearest.iter().map(|(_, distance)| distance).sum();
        let new: Vec<usize> = nearest.iter().map(|(label, _)| *label).collect();
        if new == labels {
            break;
        }
        labels = new;
        let mut counts = vec![0.0; clusters];
        let mut sums = vec![0.0; centers.len()];
        for (row, label) in rows().zip(&labels) {
            counts[*label] += 1.0;
            let sum = &mut sums[label * dimension..(label + 1) * dimension];
            sum.iter_mut()
                .zip(row)
                .for_each(|(sum, value)| *sum += value);
        }
        // A cluster that lost all points keeps its center.
        for ((center, sum), count) in centers
            .chunks_exact_mut(dimension)
            .zip(sums.chunks_exact(dimension))
            .zip(counts)
        {
            if count > 0.0 {
                center
                    .iter_mut()
                    .zip(sum)
                    .for_each(|(center, sum)| *center = sum / count);
            }
        }
    }
    (total, labels)
}

/// Initial centers (k-means++): points, each chosen with a probability that is proportional to its squared distance from
/// the centers chosen before.
fn initial_centers(points: &[f64], dimension: usize, clusters: usize, rng: &mut Rng) -> Vec<f64> {
    let rows: Vec<&[f64]> = points.chunks_exact(dimension).collect();
    let mut distances = vec![f64::INFINITY; rows.len()];
    let mut centers = Vec::with_capacity(clusters * dimension);
    let mut next = rng.usize(..rows.len().max(1));
    for _ in 0..clusters.min(rows.len()) {
        centers.extend_from_slice(rows[next]);
        for (distance, row) in distances.iter_mut().zip(&rows) {
            *distance = distance.min(squared_distance(row, rows[next]));
        }
        let mut rest = rng.f64() * distances.iter().sum::<f64>();
        let passed = distances.iter().position(|distance| {
            rest -= distance;
            rest < 0.0
        });
        // If all points are centers, or because of rounding: the farthest point.
        let farthest = || {
            let pairs = distances.iter().enumerate();
            pairs
                .max_by(|a, b| a.1.total_cmp(b.1))
                .map_or(0, |(index, _)| index)
        };
        next = passed.unwrap_or_else(farthest);
    }
    centers
}

/// The center nearest to a point, and its squared distance.
fn nearest(row: &[f64], centers: &[f64], dimension: usize) -> (usize, f64) {
    let centers = centers.chunks_exact(dimension).enumerate();
    let distances = centers.map(|(index, center)| (index, squared_distance(row, center)));
    distances
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or((0, 0.0))
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_distant_groups() {
        let points: Vec<f64> = (0..30)
            .map(|n| (n % 3) as f64 * 100.0 + (n / 3) as f64 * 0.1)
            .collect();
        let labels = cluster(&points, 1, 3);
        for (n, label) in labels.iter().enumerate() {
            assert_eq!(*label, labels[n % 3]);
        }
        assert!(labels[0] != labels[1] && labels[1] != labels[2] && labels[0] != labels[2]);
        assert_eq!(cluster(&points, 1, 3), labels);
    }

    #[test]
    fn equal_points_and_one_cluster_per_point_are_possible() {
        let labels = cluster(&[1.0, 1.0, 1.0], 1, 2);
        assert!(labels.iter().all(|label| *label < 2));
        let mut labels = cluster(&[1.0, 2.0, 3.0], 1, 3);
        labels.sort_unstable();
        assert_eq!(labels, [0, 1, 2]);
    }
}
