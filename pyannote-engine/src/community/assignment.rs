//! Constrained assignment: the speakers of a window get different clusters.

use crate::pipeline::windows::MAX_LOCAL_SPEAKERS;

/// Assigns clusters to the speakers of a window so that the sum of scores is the greatest. Each cluster occurs at most
/// once: if there are fewer clusters than speakers, some speakers get none.
///
/// `scores` has a row for each of at most [`MAX_LOCAL_SPEAKERS`] speakers, with a score, above 0, for each cluster.
pub(super) fn constrained(scores: &[&[f64]]) -> Vec<Option<usize>> {
    // Of the best clusters of a speaker, the others can take all but one.
    let candidates: Vec<Vec<usize>> = scores.iter().map(|row| best(row)).collect();
    let mut search = Search {
        scores,
        candidates: &candidates,
        current: Vec::with_capacity(scores.len()),
        best: (f64::NEG_INFINITY, vec![None; scores.len()]),
    };
    search.run(0.0);
    search.best.1
}

/// The clusters with the highest scores, the first of equal ones first.
fn best(row: &[f64]) -> Vec<usize> {
    let mut clusters: Vec<usize> = (0..row.len()).collect();
    clusters.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
    clusters.truncate(MAX_LOCAL_SPEAKERS);
    clusters
}

struct Search<'a> {
    scores: &'a [&'a [f64]],
    candidates: &'a [Vec<usize>],
    /// The clusters of the first speakers.
    current: Vec<Option<usize>>,
    /// The greatest sum so far, with its assignment.
    best: (f64, Vec<Option<usize>>),
}

impl Search<'_> {
    /// Tries all clusters for the next speaker, and for those that follow.
    fn run(&mut self, sum: f64) {
        let speaker = self.current.len();
        let Some(candidates) = self.candidates.get(speaker) else {
            if sum > self.best.0 {
                self.best = (sum, self.current.clone());
            }
            return;
        };
        for cluster in candidates {
            if !self.current.contains(&Some(*cluster)) {
                self.current.push(Some(*cluster));
                self.run(sum + self.scores[speaker][*cluster]);
                self.current.pop();
            }
        }
        self.current.push(None);
        self.run(sum);
        self.current.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_scores_decides() {
        // Both prefer cluster 0, and the second speaker loses less with cluster 1.
        let found = constrained(&[&[1.9, 0.5, 0.1], &[1.8, 1.7, 0.2]]);
        assert_eq!(found, [Some(0), Some(1)]);
        let found = constrained(&[&[1.9, 0.5, 0.1], &[1.8, 1.7, 0.2], &[1.7, 1.6, 0.4]]);
        assert_eq!(found, [Some(0), Some(1), Some(2)]);
    }

    #[test]
    fn the_worst_speaker_gets_none_of_too_few_clusters() {
        assert_eq!(
            constrained(&[&[1.0], &[1.2], &[0.4]]),
            [None, Some(0), None]
        );
        assert_eq!(constrained(&[&[1.0]]), [Some(0)]);
        assert!(constrained(&[]).is_empty());
    }

    #[test]
    fn candidates_include_every_optimal_assignment() {
        // Three speakers with the same order of preference among six clusters.
        let row = [0.1, 0.9, 0.3, 0.8, 0.7, 0.2];
        let found = constrained(&[&row, &row, &row]);
        let sum: f64 = found.iter().map(|cluster| row[cluster.unwrap()]).sum();
        assert!((sum - 2.4).abs() < 1e-12, "{found:?}");
    }
}
