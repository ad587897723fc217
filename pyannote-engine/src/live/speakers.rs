//! The speakers of the stream, and the assignment of the speakers of a window to them.

use super::local::LiveLocalSpeaker;
use crate::models::EMBEDDING_DIM;
use crate::pipeline::affinity::embedding_llr;
use crate::pipeline::embeddings::{EmbeddingVector, add_scaled, normalized};
use crate::pipeline::reassignment::best_permutation;
use crate::pipeline::windows::MAX_LOCAL_SPEAKERS;

/// Minimum LLR of an embedding and a centroid: below, the speaker is more likely a new one.
const SAME_SPEAKER_LLR: f32 = 1.75;
/// Score of the speaker of the last window for a second of activity in the frames of both. The others get its negative.
const CONTINUITY_SCORE: f32 = 0.5;
/// Maximum duration of the activity that counts, so that embeddings can correct what was assigned before.
const MAX_CONTINUITY_S: f32 = 2.0;
/// Score of the only speaker left, known or new, if there is neither an embedding nor a speaker of the last window.
const NO_EVIDENCE_SCORE: f32 = -1.0;
/// Score of remaining unknown.
const UNKNOWN_SCORE: f32 = -2.0;
/// Minimum non-overlapped speech of a new speaker. The first one, who cannot be confused with another, only needs an
/// embedding.
const MIN_NEW_SPEECH_S: f32 = 1.0;
/// Minimum speech of a new speaker without an embedding: the others of the window are known ones, who are different.
const MIN_NEW_OVERLAPPED_S: f32 = 0.5;
/// LLR of the centroids of two speakers who are the same: the maximum.
const MERGE_CENTROIDS_LLR: f32 = 8.0;
/// Minimum weight of both centroids.
const MIN_MERGE_WEIGHT_S: f32 = 3.0;
/// Maximum weight of the past in a centroid, so that it follows slow changes of the speech and the microphone.
const MAX_CENTROID_WEIGHT_S: f32 = 60.0;

/// The speakers of the stream.
#[derive(Debug)]
pub(super) struct Speakers {
    centroids: Vec<Centroid>,
    max: usize,
}

/// The mean embedding of a speaker.
#[derive(Debug)]
struct Centroid {
    /// Sum of embeddings, weighted by seconds of non-overlapped speech.
    sum: EmbeddingVector,
    weight_s: f32,
    /// Whether the speaker turned out to be an earlier one, and is not assigned again.
    is_merged: bool,
}

impl Speakers {
    /// No speakers so far, and at most this many.
    pub(super) fn new(max: usize) -> Self {
        Self {
            centroids: Vec::new(),
            max,
        }
    }

    /// Assigns the speakers of a window to speakers of the stream, known or new, and updates the centroids of these.
    ///
    /// The local speakers get different ones, unless there are not enough. `None` if a local speaker is unknown: there
    /// is too little speech. `is_whole_stream` if the stream is not longer than the window.
    pub(super) fn assign(
        &mut self,
        locals: &[LiveLocalSpeaker],
        is_whole_stream: bool,
    ) -> Vec<Option<usize>> {
        let known = self.centroids.len();
        let free = self.max.saturating_sub(known).min(locals.len());
        let scores: Vec<Vec<f32>> = locals
            .iter()
            .map(|local| self.scores(local, locals.len(), free))
            .collect();
        let columns = best_permutation(&scores);
        let mut assigned = Vec::with_capacity(locals.len());
        for (local, column) in locals.iter().zip(columns) {
            // Columns after those of new speakers stand for unknown ones.
            let speaker = (column < known + free).then(|| {
                if column >= known {
                    self.centroids.push(Centroid::default());
                }
                let speaker = column.min(self.centroids.len() - 1);
                self.centroids[speaker].update(local, is_whole_stream);
                speaker
            });
            assigned.push(speaker);
        }
        self.merge(&mut assigned);
        assigned
    }

