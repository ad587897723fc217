//! Agglomerative clustering with average linkage on log-likelihood ratios.

use super::affinity::Affinity;
use crate::{CancelToken, DiarizeError};

/// Clusters are merged while the largest LLR between two of them is at least this.
const MERGE_LLR: f32 = 1.75;

/// Clusters items by their pairwise affinity, into at most `max` clusters. Returns the cluster of each item, numbered
/// from 0.
///
/// `weight_s` is the weight of each item, in seconds of speech, as [`Affinity::llr`] expects it.
pub(super) fn cluster(
    weight_s: &[f32],
    affinity: impl Fn(usize, usize) -> Affinity,
    max: usize,
    cancel: &CancelToken,
) -> Result<Vec<usize>, DiarizeError> {
    let mut clusters = Clusters::new(weight_s, affinity, cancel)?;
    while let Some((a, b)) = clusters.nearest_pair() {
        if cancel.is_cancelled() {
            return Err(DiarizeError::Cancelled);
        }
        if clusters.llr(a, b) < MERGE_LLR && clusters.count() <= max.max(1) {
            break;
        }
        clusters.merge(a, b);
    }
    Ok(relabeled(&clusters.labels))
}

/// The current clusters. A cluster has the index of one of its items.
struct Clusters {
    /// Number of items.
    size: usize,
    /// The symmetric affinity matrix, in row-major order.
    affinity: Vec<Affinity>,
    /// The nearest other cluster of each cluster.
    nearest: Vec<Option<usize>>,
    /// Total weight of the items of each cluster. `None` after it was merged into another.
    weight_s: Vec<Option<f32>>,
    /// The cluster of each item.
    labels: Vec<usize>,
}

impl Clusters {
    /// One cluster per item.
    fn new(
        weight_s: &[f32],
        affinity: impl Fn(usize, usize) -> Affinity,
        cancel: &CancelToken,
    ) -> Result<Self, DiarizeError> {
        let size = weight_s.len();
        let mut clusters = Self {
            size,
            affinity: vec![Affinity::default(); size * size],
            nearest: vec![None; size],
            weight_s: weight_s.iter().copied().map(Some).collect(),
            labels: (0..size).collect(),
        };
        for a in 0..size {
            if cancel.is_cancelled() {
                return Err(DiarizeError::Cancelled);
            }
            for b in 0..a {
                clusters.set_affinity(a, b, affinity(a, b));
            }
        }
        for cluster in 0..size {
            clusters.update_nearest(cluster);
        }
        Ok(clusters)
    }

    fn affinity(&self, a: usize, b: usize) -> Affinity {
        self.affinity[a * self.size + b]
    }

    fn set_affinity(&mut self, a: usize, b: usize, affinity: Affinity) {
        self.affinity[a * self.size + b] = affinity;
        self.affinity[b * self.size + a] = affinity;
    }

    /// LLR of two clusters being the same speaker.
    fn llr(&self, a: usize, b: usize) -> f32 {
        let weight_s = |cluster: usize| self.weight_s[cluster].unwrap_or(0.0);
        self.affinity(a, b).llr(weight_s(a).min(weight_s(b)))
    }

    fn exists(&self, cluster: usize) -> bool {
        self.weight_s[cluster].is_some()
    }

    fn others(&self, cluster: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.size).filter(move |other| *other != cluster && self.exists(*other))
    }

    fn count(&self) -> usize {
        self.weight_s.iter().flatten().count()
    }

    /// The pair with the largest LLR.
    fn nearest_pair(&self) -> Option<(usize, usize)> {
        let pairs = self.nearest.iter().enumerate();
        let pairs = pairs.filter_map(|(cluster, nearest)| Some((cluster, (*nearest)?)));
        pairs
            .filter(|(cluster, _)| self.exists(*cluster))
            .max_by(|(a, b), (c, d)| self.llr(*a, *b).total_cmp(&self.llr(*c, *d)))
    }

    fn update_nearest(&mut self, cluster: usize) {
        self.nearest[cluster] = self
            .others(cluster)
            .max_by(|a, b| self.llr(cluster, *a).total_cmp(&self.llr(cluster, *b)));
    }

    /// Merges cluster `b` into cluster `a`.
    fn merge(&mut self, a: usize, b: usize) {
        let merged = self.weight_s[b].take();
        if let (Some(weight_s), Some(merged)) = (&mut self.weight_s[a], merged) {
            *weight_s += merged;
        }
        for label in self.labels.iter_mut().filter(|label| **label == b) {
            *label = a;
        }
        let others: Vec<usize> = self.others(a).collect();
        for &other in &others {
            let mut affinity = self.affinity(a, other);
            affinity += self.affinity(b, other);
            self.set_affinity(a, other, affinity);
        }
        self.update_nearest(a);
        for other in others {
            match self.nearest[other] {
                Some(nearest) if nearest == a || nearest == b => self.update_nearest(other),
                Some(nearest) if self.llr(other, nearest) < self.llr(other, a) => {
                    self.nearest[other] = Some(a);
                }
                _ => {}
            }
        }
    }
}

