//! Reassignment of local speakers to the clusters that were found.
//!
//! Agglomerative clustering never revises a merge. Reassignment visits each window with all others held fixed, and
//! assigns its local speakers to clusters again: the permutation with the best total score of embeddings and
//! coactivity, subject to the cannot-link constraint that they are different clusters. This is repeated until nothing
//! changes.

use super::affinity::{self, COACTIVITY_LLR, MAX_EMBEDDING_WEIGHT_S};
use super::embeddings::{self, EmbeddingVector};
use super::local_speakers::LocalSpeaker;
use super::{clustering, frames};
use crate::models::EMBEDDING_DIM;
use crate::{CancelToken, DiarizeError};

/// Maximum number of passes over all windows.
const MAX_PASSES: usize = 5;
/// Weight of a second of activity in shared frames, relative to a second of embedding.
const REASSIGNMENT_COACTIVITY_WEIGHT: f32 = 0.5;

/// Reassigns local speakers, which are in order of their windows. Returns the new labels; a cluster may vanish.
pub(super) fn reassign(
    speakers: &[LocalSpeaker],
    labels: &[usize],
    cancel: &CancelToken,
) -> Result<Vec<usize>, DiarizeError> {
    let mut clusters = ClusterState::new(speakers, labels);
    let mut labels = labels.to_vec();
    for _ in 0..MAX_PASSES {
        if cancel.is_cancelled() {
            return Err(DiarizeError::Cancelled);
        }
        let before = labels.clone();
        let mut start = 0;
        for window in speakers.chunk_by(|a, b| a.window == b.window) {
            let end = start + window.len();
            let labels = &mut labels[start..end];
            clusters.add_window(window, labels, -1.0);
            let scores: Vec<Vec<f32>> = window
                .iter()
                .map(|speaker| clusters.scores(speaker))
                .collect();
            labels.copy_from_slice(&best_permutation(&scores));
            clusters.add_window(window, labels, 1.0);
            start = end;
        }
        if labels == before {
            break;
        }
    }
    Ok(clustering::relabeled(&labels))
}

/// Centroids and activity of the clusters with the current labels.
struct ClusterState {
    /// Number of clusters.
    count: usize,
    /// The first frame of all windows. The vectors below start with it.
    first_frame: usize,
    /// Sum over the windows of the activity of each cluster, as `(frame, cluster)`.
    activity: Vec<f32>,
    /// Number of windows that cover each frame.
    coverage: Vec<f32>,
    /// Sum of the embeddings of each cluster, weighted by seconds of non-overlapped speech.
    embeddings: Vec<EmbeddingVector>,
}

impl ClusterState {
    fn new(speakers: &[LocalSpeaker], labels: &[usize]) -> Self {
        let count = clustering::cluster_count(labels);
        let first_frame = speakers
            .iter()
            .map(|speaker| speaker.first_frame)
            .min()
            .unwrap_or(0);
        let end_frame = speakers
            .iter()
            .map(LocalSpeaker::end_frame)
            .max()
            .unwrap_or(0);
        let mut state = Self {
            count,
            first_frame,
            activity: vec![0.0; (end_frame - first_frame) * count],
            coverage: vec![0.0; end_frame - first_frame],
            embeddings: vec![[0.0; EMBEDDING_DIM]; count],
        };
        let mut labels = labels;
        for window in speakers.chunk_by(|a, b| a.window == b.window) {
            let (of_window, rest) = labels.split_at(window.len());
            state.add_window(window, of_window, 1.0);
            labels = rest;
        }
        state
    }

    /// Adds the local speakers of a window, multiplied by `sign`: -1 removes them.
    fn add_window(&mut self, window: &[LocalSpeaker], labels: &[usize], sign: f32) {
        let frames =
            window[0].first_frame - self.first_frame..window[0].end_frame() - self.first_frame;
        for count in &mut self.coverage[frames.clone()] {
            *count += sign;
        }
        for (speaker, &label) in window.iter().zip(labels) {
            let rows = self.activity.chunks_exact_mut(self.count);
            for (row, activity) in rows.skip(frames.start).zip(&speaker.activity) {
                row[label] += sign * activity;
            }
            if let Some(embedding) = &speaker.embedding {
                let sum = &mut self.embeddings[label];
                embeddings::add_scaled(sum, embedding, sign * speaker.solo_s);
            }
        }
    }