    /// Merges speakers who turn out to be the same, unless the window has both. The later one is not assigned again.
    fn merge(&mut self, assigned: &mut [Option<usize>]) {
        for later in 1..self.centroids.len() {
            for earlier in 0..later {
                let has = |speaker| assigned.contains(&Some(speaker));
                let [a, b] = [earlier, later].map(|speaker| &self.centroids[speaker]);
                if has(earlier) == has(later) || !a.is_same(b) {
                    continue;
                }
                let merged = std::mem::take(&mut self.centroids[later]);
                self.centroids[later].is_merged = true;
                self.centroids[earlier].add(&merged.sum, merged.weight_s);
                for speaker in assigned
                    .iter_mut()
                    .filter(|speaker| **speaker == Some(later))
                {
                    *speaker = Some(earlier);
                }
            }
        }
    }

    /// The score of assigning one of `count` local speakers to each speaker of the stream, to each of `free` new ones,
    /// and of leaving it unknown.
    fn scores(&self, local: &LiveLocalSpeaker, count: usize, free: usize) -> Vec<f32> {
        let known = self.centroids.iter().filter(|known| !known.is_merged);
        let known = known.count();
        let continuity = CONTINUITY_SCORE * local.shared_s.min(MAX_CONTINUITY_S);
        let other = match (local.before, &local.embedding) {
            (Some(_), _) => -continuity,
            (None, Some(_)) => 0.0,
            // By exclusion: the others of the window are all known speakers but one, or all of them.
            (None, None) if count >= known => NO_EVIDENCE_SCORE,
            (None, None) => f32::NEG_INFINITY,
        };
        let mut scores = vec![other; self.centroids.len()];
        if let Some(before) = local.before {
            scores[before] = continuity;
        }
        if let Some(embedding) = &local.embedding {
            for (score, centroid) in scores.iter_mut().zip(&self.centroids) {
                *score += centroid.score(embedding, local.solo_s);
            }
        }
        for (score, centroid) in scores.iter_mut().zip(&self.centroids) {
            if centroid.is_merged {
                *score = f32::NEG_INFINITY;
            }
        }
        let may_be_new = match local.embedding {
            Some(_) => known == 0 || local.solo_s >= MIN_NEW_SPEECH_S,
            None => known > 0 && local.before.is_none() && local.speech_s >= MIN_NEW_OVERLAPPED_S,
        };
        let new = if may_be_new { other } else { f32::NEG_INFINITY };
        scores.extend(vec![new; free]);
        // If there are as many speakers as possible, none stays unknown.
        if self.centroids.len() < self.max {
            scores.extend([UNKNOWN_SCORE; MAX_LOCAL_SPEAKERS]);
        }
        scores
    }
}

impl Default for Centroid {
    fn default() -> Self {
        Self {
            sum: [0.0; EMBEDDING_DIM],
            weight_s: 0.0,
            is_merged: false,
        }
    }
}

impl Centroid {
    /// Whether both certainly are the same speaker.
    fn is_same(&self, other: &Self) -> bool {
        let has_weight = self.weight_s.min(other.weight_s) >= MIN_MERGE_WEIGHT_S;
        let centroids = normalized(self.sum).zip(normalized(other.sum));
        has_weight && centroids.is_some_and(|(a, b)| embedding_llr(&a, &b) >= MERGE_CENTROIDS_LLR)
    }

    /// The score of an embedding of this much speech: it counts for no more than the one with less speech permits.
    fn score(&self, embedding: &EmbeddingVector, solo_s: f32) -> f32 {
        normalized(self.sum).map_or(0.0, |centroid| {
            let llr = embedding_llr(embedding, &centroid);
            solo_s.min(self.weight_s) * (llr - SAME_SPEAKER_LLR)
        })
    }

    /// Adds what is not in the last window. While windows begin with the stream, each one replaces those before it,
    /// which were shorter.
    fn update(&mut self, local: &LiveLocalSpeaker, is_whole_stream: bool) {
        let Some(embedding) = &local.embedding else {
            return;
        };
        if is_whole_stream {
            *self = Self::default();
        }
        let is_first = self.weight_s == 0.0;
        let weight_s = if is_first {
            local.solo_s
        } else {
            local.new_solo_s
        };
        let scaled = embedding.map(|value| value * weight_s);
        self.add(&scaled, weight_s);
    }

