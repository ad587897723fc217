//! Affinity of speakers: pairwise log-likelihood ratios (LLR) of being the same speaker.
//!
//! An LLR is positive if the same-speaker hypothesis is more likely. Each is weighted by the seconds of speech that it
//! is based on, and the affinity of two clusters is the weighted mean over all pairs between them (average linkage).
//!
//! There are two sources. Embeddings can be compared for every pair, so the number of pairs grows with the square of
//! the recording's duration. Activity can be compared only for windows with shared frames, and cannot-link constraints
//! exist only within a window, so their number grows linearly. To keep both relevant in long recordings, the total
//! weight of embedding pairs is limited in proportion to the seconds of speech.

use super::embeddings::{EmbeddingVector, cosine};
use super::frames;
use super::local_speakers::LocalSpeaker;

/// Distribution of the cosine similarity of same-speaker and different-speaker embeddings: mean and standard deviation.
const SAME_SPEAKER_COSINE: (f32, f32) = (0.62, 0.16);
const DIFFERENT_SPEAKER_COSINE: (f32, f32) = (0.10, 0.13);
/// Maximum magnitude of the LLR of a pair of embeddings.
const MAX_EMBEDDING_LLR: f32 = 8.0;
/// Maximum weight of a pair of embeddings.
pub(super) const MAX_EMBEDDING_WEIGHT_S: f32 = 4.0;
/// Maximum total weight of all pairs of embeddings between two clusters, per second of non-overlapped speech of the
/// cluster with less of it.
const MAX_EMBEDDING_WEIGHT_PER_SPEECH_S: f32 = 4.0;
/// LLR of a cannot-link constraint.
const CANNOT_LINK_LLR: f32 = -12.0;
/// LLR of two local speakers that are always active in the same frames of overlapping windows. The LLR is the negative
/// of this if they never are.
pub(crate) const COACTIVITY_LLR: f32 = 4.0;
/// Weight of a second of shared activity, relative to a second of embedding.
const PAIR_COACTIVITY_WEIGHT: f32 = 2.0;
/// Minimum activity in shared frames for a comparison.
const MIN_SHARED_ACTIVITY_S: f32 = 0.2;
/// Weight, with an LLR of 0, of a pair without embeddings. Not zero, so that such pairs dilute an affinity.
const MIN_EMBEDDING_WEIGHT_S: f32 = 0.02;
/// Weight of a cannot-link constraint in addition to the seconds of speech.
const CANNOT_LINK_BASE_WEIGHT_S: f32 = 0.1;

/// A weighted mean of LLRs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct WeightedLlr {
    /// Sum of the LLRs times their weights.
    sum: f32,
    /// Sum of the weights, in seconds.
    weight_s: f32,
}

impl WeightedLlr {
    fn new(llr: f32, weight_s: f32) -> Self {
        Self {
            sum: llr * weight_s,
            weight_s,
        }
    }

    /// Limits the weight, keeping the mean.
    fn with_max_weight(self, max_weight_s: f32) -> Self {
        if self.weight_s > max_weight_s {
            Self::new(self.sum / self.weight_s, max_weight_s)
        } else {
            self
        }
    }
}

impl std::ops::AddAssign for WeightedLlr {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.weight_s += other.weight_s;
    }
}

/// The affinity of two local speakers, or the sum over all pairs between two clusters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Affinity {
    /// From the cosine similarity of embeddings.
    embedding: WeightedLlr,
    /// From coactivity in shared frames, and from cannot-link constraints.
    activity: WeightedLlr,
}

impl Affinity {
    /// The LLR of two clusters being the same speaker.
    ///
    /// `weight_s` is the total [`embedding_weight_s`] of the cluster with less of it.
    pub(super) fn llr(self, weight_s: f32) -> f32 {
        let mut mean = self
            .embedding
            .with_max_weight(MAX_EMBEDDING_WEIGHT_PER_SPEECH_S * weight_s);
        mean += self.activity;
        mean.sum / mean.weight_s.max(f32::MIN_POSITIVE)
    }

    /// The affinity of two local speakers.
    pub(super) fn between(a: &LocalSpeaker, b: &LocalSpeaker) -> Self {
        if a.window == b.window {
            return Self::cannot_link(a.solo_s, b.solo_s);
        }
        let mut affinity = Self::from_embeddings(
            (a.embedding.as_deref(), embedding_weight_s(a.solo_s)),
            (b.embedding.as_deref(), embedding_weight_s(b.solo_s)),
        );
        if let Some((ratio, shared_s)) = coactivity(a, b) {
            affinity.activity = WeightedLlr::new(
                COACTIVITY_LLR * (2.0 * ratio - 1.0),
                PAIR_COACTIVITY_WEIGHT * shared_s,
            );
        }
        affinity
    }

    /// The affinity from two embeddings, each with its weight in seconds.
    pub(super) fn from_embeddings(
        a: (Option<&EmbeddingVector>, f32),
        b: (Option<&EmbeddingVector>, f32),
    ) -> Self {
        let embedding = match (a.0, b.0) {
            (Some(x), Some(y)) => WeightedLlr::new(
                embedding_llr(x, y),
                a.1.min(b.1).max(MIN_EMBEDDING_WEIGHT_S),
            ),
            _ => WeightedLlr::new(0.0, MIN_EMBEDDING_WEIGHT_S),
        };
        Self {
            embedding,
            ..Self::default()
        }
    }

