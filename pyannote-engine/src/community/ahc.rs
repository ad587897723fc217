//! The start of VBx: agglomerative clustering with centroid linkage.

use kodama::{Method, linkage};

/// Clusters points, `(point, dimension)`, as long as the distance of two centroids is at most `threshold`. Returns the
/// cluster of each point; clusters are numbered in order of their first points.
///
/// The memory for the distances of all pairs is 8 bytes times half the square of the number of points.
pub(super) fn cluster(points: &[f64], dimension: usize, threshold: f64) -> Vec<usize> {
    let count = points.len() / dimension;
    let rows = || points.chunks_exact(dimension);
    let mut distances = Vec::with_capacity(count * count.saturating_sub(1) / 2);
    for (index, a) in rows().enumerate() {
        distances.extend(rows().skip(index + 1).map(|b| distance(a, b)));
    }
    let dendrogram = linkage(&mut distances, count, Method::Centroid);
    let merges: Vec<Merge> = dendrogram
        .steps()
        .iter()
        .map(|step| Merge {
            clusters: [step.cluster1, step.cluster2],
            distance: step.dissimilarity,
        })
        .collect();
    cut(count, &merges, threshold)
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let squares: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    squares.sqrt()
}

/// A merge of two clusters. Clusters are points, and then the results of the merges before.
struct Merge {
    clusters: [usize; 2],
    distance: f64,
}

/// Cuts a tree: a merge is part of a cluster if its distance and those of all merges below it are at most the threshold.
///
/// With centroid linkage, a merge may be closer than one below it.
fn cut(count: usize, merges: &[Merge], threshold: f64) -> Vec<usize> {
    // The largest distance of each merge and those below it.
    let mut heights: Vec<f64> = Vec::with_capacity(merges.len());
    for merge in merges {
        let below = merge
            .clusters
            .iter()
            .filter_map(|cluster| cluster.checked_sub(count));
        let height = below
            .map(|index| heights[index])
            .fold(merge.distance, f64::max);
        heights.push(height);
    }
    // The cluster of each node: its own number, unless it belongs to a merge above it.
    let mut roots: Vec<usize> = (0..count + merges.len()).collect();
    for (index, merge) in merges.iter().enumerate().rev() {
        if heights[index] <= threshold {
            for cluster in merge.clusters {
                roots[cluster] = roots[count + index];
            }
        }
    }
    renumbered(&roots[..count])
}

/// Numbers labels from 0, in order of their first occurrence.
fn renumbered(labels: &[usize]) -> Vec<usize> {
    let mut numbers = std::collections::HashMap::new();
    let number = |label: &usize| {
        let next = numbers.len();
        *numbers.entry(*label).or_insert(next)
    };
    labels.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centroids_within_the_threshold_are_merged() {
        // On a line: 0, 1, 10, 11.5, 30.
        let points = [0.0, 1.0, 10.0, 11.5, 30.0];
        assert_eq!(cluster(&points, 1, 0.5), [0, 1, 2, 3, 4]);
        assert_eq!(cluster(&points, 1, 1.2), [0, 0, 1, 2, 3]);
        assert_eq!(cluster(&points, 1, 2.0), [0, 0, 1, 1, 2]);
        // The centroids 0.5 and 10.75 are 10.25 apart.
        assert_eq!(cluster(&points, 1, 10.2), [0, 0, 1, 1, 2]);
        assert_eq!(cluster(&points, 1, 10.3), [0, 0, 0, 0, 1]);
        assert_eq!(cluster(&points, 1, 100.0), [0; 5]);
    }

    #[test]
    fn a_merge_above_a_farther_one_does_not_count() {
        // An equilateral triangle: the centroid of two corners is closer to the third than they are to each other.
        let points = [0.0, 0.0, 1.0, 0.0, 0.5, 0.75_f64.sqrt()];
        assert_eq!(cluster(&points, 2, 0.9), [0, 1, 2]);
        assert_eq!(cluster(&points, 2, 1.0 + 1e-9), [0, 0, 0]);
    }

    #[test]
    fn few_points_need_no_merge() {
        assert!(cluster(&[], 2, 1.0).is_empty());
        assert_eq!(cluster(&[3.0, 4.0], 2, 1.0), [0]);
    }
}