    /// Adds a sum of embeddings with this weight.
    fn add(&mut self, sum: &EmbeddingVector, weight_s: f32) {
        add_scaled(&mut self.sum, sum, 1.0);
        self.weight_s += weight_s;
        if self.weight_s > MAX_CENTROID_WEIGHT_S {
            let factor = MAX_CENTROID_WEIGHT_S / self.weight_s;
            self.sum.iter_mut().for_each(|value| *value *= factor);
            self.weight_s = MAX_CENTROID_WEIGHT_S;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unit vector between two axes: `cosine` is the similarity to the first.
    fn unit_vector(axis: usize, cosine: f32) -> EmbeddingVector {
        let mut embedding = [0.0; EMBEDDING_DIM];
        embedding[axis] = cosine;
        embedding[EMBEDDING_DIM - 1 - axis] = (1.0 - cosine * cosine).sqrt();
        embedding
    }

    /// A local speaker who spoke alone for this long.
    fn local(axis: usize, cosine: f32, solo_s: f32) -> LiveLocalSpeaker {
        LiveLocalSpeaker {
            speech_s: solo_s,
            solo_s,
            new_solo_s: solo_s.min(0.5),
            embedding: Some(unit_vector(axis, cosine)),
            ..LiveLocalSpeaker::default()
        }
    }

    /// A local speaker who never spoke alone.
    fn overlapped(speech_s: f32) -> LiveLocalSpeaker {
        LiveLocalSpeaker {
            speech_s,
            ..LiveLocalSpeaker::default()
        }
    }

    /// The same local speaker, who was this one in the last window.
    fn continued(local: LiveLocalSpeaker, before: usize) -> LiveLocalSpeaker {
        LiveLocalSpeaker {
            before: Some(before),
            shared_s: 5.0,
            ..local
        }
    }

    fn speakers(axes: std::ops::Range<usize>, max: usize) -> Speakers {
        let mut speakers = Speakers::new(max);
        for axis in axes {
            assert_eq!(
                speakers.assign(&[local(axis, 1.0, 3.0)], false),
                [Some(axis)]
            );
        }
        speakers
    }

    #[test]
    fn speakers_are_recognized_by_their_embeddings() {
        for (name, locals, expected) in [
            ("nobody", vec![], vec![]),
            ("the same", vec![local(1, 0.7, 3.0)], vec![Some(1)]),
            ("a new one", vec![local(2, 1.0, 3.0)], vec![Some(2)]),
            (
                "a new one who has hardly spoken",
                vec![local(2, 1.0, 0.9)],
                vec![None],
            ),
            (
                "two known ones",
                vec![local(1, 0.8, 2.0), local(0, 0.8, 2.0)],
                vec![Some(1), Some(0)],
            ),
            (
                "an old and a new one",
                vec![local(0, 0.8, 2.0), local(2, 0.8, 2.0)],
                vec![Some(0), Some(2)],
            ),
            (
                "two similar ones are different",
                vec![local(0, 0.9, 2.0), local(0, 0.4, 2.0)],
                vec![Some(0), Some(2)],
            ),
            (
                "three new ones",
                vec![local(2, 1.0, 2.0), local(3, 1.0, 2.0), local(4, 1.0, 2.0)],
                vec![Some(2), Some(3), Some(4)],
            ),
        ] {
            assert_eq!(speakers(0..2, 8).assign(&locals, false), expected, "{name}");
        }
    }

    #[test]
    fn the_first_speaker_needs_less_speech() {
        let assigned = Speakers::new(8).assign(&[local(0, 1.0, 0.6)], true);
        assert_eq!(assigned, [Some(0)]);
        assert_eq!(Speakers::new(8).assign(&[overlapped(3.0)], true), [None]);
    }

    #[test]
    fn without_an_embedding_the_others_decide() {
        for (name, locals, expected) in [
            (
                "one who continues",
                vec![continued(overlapped(0.2), 0), overlapped(0.2)],
                vec![Some(0), Some(1)],
            ),
            (
                "the other known one",
                vec![local(1, 0.9, 2.0), overlapped(0.2)],
                vec![Some(1), Some(0)],
            ),
            (
                "one who is different from both",
                vec![local(1, 0.9, 2.0), local(0, 0.9, 2.0), overlapped(0.6)],
                vec![Some(1), Some(0), Some(2)],
            ),
            (
                "one who has hardly spoken",
                vec![local(1, 0.9, 2.0), local(0, 0.9, 2.0), overlapped(0.4)],
                vec![Some(1), Some(0), None],
            ),
            ("one of two known ones", vec![overlapped(3.0)], vec![None]),
        ] {
            assert_eq!(speakers(0..2, 8).assign(&locals, false), expected, "{name}");
        }
    }

    #[test]
    fn an_embedding_corrects_what_was_assigned_before() {
        let mut speakers = speakers(0..2, 8);
        let spoken = continued(local(0, 0.8, 3.0), 1);
        assert_eq!(speakers.assign(&[spoken], false), [Some(0)]);
        // Like neither, but too short to be sure.
        let short = continued(local(9, 1.0, 0.3), 1);
        assert_eq!(speakers.assign(&[short], false), [Some(1)]);
    }

    #[test]
    fn a_label_is_no_longer_used_if_the_speaker_turns_out_to_be_an_earlier_one() {
        let mut speakers = speakers(0..1, 8);
        assert_eq!(speakers.assign(&[local(0, 0.2, 3.0)], false), [Some(1)]);
        // Both fit, so the speaker remains the one of the last window until the centroids are the same.
        let mut assigned = vec![1];
        for _ in 0..100 {
            let more = continued(local(0, 0.75, 3.0), assigned[assigned.len() - 1]);
            assigned.extend(speakers.assign(&[more], false).into_iter().flatten());
        }
        assert_eq!((assigned[1], assigned[100]), (1, 0));
        assert!(assigned.is_sorted_by(|a, b| a >= b), "{assigned:?}");
        // Even if the label fits better.
        assert_eq!(speakers.assign(&[local(0, 0.3, 3.0)], false), [Some(0)]);
        assert_eq!(speakers.assign(&[local(5, 1.0, 3.0)], false), [Some(2)]);
    }

    #[test]
    fn speakers_of_the_same_window_are_not_merged() {
        let mut speakers = speakers(0..1, 8);
        for _ in 0..50 {
            let both = [local(0, 1.0, 3.0), local(0, 0.8, 3.0)];
            let [first, second] = both;
            let both = [
                continued(first, 0),
                continued(second, 1.min(speakers.centroids.len() - 1)),
            ];
            assert_eq!(speakers.assign(&both, false), [Some(0), Some(1)]);
        }
    }

    #[test]
    fn the_first_windows_replace_each_other() {
        let mut speakers = Speakers::new(8);
        for (axis, solo_s) in [(5, 1.0), (6, 2.0), (0, 3.0)] {
            let mut spoken = local(axis, 1.0, solo_s);
            if axis != 5 {
                spoken = continued(spoken, 0);
                // Continuity decides if the centroid has little weight.
                speakers.centroids[0].weight_s = 0.1;
            }
            assert_eq!(speakers.assign(&[spoken], true), [Some(0)]);
        }
        assert_eq!(
            normalized(speakers.centroids[0].sum),
            Some(unit_vector(0, 1.0))
        );
        assert_eq!(speakers.centroids[0].weight_s, 3.0);
    }

    #[test]
    fn there_are_never_more_speakers_than_the_maximum() {
        let mut full = speakers(0..8, 8);
        let new = |axis| local(axis, 1.0, 3.0);
        let assigned = full.assign(&[new(20), new(21), new(22)], false);
        let mut different: Vec<usize> = assigned.into_iter().flatten().collect();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), 3);
        assert_eq!(full.centroids.len(), 8);

        let mut single = Speakers::new(1);
        let assigned = single.assign(&[new(0), new(1)], false);
        assert_eq!(assigned.iter().flatten().count(), 1);
        assert_eq!(single.assign(&[new(0), new(1)], false), [Some(0), Some(0)]);
    }

    #[test]
    fn centroids_follow_slow_changes() {
        let mut speakers = speakers(0..1, 8);
        let mut embedding = unit_vector(0, 1.0);
        for step in 0..500 {
            let cosine = 1.0 - step as f32 / 500.0;
            embedding = unit_vector(0, cosine);
            let assigned = speakers.assign(&[local(0, cosine, 2.0)], false);
            assert_eq!(assigned, [Some(0)], "{step}");
        }
        assert!(embedding_llr(&embedding, &unit_vector(0, 1.0)) < 0.0);
        assert!(speakers.centroids[0].weight_s <= MAX_CENTROID_WEIGHT_S);
    }
}