    /// The score of assigning a local speaker to each cluster. Its window must have been removed.
    fn scores(&self, speaker: &LocalSpeaker) -> Vec<f32> {
        let mut scores = self.coactivity_scores(speaker);
        if let Some(embedding) = &speaker.embedding {
            for (score, sum) in scores.iter_mut().zip(&self.embeddings) {
                // A cluster without embeddings has rounding errors of those that were added and removed.
                let has_embeddings = embeddings::dot(sum, sum) > 1e-6;
                if let Some(centroid) = embeddings::normalized(*sum).filter(|_| has_embeddings) {
                    *score += speaker.solo_s.min(MAX_EMBEDDING_WEIGHT_S)
                        * affinity::embedding_llr(embedding, &centroid);
                }
            }
        }
        scores
    }

    /// Coactivity with each cluster in the frames that other windows cover too: positive for clusters that are active
    /// when this speaker is, negative for others.
    fn coactivity_scores(&self, speaker: &LocalSpeaker) -> Vec<f32> {
        let start = speaker.first_frame - self.first_frame;
        let rows = self.activity.chunks_exact(self.count).skip(start);
        let coverage = self.coverage.iter().skip(start);
        let mut scores = vec![0.0; self.count];
        for ((row, windows), activity) in rows.zip(coverage).zip(&speaker.activity) {
            if *windows < 0.5 {
                continue;
            }
            for (score, cluster) in scores.iter_mut().zip(row) {
                *score += activity * (2.0 * cluster / windows - 1.0);
            }
        }
        let factor = REASSIGNMENT_COACTIVITY_WEIGHT * COACTIVITY_LLR * frames::STEP_S as f32;
        scores.iter_mut().for_each(|score| *score *= factor);
        scores
    }
}

/// The best cluster for each local speaker of a window, given the score of each cluster.
///
/// Clusters are different as long as there are enough of them; the sum of the scores is maximal.
pub(crate) fn best_permutation(scores: &[Vec<f32>]) -> Vec<usize> {
    let candidates: Vec<Vec<(usize, f32)>> = scores
        .iter()
        .map(|clusters| {
            let mut ranked: Vec<(usize, f32)> = clusters.iter().copied().enumerate().collect();
            ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
            // Whichever clusters the other speakers get, one of this many is left.
            ranked.truncate(scores.len());
            ranked
        })
        .collect();
    let mut best = (0, f32::NEG_INFINITY, Vec::new());
    search(&candidates, &mut Vec::new(), (0, 0.0), &mut best);
    best.2
        .into_iter()
        .zip(&candidates)
        // Without enough clusters, two speakers of a window share one.
        .map(|(cluster, ranked)| cluster.unwrap_or(ranked[0].0))
        .collect()
}

/// Tries all assignments that begin with `chosen`. Keeps the one with the most assigned speakers, then the best score.
fn search(
    candidates: &[Vec<(usize, f32)>],
    chosen: &mut Vec<Option<usize>>,
    (assigned, sum): (usize, f32),
    best: &mut (usize, f32, Vec<Option<usize>>),
) {
    let Some(ranked) = candidates.get(chosen.len()) else {
        if assigned > best.0 || (assigned == best.0 && sum > best.1) {
            *best = (assigned, sum, chosen.clone());
        }
        return;
    };
    for (cluster, score) in ranked {
        if !chosen.contains(&Some(*cluster)) {
            chosen.push(Some(*cluster));
            search(candidates, chosen, (assigned + 1, sum + score), best);
            chosen.pop();
        }
    }
    chosen.push(None);
    search(candidates, chosen, (assigned, sum), best);
    chosen.pop();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn speakers_of_a_window_get_different_clusters() {
        assert_eq!(best_permutation(&[vec![5.0, 4.0], vec![5.0, 0.0]]), [1, 0]);
        assert_eq!(
            best_permutation(&[vec![1.0, 9.0], vec![2.0, 3.0], vec![-1.0, 0.0]]),
            [1, 0, 1]
        );
        assert_eq!(best_permutation(&[vec![-3.0]]), [0]);
        assert_eq!(best_permutation(&[]), Vec::<usize>::new());
    }

    proptest! {
        #[test]
        fn no_permutation_is_better(scores in prop::collection::vec(prop::collection::vec(-9.0_f32..9.0, 6), 3)) {
            let found = best_permutation(&scores);
            let sum = |clusters: &[usize]| -> f32 { clusters.iter().zip(&scores).map(|(c, s)| s[*c]).sum() };
            for a in 0..6 {
                for b in (0..6).filter(|b| *b != a) {
                    for c in (0..6).filter(|c| *c != a && *c != b) {
                        prop_assert!(sum(&[a, b, c]) <= sum(&found) + 1e-4);
                    }
                }
            }
        }
    }
}