/// Number of clusters of labels that are numbered from 0.
pub(super) fn cluster_count(labels: &[usize]) -> usize {
    labels.iter().max().map_or(0, |label| label + 1)
}

/// Renumbers labels from 0, in order of first appearance.
pub(super) fn relabeled(labels: &[usize]) -> Vec<usize> {
    let mut seen = Vec::new();
    labels
        .iter()
        .map(|label| {
            seen.iter()
                .position(|known| known == label)
                .unwrap_or_else(|| {
                    seen.push(*label);
                    seen.len() - 1
                })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Clusters points on a line, whose LLR decreases with their distance.
    fn cluster_points(points: &[f32], max: usize) -> Vec<usize> {
        let llr = |a: usize, b: usize| 5.0 - (points[a] - points[b]).abs();
        let weight_s = vec![2.0; points.len()];
        let affinity = |a, b| Affinity::from_llr(llr(a, b));
        cluster(&weight_s, affinity, max, &CancelToken::default()).unwrap()
    }

    #[test]
    fn merges_near_items() {
        let points = [0.0, 1.0, 20.0, 0.5, 21.0];
        assert_eq!(cluster_points(&points, usize::MAX), [0, 0, 1, 0, 1]);
        assert!(cluster_points(&[], usize::MAX).is_empty());
    }

    #[test]
    fn there_are_at_most_so_many_clusters() {
        let points = [0.0, 1.0, 20.0, 0.5, 21.0];
        for (max, expected) in [
            (0, [0; 5]),
            (1, [0; 5]),
            (2, [0, 0, 1, 0, 1]),
            (4, [0, 0, 1, 0, 1]),
        ] {
            assert_eq!(cluster_points(&points, max), expected, "{max}");
        }
    }

    #[test]
    fn can_be_cancelled() {
        let cancel = CancelToken::default();
        cancel.cancel();
        let affinity = |_, _| Affinity::default();
        let result = cluster(&[1.0; 3], affinity, usize::MAX, &cancel);
        assert_eq!(result, Err(DiarizeError::Cancelled));
    }

    proptest! {
        /// The cached nearest clusters give the same result as a search over all pairs in each step.
        #[test]
        fn agrees_with_exhaustive_search(llrs in prop::collection::vec(-8.0_f32..8.0, 45)) {
            let size = 10;
            let llr = |a: usize, b: usize| llrs[a.max(b) * (a.max(b) - 1) / 2 + a.min(b)];
            let affinity = |a, b| Affinity::from_llr(llr(a, b));
            let found = cluster(&[2.0; 10], affinity, usize::MAX, &CancelToken::default()).unwrap();

            let mut clusters: Vec<Vec<usize>> = (0..size).map(|n| vec![n]).collect();
            loop {
                let mut best = (f32::MIN, 0, 0);
                for a in 0..clusters.len() {
                    for b in 0..a {
                        let pairs = clusters[a].iter().flat_map(|x| clusters[b].iter().map(move |y| llr(*x, *y)));
                        let mean = pairs.sum::<f32>() / (clusters[a].len() * clusters[b].len()) as f32;
                        if mean > best.0 {
                            best = (mean, a, b);
                        }
                    }
                }
                if best.0 < MERGE_LLR {
                    break;
                }
                let merged = clusters.remove(best.1);
                clusters[best.2].extend(merged);
            }
            let mut labels = vec![0; size];
            for (label, cluster) in clusters.iter().enumerate() {
                cluster.iter().for_each(|n| labels[*n] = label);
            }
            prop_assert_eq!(found, relabeled(&labels));
        }
    }
}