    /// A cannot-link constraint, weighted by the shorter of two durations of non-overlapped speech.
    pub(super) fn cannot_link(a_solo_s: f32, b_solo_s: f32) -> Self {
        Self {
            activity: WeightedLlr::new(
                CANNOT_LINK_LLR,
                a_solo_s.min(b_solo_s) + CANNOT_LINK_BASE_WEIGHT_S,
            ),
            ..Self::default()
        }
    }

    /// A given LLR with a weight of one second.
    #[cfg(test)]
    pub(super) fn from_llr(llr: f32) -> Self {
        Self {
            activity: WeightedLlr::new(llr, 1.0),
            ..Self::default()
        }
    }
}

impl std::ops::AddAssign for Affinity {
    fn add_assign(&mut self, other: Self) {
        self.embedding += other.embedding;
        self.activity += other.activity;
    }
}

/// Weight of the embedding of a local speaker with this much non-overlapped speech.
pub(super) fn embedding_weight_s(solo_s: f32) -> f32 {
    solo_s.clamp(MIN_EMBEDDING_WEIGHT_S, MAX_EMBEDDING_WEIGHT_S)
}

/// LLR of two unit embeddings, from normal distributions of their cosine similarity.
pub(crate) fn embedding_llr(a: &EmbeddingVector, b: &EmbeddingVector) -> f32 {
    let log_likelihood =
        |(mean, std): (f32, f32), cosine: f32| -0.5 * ((cosine - mean) / std).powi(2) - std.ln();
    // For even smaller cosines, the same-speaker distribution, which is wider, would become the more likely one.
    let cosine = cosine(a, b).clamp(-0.9, 1.0);
    (log_likelihood(SAME_SPEAKER_COSINE, cosine) - log_likelihood(DIFFERENT_SPEAKER_COSINE, cosine))
        .clamp(-MAX_EMBEDDING_LLR, MAX_EMBEDDING_LLR)
}

/// Coactivity in the frames that two windows share: the fraction of the less active speaker's activity during which
/// both are active, and the duration of the less active speaker's activity in seconds.
///
/// `None` if the windows do not overlap, or there is too little activity.
fn coactivity(a: &LocalSpeaker, b: &LocalSpeaker) -> Option<(f32, f32)> {
    let start = a.first_frame.max(b.first_frame);
    let end = a.end_frame().min(b.end_frame());
    if start >= end {
        return None;
    }
    let a = &a.activity[start - a.first_frame..end - a.first_frame];
    let b = &b.activity[start - b.first_frame..end - b.first_frame];
    let both: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    let less = a.iter().sum::<f32>().min(b.iter().sum());
    let shared_s = less * frames::STEP_S as f32;
    (shared_s > MIN_SHARED_ACTIVITY_S).then(|| (both / less, shared_s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::EMBEDDING_DIM;

    fn pair_with_cosine(cosine: f32) -> (EmbeddingVector, EmbeddingVector) {
        let (mut a, mut b) = ([0.0; EMBEDDING_DIM], [0.0; EMBEDDING_DIM]);
        a[0] = 1.0;
        (b[0], b[1]) = (cosine, (1.0 - cosine * cosine).sqrt());
        (a, b)
    }

    #[test]
    fn embedding_llr_increases_with_cosine() {
        let llr = |cosine| {
            let (a, b) = pair_with_cosine(cosine);
            embedding_llr(&a, &b)
        };
        let cosines = [-0.9, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.0];
        assert!(cosines.windows(2).all(|pair| llr(pair[0]) <= llr(pair[1])));
        assert!(llr(0.2) < 0.0 && llr(0.5) > 0.0);
        assert_eq!(llr(1.0), MAX_EMBEDDING_LLR);
    }

    #[test]
    fn affinity_is_a_weighted_mean() {
        let (a, b) = pair_with_cosine(1.0);
        let mut affinity = Affinity::from_embeddings((Some(&a), 3.0), (Some(&b), 1.0));
        affinity += Affinity::from_embeddings((None, 3.0), (Some(&b), 3.0));
        assert!((affinity.llr(9.0) - MAX_EMBEDDING_LLR / 1.02).abs() < 1e-4);
        assert_eq!(Affinity::default().llr(9.0), 0.0);
    }

    #[test]
    fn cannot_link_holds_in_long_recordings() {
        // Two speakers with similar embeddings, in a conversation that spans this number of windows.
        let llr = |windows: usize| {
            let (a, b) = pair_with_cosine(0.5);
            let mut affinity = Affinity::default();
            for one in 0..windows {
                for other in 0..windows {
                    affinity += match one == other {
                        true => Affinity::cannot_link(3.0, 3.0),
                        false => Affinity::from_embeddings((Some(&a), 3.0), (Some(&b), 3.0)),
                    };
                }
            }
            affinity.llr(windows as f32 * embedding_weight_s(3.0))
        };
        assert!(llr(2) < 0.0 && llr(10) < 1.0);
        assert!(
            (llr(10) - llr(1_000)).abs() < 0.1,
            "{} and {}",
            llr(10),
            llr(1_000)
        );
    }
}
