//! The speakers of the stream, and the assignment of the speakers of a window to them.

use super::local::LiveLocalSpeaker;
use super::timeline::MAX_SPEAKERS;
use crate::models::EMBEDDING_DIM;
use crate::pipeline::affinity::{COACTIVITY_LLR, embedding_llr};
use crate::pipeline::embeddings::{EmbeddingVector, add_scaled, normalized};
use crate::pipeline::frames;
use crate::pipeline::reassignment::best_permutation;

/// Minimum LLR of an embedding and a centroid: below, the speaker is more likely a new one.
const SAME_SPEAKER_LLR: f32 = 1.75;
/// Maximum LLR of an embedding and any centroid for the speaker to be a new one.
const MAX_NEW_SPEAKER_LLR: f32 = 2.5;
/// Maximum weight of the embedding of a local speaker.
const MAX_LIVE_EMBEDDING_WEIGHT_S: f32 = 3.0;
/// Weight of a second of activity in shared frames, relative to a second of embedding.
const LIVE_COACTIVITY_WEIGHT: f32 = 0.1;
/// Maximum duration of the activity in shared frames that counts, so that embeddings can correct what was assigned
/// before.
const MAX_SHARED_ACTIVITY_S: f32 = 2.0;
/// Minimum duration of activity in shared frames that counts.
const MIN_LIVE_SHARED_ACTIVITY_S: f32 = 0.05;
/// Score of a local speaker who remains unknown.
const UNKNOWN_SCORE: f32 = -3.0;
/// Minimum non-overlapped speech of a new speaker.
const MIN_NEW_SPEECH_S: f32 = 0.8;
/// Minimum non-overlapped speech of the first speaker, who cannot be confused with another one.
const MIN_FIRST_SPEECH_S: f32 = 0.5;
/// Minimum non-overlapped speech of an embedding that updates a centroid.
const MIN_UPDATE_SPEECH_S: f32 = 1.0;
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
    /// is too little speech. `history` is the activity of each speaker of the stream in the frames of the window, as
    /// far as earlier windows covered them.
    pub(super) fn assign(
        &mut self,
        locals: &[LiveLocalSpeaker],
        history: &[[f32; MAX_SPEAKERS]],
    ) -> Vec<Option<usize>> {
        let known = self.centroids.len();
        let free = self.max.saturating_sub(known).min(locals.len());
        let scores: Vec<Option<Vec<f32>>> = locals
            .iter()
            .map(|local| self.scores(local, history, free))
            .collect();
        let rows: Vec<Vec<f32>> = scores.iter().flatten().cloned().collect();
        let mut columns = best_permutation(&rows).into_iter();
        let mut assigned = Vec::with_capacity(locals.len());
        for (local, scores) in locals.iter().zip(&scores) {
            // Columns after those of new speakers stand for unknown ones.
            let column = scores.as_ref().and_then(|_| columns.next());
            let speaker = match column.filter(|column| *column < known + free) {
                Some(column) if column < known => {
                    self.centroids[column].update(local);
                    Some(column)
                }
                Some(_) => {
                    self.centroids.push(Centroid::new(local));
                    Some(self.centroids.len() - 1)
                }
                None => None,
            };
            assigned.push(speaker);
        }
        assigned
    }

    /// The score of assigning a local speaker to each speaker of the stream, to each of `free` new ones, and of leaving
    /// it unknown. `None` if it has neither an embedding nor coactivity.
    fn scores(
        &self,
        local: &LiveLocalSpeaker,
        history: &[[f32; MAX_SPEAKERS]],
        free: usize,
    ) -> Option<Vec<f32>> {
        let known = self.centroids.len();
        let coactivity = coactivity_scores(local, history, known);
        if local.embedding.is_none() && coactivity.is_none() {
            return None;
        }
        let mut scores = coactivity.unwrap_or_else(|| vec![0.0; known]);
        let mut best_llr = f32::NEG_INFINITY;
        let weight_s = local.embedded_s.min(MAX_LIVE_EMBEDDING_WEIGHT_S);
        if let Some(embedding) = &local.embedding {
            for (score, centroid) in scores.iter_mut().zip(&self.centroids) {
                if let Some(centroid) = normalized(centroid.sum) {
                    let llr = embedding_llr(embedding, &centroid);
                    best_llr = best_llr.max(llr);
                    *score += weight_s * (llr - SAME_SPEAKER_LLR);
                }
            }
        }
        let min_speech_s = if known == 0 {
            MIN_FIRST_SPEECH_S
        } else {
            MIN_NEW_SPEECH_S
        };
        let may_be_new = local.embedding.is_some()
            && local.embedded_s >= min_speech_s
            && best_llr < MAX_NEW_SPEAKER_LLR;
        scores.extend(vec![if may_be_new { 0.0 } else { f32::NEG_INFINITY }; free]);
        // If there are as many speakers as possible, none stays unknown.
        if known < self.max {
            scores.extend([UNKNOWN_SCORE; crate::pipeline::windows::MAX_LOCAL_SPEAKERS]);
        }
        Some(scores)
    }
}

