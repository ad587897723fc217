//! Frame-level confidence of a diarization.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Confidence of a diarization over time, sampled at a fixed frame rate.
///
/// A frame without a score has NaN, which JSON represents as null.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FrameConfidence {
    /// One score per frame, 0..100, or NaN.
    #[serde(deserialize_with = "scores")]
    pub score: Vec<f64>,
    /// Duration of a frame, in seconds.
    pub resolution: f64,
}

impl FrameConfidence {
    /// Creates a `FrameConfidence` from one score per frame, 0..100, and the duration of a frame in seconds.
    ///
    /// ```
    /// use pyannote_core::FrameConfidence;
    ///
    /// let confidence = FrameConfidence::new(vec![90.0, 50.0], 0.02);
    /// assert_eq!(confidence.duration(), 0.04);
    /// ```
    #[must_use]
    pub const fn new(score: Vec<f64>, resolution: f64) -> Self {
        Self { score, resolution }
    }

    /// Returns the score at `time`, in seconds.
    ///
    /// Frame `i` covers the time from `i * resolution` up to, but not including, `(i + 1) * resolution`. Returns `None`
    /// outside of all frames, or if the resolution is not a positive, finite number.
    ///
    /// ```
    /// use pyannote_core::FrameConfidence;
    ///
    /// let confidence = FrameConfidence::new(vec![90.0, 50.0], 0.02);
    /// assert_eq!(confidence.at(0.01), Some(90.0));
    /// assert_eq!(confidence.at(0.02), Some(50.0));
    /// assert_eq!(confidence.at(0.04), None);
    /// ```
    #[must_use]
    pub fn at(&self, time: f64) -> Option<f64> {
        self.score.get(self.frame(time)?).copied()
    }

    /// Returns the mean score from `start` to `end`, in seconds, weighting each frame by its overlap with that range.
    ///
    /// The parts of the range outside of all frames, and frames whose score is not finite, are ignored. Returns `None`
    /// if nothing remains.
    ///
    /// ```
    /// use pyannote_core::FrameConfidence;
    ///
    /// let confidence = FrameConfidence::new(vec![90.0, 50.0], 0.02);
    /// assert_eq!(confidence.mean(0.01, 0.03), Some(70.0));
    /// ```
    #[must_use]
    pub fn mean(&self, start: f64, end: f64) -> Option<f64> {
        if start.is_nan() || end.is_nan() {
            return None;
        }
        let (start, end) = (start.max(0.0), end.min(self.duration()));
        let first = self.frame(start)?;
        let (mut sum, mut seconds) = (0.0, 0.0);
        for (frame, value) in self.score.iter().enumerate().skip(first) {
            let from = frame as f64 * self.resolution;
            if from >= end {
                break;
            }
            let weight = end.min((frame + 1) as f64 * self.resolution) - start.max(from);
            if value.is_finite() && weight > 0.0 {
                sum += value * weight;
                seconds += weight;
            }
        }
        (seconds > 0.0).then(|| sum / seconds)
    }

    /// Returns the total duration of all frames in seconds, or 0 if the resolution is not a positive, finite number.
    #[must_use]
    pub fn duration(&self) -> f64 {
        if self.resolution > 0.0 && self.resolution.is_finite() {
            self.score.len() as f64 * self.resolution
        } else {
            0.0
        }
    }

    /// Index of the frame that contains `time`.
    fn frame(&self, time: f64) -> Option<usize> {
        if !(time >= 0.0 && time < self.duration()) {
            return None;
        }
        // Rounding can put the quotient on the wrong side of an integer; the documented products decide.
        let frame = (time / self.resolution).floor();
        if (frame + 1.0) * self.resolution <= time {
            Some(frame as usize + 1)
        } else if frame * self.resolution > time {
            Some((frame as usize).saturating_sub(1))
        } else {
            Some(frame as usize)
        }
    }
}

/// Deserializes scores, reading null as NaN.
fn scores<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    struct Scores;

    impl<'de> Visitor<'de> for Scores {
        type Value = Vec<f64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of numbers")
        }

        // Directly into the vector: there are millions of scores.
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut scores = Vec::new();
            while let Some(score) = items.next_element::<Option<f64>>()? {
                scores.push(score.unwrap_or(f64::NAN));
            }
            Ok(scores)
        }
    }

    deserializer.deserialize_seq(Scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_without_a_score_are_null_in_json() {
        let json = r#"{"score":[97.0,null,12.0],"resolution":0.02}"#;
        let frames: FrameConfidence = serde_json::from_str(json).unwrap();
        assert_eq!((frames.score[0], frames.score[2]), (97.0, 12.0));
        assert!(frames.score[1].is_nan());
        assert_eq!(serde_json::to_string(&frames).unwrap(), json);
        for json in [
            r#"{"score":[true],"resolution":1}"#,
            r#"{"score":null,"resolution":1}"#,
        ] {
            assert!(
                serde_json::from_str::<FrameConfidence>(json).is_err(),
                "{json}"
            );
        }
    }

    fn confidence(score: &[f64], resolution: f64) -> FrameConfidence {
        FrameConfidence::new(score.to_vec(), resolution)
    }

    #[test]
    fn frame_boundaries_are_multiples_of_the_resolution() {
        for resolution in [0.02, 0.1, 1.0 / 3.0, 0.016_875, 1e-7] {
            let score: Vec<f64> = (0..5000).map(f64::from).collect();
            let frames = confidence(&score, resolution);
            for (i, value) in score.iter().enumerate() {
                let start = i as f64 * resolution;
                assert_eq!(frames.at(start), Some(*value), "{i} {resolution}");
                assert_eq!(
                    frames.at(((i + 1) as f64 * resolution).next_down()),
                    Some(*value)
                );
            }
        }
    }

    #[test]
    fn out_of_range_times_and_invalid_resolutions_have_no_score() {
        let frames = confidence(&[1.0, 2.0], 0.5);
        for time in [-0.1, 1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(frames.at(time), None, "{time}");
        }
        for resolution in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let frames = confidence(&[1.0], resolution);
            assert_eq!(frames.at(0.0), None, "{resolution}");
            assert_eq!(frames.mean(0.0, 1.0), None, "{resolution}");
            assert_eq!(frames.duration(), 0.0, "{resolution}");
        }
    }

    #[test]
    fn mean_weights_frames_by_overlap() {
        let frames = confidence(&[10.0, 20.0, 60.0, f64::NAN], 1.0);
        let table = [
            (0.0, 1.0, Some(10.0)),
            (0.5, 1.0, Some(10.0)),
            (0.5, 2.5, Some(27.5)),
            (-9.0, 3.0, Some(30.0)),
            (2.0, f64::INFINITY, Some(60.0)),
            (3.0, 4.0, None),
            (1.0, 1.0, None),
            (2.0, 1.0, None),
            (9.0, 10.0, None),
            (f64::NAN, 1.0, None),
            (0.0, f64::NAN, None),
        ];
        for (start, end, expected) in table {
            assert_eq!(frames.mean(start, end), expected, "{start}..{end}");
        }
        assert_eq!(frames.duration(), 4.0);
    }
}
