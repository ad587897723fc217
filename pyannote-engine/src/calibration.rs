//! Calibration of cosine similarities between speaker embeddings to probabilities.
//!
//! The logistic curve was fitted by hand on the ten AMI excerpts used for tuning. For each speaker with at least 6 s of
//! non-overlapped speech, the embeddings of the two halves of that speech have cosines of 0.7 to 0.9. Different
//! speakers of one recording reach up to 0.33 (0.48 in the telephone call of the sample recording), those of different
//! recordings 0.08 ± 0.12. The midpoint is therefore 0.5. With the slope chosen, same-speaker pairs score about 85 to
//! 95 and different-speaker pairs 5 to 45: a steeper curve would claim more confidence than so few speakers support.
//! The same speaker in another room or with another microphone may have a cosine of only 0.3 to 0.5, and then scores
//! below 50. `cargo xtask bench identification` measures these figures.

/// Cosine at which both hypotheses are equally likely.
const MIDPOINT_COSINE: f32 = 0.5;
/// Slope of the log odds, per unit of cosine.
const SLOPE: f32 = 8.0;

/// Probability, 0..1, that two embeddings with this cosine similarity are of the same speaker.
pub(super) fn same_speaker_probability(cosine: f32) -> f32 {
    1.0 / (1.0 + (-SLOPE * (cosine - MIDPOINT_COSINE)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separates_same_from_different_speakers_at_one_half() {
        assert_eq!(same_speaker_probability(MIDPOINT_COSINE), 0.5);
        assert!(same_speaker_probability(0.75) > 0.85 && same_speaker_probability(0.1) < 0.1);
        assert!(same_speaker_probability(-1.0) > 0.0 && same_speaker_probability(1.0) < 1.0);
    }
}
