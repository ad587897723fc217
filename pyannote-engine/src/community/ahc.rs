//! The start of VBx: agglomerative clustering with centroid linkage.

use kodama::{Method, linkage};

use crate::{CancelToken, DiarizeError};

/// Clusters points, `(point, dimension)`, as long as the distance of two centroids is at most `threshold`. Returns the
/// cluster of each point, numbered as by SciPy's `fcluster`.
///
/// The memory for the distances of all pairs is 8 bytes times half the square of the number of points.
///
/// # Errors
///
/// [`DiarizeError::Cancelled`], if the run is cancelled before the merges.
pub(super) fn cluster(
    points: &[f64],
    dimension: usize,
    threshold: f64,
    cancel: &CancelToken,
) -> Result<Vec<usize>, DiarizeError> {
    let count = points.len() / dimension;
    let rows = || points.chunks_exact(dimension);
    let mut distances = Vec::with_capacity(count * count.saturating_sub(1) / 2);
    for (index, a) in rows().enumerate() {
        cancel.check()?;
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
    Ok(cut(count, &merges, threshold))
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
    // Clusters are numbered as SciPy does, depth first: the order decides between clusters with as many votes.
    let mut labels = vec![0; count];
    let mut next = 0;
    // Nodes to visit, with the number of the cluster that they belong to, if that is known.
    let mut stack: Vec<(usize, Option<usize>)> = Vec::new();
    stack.extend(
        (count + merges.len())
            .checked_sub(1)
            .map(|root| (root, None)),
    );
    let mut number = |known: Option<usize>| {
        known.unwrap_or_else(|| {
            next += 1;
            next - 1
        })
    };
    while let Some((node, known)) = stack.pop() {
        let Some(index) = node.checked_sub(count) else {
            labels[node] = number(known);
            continue;
        };
        let cluster = match heights[index] <= threshold {
            true => Some(number(known)),
            false => known,
        };
        // SciPy visits merges before points, and the child with the lower number first.
        let [a, b] = merges[index].clusters;
        let (first, second) = (a.min(b), a.max(b));
        let (first, second) = match first < count && second >= count {
            true => (second, first),
            false => (first, second),
        };
        stack.push((second, cluster));
        stack.push((first, cluster));
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(points: &[f64], dimension: usize, threshold: f64) -> Vec<usize> {
        super::cluster(points, dimension, threshold, &CancelToken::new()).unwrap()
    }

    #[test]
    fn a_cancelled_run_ends() {
        let cancel = CancelToken::new();
        cancel.cancel();
        let found = super::cluster(&[0.0, 1.0], 1, 0.5, &cancel);
        assert_eq!(found, Err(DiarizeError::Cancelled));
    }

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
        // Numbered depth first.
        assert_eq!(cluster(&points, 2, 0.9), [0, 2, 1]);
        assert_eq!(cluster(&points, 2, 1.0 + 1e-9), [0, 0, 0]);
    }

    #[test]
    fn few_points_need_no_merge() {
        assert!(cluster(&[], 2, 1.0).is_empty());
        assert_eq!(cluster(&[3.0, 4.0], 2, 1.0), [0]);
    }
}