impl Centroid {
    fn new(local: &LiveLocalSpeaker) -> Self {
        let mut centroid = Self {
            sum: [0.0; EMBEDDING_DIM],
            weight_s: 0.0,
        };
        centroid.add(local, local.embedded_s);
        centroid
    }

    /// Adds what was not in the previous window.
    fn update(&mut self, local: &LiveLocalSpeaker) {
        if local.embedded_s >= MIN_UPDATE_SPEECH_S {
            self.add(local, local.new_solo_s);
        }
    }

    fn add(&mut self, local: &LiveLocalSpeaker, weight_s: f32) {
        let Some(embedding) = &local.embedding else {
            return;
        };
        add_scaled(&mut self.sum, embedding, weight_s);
        self.weight_s += weight_s;
        if self.weight_s > MAX_CENTROID_WEIGHT_S {
            let factor = MAX_CENTROID_WEIGHT_S / self.weight_s;
            self.sum.iter_mut().for_each(|value| *value *= factor);
            self.weight_s = MAX_CENTROID_WEIGHT_S;
        }
    }
}

/// Coactivity with each speaker in the frames that earlier windows covered, as far as their speakers are known. `None`
/// if there is too little.
fn coactivity_scores(
    local: &LiveLocalSpeaker,
    history: &[[f32; MAX_SPEAKERS]],
    known: usize,
) -> Option<Vec<f32>> {
    let mut shared_s = vec![0.0; known];
    for (row, activity) in history.iter().zip(&local.activity) {
        for (shared_s, other) in shared_s.iter_mut().zip(row) {
            *shared_s += activity * other * frames::STEP_S as f32;
        }
    }
    let total_s: f32 = shared_s.iter().sum();
    let weight = LIVE_COACTIVITY_WEIGHT * COACTIVITY_LLR * total_s.min(MAX_SHARED_ACTIVITY_S);
    (total_s >= MIN_LIVE_SHARED_ACTIVITY_S).then(|| {
        shared_s
            .iter()
            .map(|shared_s| weight * (2.0 * shared_s / total_s - 1.0))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: usize = 589;
    /// Activity for the whole window.
    const ALWAYS: std::ops::Range<usize> = 0..FRAMES;

    /// Unit vector between two axes: `cosine` is the similarity to the first.
    fn unit_vector(axis: usize, cosine: f32) -> EmbeddingVector {
        let mut embedding = [0.0; EMBEDDING_DIM];
        embedding[axis] = cosine;
        embedding[EMBEDDING_DIM - 1 - axis] = (1.0 - cosine * cosine).sqrt();
        embedding
    }

    fn local(
        embedding: Option<EmbeddingVector>,
        embedded_s: f32,
        active: std::ops::Range<usize>,
    ) -> LiveLocalSpeaker {
        LiveLocalSpeaker {
            activity: (0..FRAMES)
                .map(|frame| f32::from(u8::from(active.contains(&frame))))
                .collect(),
            embedded_s,
            new_solo_s: 0.5,
            embedding,
            ..LiveLocalSpeaker::default()
        }
    }

    /// The history if one speaker was active in these frames.
    fn history(speaker: usize, active: std::ops::Range<usize>) -> Vec<[f32; MAX_SPEAKERS]> {
        let row = |frame| {
            let mut row = [0.0; MAX_SPEAKERS];
            row[speaker] = f32::from(u8::from(active.contains(&frame)));
            row
        };
        (0..FRAMES).map(row).collect()
    }

    fn speakers(axes: std::ops::Range<usize>, max: usize) -> Speakers {
        let mut speakers = Speakers::new(max);
        for axis in axes {
            let assigned =
                speakers.assign(&[local(Some(unit_vector(axis, 1.0)), 3.0, ALWAYS)], &[]);
            assert_eq!(assigned, [Some(axis)]);
        }
        speakers
    }

    #[test]
    fn speakers_are_recognized_by_their_embeddings() {
        let cases = [
            ("the same", vec![(1, 0.7, 3.0)], vec![Some(1)]),
            ("a new one", vec![(2, 1.0, 3.0)], vec![Some(2)]),
            (
                "a new one who has hardly spoken",
                vec![(2, 1.0, 0.6)],
                vec![None],
            ),
            (
                "two known ones",
                vec![(1, 0.8, 2.0), (0, 0.8, 2.0)],
                vec![Some(1), Some(0)],
            ),
            (
                "an old and a new one",
                vec![(0, 0.8, 2.0), (2, 0.8, 2.0)],
                vec![Some(0), Some(2)],
            ),
            (
                "two similar ones are different",
                vec![(0, 0.9, 2.0), (0, 0.4, 2.0)],
                vec![Some(0), Some(2)],
            ),
            (
                "three new ones",
                vec![(2, 1.0, 2.0), (3, 1.0, 2.0), (4, 1.0, 2.0)],
                vec![Some(2), Some(3), Some(4)],
            ),
        ];
        for (name, locals, expected) in cases {
            let mut speakers = speakers(0..2, 8);
            let locals: Vec<_> = locals
                .into_iter()
                .map(|(axis, cosine, embedded_s)| {
                    local(Some(unit_vector(axis, cosine)), embedded_s, ALWAYS)
                })
                .collect();
            assert_eq!(speakers.assign(&locals, &[]), expected, "{name}");
        }
    }

    #[test]
    fn the_first_speaker_needs_less_speech() {
        let first = local(Some(unit_vector(0, 1.0)), 0.6, ALWAYS);
        assert_eq!(Speakers::new(8).assign(&[first], &[]), [Some(0)]);
    }

    #[test]
    fn without_an_embedding_the_history_decides() {
        let silent = |active| local(None, 0.0, active);
        let mut speakers = speakers(0..2, 8);
        assert_eq!(
            speakers.assign(&[silent(0..200)], &history(1, 0..200)),
            [Some(1)]
        );
        assert_eq!(
            speakers.assign(&[silent(0..200)], &history(1, 300..500)),
            [None]
        );
        assert_eq!(speakers.assign(&[silent(0..200)], &[]), [None]);
        assert_eq!(speakers.assign(&[], &[]), []);
    }

    #[test]
    fn an_embedding_corrects_the_history() {
        let mut speakers = speakers(0..2, 8);
        let spoken = local(Some(unit_vector(0, 0.8)), 3.0, 0..500);
        assert_eq!(speakers.assign(&[spoken], &history(1, 0..500)), [Some(0)]);
        // Like neither, but too short to be sure.
        let short = local(Some(unit_vector(9, 1.0)), 0.3, 0..500);
        assert_eq!(speakers.assign(&[short], &history(1, 0..500)), [Some(1)]);
    }

    #[test]
    fn there_are_never_more_speakers_than_the_maximum() {
        let mut full = speakers(0..8, 8);
        let new = |axis| local(Some(unit_vector(axis, 1.0)), 3.0, ALWAYS);
        let assigned = full.assign(&[new(20), new(21), new(22)], &[]);
        let mut different: Vec<usize> = assigned.into_iter().flatten().collect();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), 3);
        assert_eq!(full.centroids.len(), 8);

        let mut single = Speakers::new(1);
        assert_eq!(
            single
                .assign(&[new(0), new(1)], &[])
                .iter()
                .flatten()
                .count(),
            1
        );
        assert_eq!(single.assign(&[new(0), new(1)], &[]), [Some(0), Some(0)]);
    }

    #[test]
    fn centroids_follow_slow_changes() {
        let mut speakers = speakers(0..1, 8);
        let mut embedding = unit_vector(0, 1.0);
        for step in 0..500 {
            let cosine = 1.0 - step as f32 / 500.0;
            embedding = unit_vector(0, cosine);
            let assigned = speakers.assign(&[local(Some(embedding), 2.0, ALWAYS)], &[]);
            assert_eq!(assigned, [Some(0)], "{step}");
        }
        assert!(embedding_llr(&embedding, &unit_vector(0, 1.0)) < 0.0);
        assert!(speakers.centroids[0].weight_s <= MAX_CENTROID_WEIGHT_S);
    }
}
