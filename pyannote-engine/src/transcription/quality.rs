//! Whether a transcript is what somebody said, or was invented by the model.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Text that compresses better repeats itself.
const MAX_COMPRESSION_RATIO: f32 = 2.4;
/// The mean of the logarithms of the tokens' probabilities of a transcript that is likely enough.
const MIN_MEAN_LOG_PROB: f32 = -1.0;
/// Probability of silence above which a transcript must be more likely to be believed.
const MAX_NO_SPEECH: f32 = 0.6;
/// As [`MIN_MEAN_LOG_PROB`], if the model believes that nobody speaks.
const MIN_MEAN_LOG_PROB_IN_SILENCE: f32 = -0.4;
/// Probability of silence above which a transcript that is not likely enough in any attempt is dropped.
const MAX_NO_SPEECH_IF_UNLIKELY: f32 = 0.3;

/// Measures of a transcript.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quality {
    /// Length of the text, divided by its length when compressed.
    pub(super) compression_ratio: f32,
    /// The mean of the logarithms of the tokens' probabilities.
    pub(super) mean_log_prob: f32,
    /// The probability that nobody speaks.
    pub(super) no_speech: f32,
}

impl Quality {
    /// Whether the text repeats itself.
    pub(super) fn repeats(&self) -> bool {
        self.compression_ratio > MAX_COMPRESSION_RATIO
    }

    /// Whether nobody speaks: the model says so, and its transcript repeats itself or is not likely.
    pub(super) fn is_silence(&self) -> bool {
        let is_unlikely = self.mean_log_prob < MIN_MEAN_LOG_PROB_IN_SILENCE;
        self.no_speech > MAX_NO_SPEECH && (is_unlikely || self.repeats())
    }

    /// Whether the transcript needs no further attempt.
    pub(super) fn is_good(&self) -> bool {
        !self.is_silence() && !self.repeats() && self.mean_log_prob >= MIN_MEAN_LOG_PROB
    }

    /// Whether the transcript is used if no attempt was good.
    pub(super) fn is_better_than_nothing(&self) -> bool {
        !self.repeats() && self.no_speech <= MAX_NO_SPEECH_IF_UNLIKELY
    }
}

/// The length of a text in bytes, divided by its length when compressed with zlib.
pub(super) fn compression_ratio(text: &str) -> f32 {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let compressed = encoder
        .write_all(text.as_bytes())
        .and_then(|()| encoder.finish());
    let length = compressed.map_or(0, |bytes| bytes.len());
    text.len() as f32 / length.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_text_has_a_high_compression_ratio() {
        assert!(compression_ratio("") < 1.0);
        let spoken = "Oh, I'm originally from Chicago also. I'm in New Jersey now though.";
        let ratio = compression_ratio(spoken);
        // Python's zlib.compress makes 72 bytes of 67.
        assert!((ratio - 67.0 / 72.0).abs() < 0.02, "{ratio}");
        // 220 bytes become 22.
        assert!(compression_ratio(&"I'm sorry. ".repeat(20)) > 9.0);
    }

    #[test]
    fn transcripts_are_good_silence_or_tried_again() {
        let quality = |compression_ratio, mean_log_prob, no_speech| Quality {
            compression_ratio,
            mean_log_prob,
            no_speech,
        };
        for (quality, is_good, is_silence, is_better_than_nothing) in [
            (quality(1.5, -0.3, 0.1), true, false, true),
            (quality(1.5, -1.1, 0.1), false, false, true),
            (quality(1.5, -1.1, 0.4), false, false, false),
            (quality(2.5, -0.3, 0.1), false, false, false),
            (quality(1.5, -0.3, 0.9), true, false, false),
            (quality(2.5, -0.1, 0.9), false, true, false),
            (quality(1.5, -0.5, 0.9), false, true, false),
        ] {
            assert_eq!(quality.is_good(), is_good, "{quality:?}");
            assert_eq!(quality.is_silence(), is_silence, "{quality:?}");
            let found = quality.is_better_than_nothing();
            assert_eq!(found, is_better_than_nothing, "{quality:?}");
        }
    }
}
