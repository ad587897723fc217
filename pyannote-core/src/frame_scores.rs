//! Scores of frames: confidence, and the probabilities of speech, overlapping speech and each speaker.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Scores over time, one per frame, with frames of a fixed duration.
///
/// A frame without a score has NaN, which JSON represents as null.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FrameScores {
    /// One score per frame, 0..100, or NaN.
    #[serde(deserialize_with = "scores")]
    pub score: Vec<f32>,
    /// Duration of a frame, in seconds.
    pub resolution: f64,
}

impl FrameScores {
    /// Creates a `FrameScores` from one score per frame, 0..100, and the duration of a frame in seconds.
    ///
    /// ```
    /// use pyannote_core::FrameScores;
    ///
    /// let confidence = FrameScores::new(vec![90.0, 50.0], 0.02);
    /// assert_eq!(confidence.duration(), 0.04);
    /// ```
    #[must_use]
    pub const fn new(score: Vec<f32>, resolution: f64) -> Self {
        Self { score, resolution }
    }

    /// Returns the score at `time`, in seconds.
    ///
    /// Frame `i` covers the time from `i * resolution` up to, but not including, `(i + 1) * resolution`. Returns `None`
    /// outside of all frames, or if the resolution is not a positive, finite number.
    ///
    /// ```
    /// use pyannote_core::FrameScores;
    ///
    /// let confidence = FrameScores::new(vec![90.0, 50.0], 0.02);
    /// assert_eq!(confidence.at(0.01), Some(90.0));
    /// assert_eq!(confidence.at(0.02), Some(50.0));
    /// assert_eq!(confidence.at(0.04), None);
    /// ```
    #[must_use]
    pub fn at(&self, time: f64) -> Option<f32> {
        self.score.get(self.frame(time)?).copied()
    }

    /// Returns the mean score from `start` to `end`, in seconds, weighting each frame by its overlap with that range.
    ///
    /// The parts of the range outside of all frames, and frames whose score is not finite, are ignored. Returns `None`
    /// if nothing remains.
    ///
    /// ```
    /// use pyannote_core::FrameScores;
    ///
    /// let confidence = FrameScores::new(vec![90.0, 50.0], 0.02);
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
                sum += f64::from(*value) * weight;
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

/// Scores of each speaker over time, with the frames that all speakers have in common.
///
/// ```
/// use pyannote_core::SpeakerScores;
///
/// let json = r#"{"score":{"SPEAKER_00":[97.5,3.0]},"resolution":0.02}"#;
/// let scores: SpeakerScores = serde_json::from_str(json)?;
/// assert_eq!(scores.get("SPEAKER_00").and_then(|scores| scores.at(0.01)), Some(97.5));
/// assert_eq!(serde_json::to_string(&scores)?, json);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(from = "SpeakerScoresJson")]
pub struct SpeakerScores {
    speakers: BTreeMap<String, FrameScores>,
    resolution: f64,
}

impl SpeakerScores {
    /// Creates a `SpeakerScores` from one score per frame for each speaker, 0..100 or NaN, and the duration of a frame
    /// in seconds.
    #[must_use]
    pub fn new(speakers: impl IntoIterator<Item = (String, Vec<f32>)>, resolution: f64) -> Self {
        let speakers = speakers.into_iter();
        Self {
            speakers: speakers
                .map(|(speaker, score)| (speaker, FrameScores::new(score, resolution)))
                .collect(),
            resolution,
        }
    }

    /// Returns the scores of a speaker.
    #[must_use]
    pub fn get(&self, speaker: &str) -> Option<&FrameScores> {
        self.speakers.get(speaker)
    }

    /// Iterates over the speakers, sorted by label, with their scores.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &FrameScores)> {
        let speakers = self.speakers.iter();
        speakers.map(|(speaker, scores)| (speaker.as_str(), scores))
    }

    /// Renames speakers. Speakers who get the same name become one, who has the highest of their scores in each frame.
    ///
    /// ```
    /// use pyannote_core::SpeakerScores;
    ///
    /// let scores = SpeakerScores::new([("SPEAKER_00".to_owned(), vec![97.0])], 0.02);
    /// let named = scores.map_speakers(|_| "Ada".to_owned());
    /// assert_eq!(named.get("Ada").and_then(|scores| scores.at(0.0)), Some(97.0));
    /// ```
    #[must_use]
    pub fn map_speakers(&self, rename: impl Fn(&str) -> String) -> Self {
        let mut speakers = BTreeMap::<String, FrameScores>::new();
        for (speaker, scores) in self.iter() {
            let Some(merged) = speakers.get_mut(&rename(speaker)) else {
                speakers.insert(rename(speaker), scores.clone());
                continue;
            };
            let missing = scores.score.len().saturating_sub(merged.score.len());
            merged.score.extend(std::iter::repeat_n(f32::NAN, missing));
            for (merged, score) in merged.score.iter_mut().zip(&scores.score) {
                // NaN only if both are.
                *merged = merged.max(*score);
            }
        }
        Self {
            speakers,
            resolution: self.resolution,
        }
    }

    /// Returns the duration of a frame, in seconds.
    #[must_use]
    pub fn resolution(&self) -> f64 {
        self.resolution
    }
}

/// The form of [`SpeakerScores`] in JSON.
#[derive(Deserialize)]
struct SpeakerScoresJson {
    score: BTreeMap<String, Score>,
    resolution: f64,
}

/// The scores of one speaker.
struct Score(Vec<f32>);

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scores(deserializer).map(Self)
    }
}

impl From<SpeakerScoresJson> for SpeakerScores {
    fn from(json: SpeakerScoresJson) -> Self {
        let speakers = json.score.into_iter();
        Self::new(
            speakers.map(|(speaker, Score(score))| (speaker, score)),
            json.resolution,
        )
    }
}

impl Serialize for SpeakerScores {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Json<'a> {
            score: BTreeMap<&'a str, &'a [f32]>,
            resolution: f64,
        }

        let speakers = self.iter();
        let json = Json {
            score: speakers
                .map(|(speaker, scores)| (speaker, scores.score.as_slice()))
                .collect(),
            resolution: self.resolution,
        };
        json.serialize(serializer)
    }
}

/// Deserializes scores, reading null as NaN.
fn scores<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
    struct Scores;

    impl<'de> Visitor<'de> for Scores {
        type Value = Vec<f32>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of numbers")
        }

        // Directly into the vector: there are millions of scores.
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut scores = Vec::new();
            while let Some(score) = items.next_element::<Option<f32>>()? {
                scores.push(score.unwrap_or(f32::NAN));
            }
            scores.shrink_to_fit();
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
        let frames: FrameScores = serde_json::from_str(json).unwrap();
        assert_eq!((frames.score[0], frames.score[2]), (97.0, 12.0));
        assert!(frames.score[1].is_nan());
        assert_eq!(serde_json::to_string(&frames).unwrap(), json);
        for json in [
            r#"{"score":[true],"resolution":1}"#,
            r#"{"score":null,"resolution":1}"#,
        ] {
            assert!(serde_json::from_str::<FrameScores>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn speakers_with_the_same_name_become_one() {
        let speakers = [
            ("A", vec![1.0, 9.0]),
            ("B", vec![5.0, 2.0, 7.0]),
            ("C", vec![3.0]),
        ];
        let speakers = speakers.map(|(speaker, score)| (speaker.to_owned(), score));
        let scores = SpeakerScores::new(speakers, 0.02);
        let named = scores.map_speakers(|speaker| speaker.replace('B', "A"));
        assert_eq!(named.get("A").unwrap().score, [5.0, 9.0, 7.0]);
        assert_eq!(named.get("C"), scores.get("C"));
        assert_eq!(named.iter().count(), 2);
    }

    #[test]
    fn scores_of_speakers_have_one_resolution() {
        let json = r#"{"resolution":0.02,"score":{"B":[1.5,null],"A":[99.9]}}"#;
        let scores: SpeakerScores = serde_json::from_str(json).unwrap();
        let speakers: Vec<&str> = scores.iter().map(|(speaker, _)| speaker).collect();
        assert_eq!(speakers, ["A", "B"]);
        assert_eq!(scores.get("A").unwrap().resolution, scores.resolution());
        assert_eq!(scores.get("B").unwrap().at(0.0), Some(1.5));
        assert_eq!(scores.get("C"), None);
        assert_eq!(
            serde_json::to_string(&scores).unwrap(),
            r#"{"score":{"A":[99.9],"B":[1.5,null]},"resolution":0.02}"#
        );
        for json in [
            r#"{"score":{"A":[1]}}"#,
            r#"{"score":[1],"resolution":1}"#,
            r#"{"score":{"A":1},"resolution":1}"#,
        ] {
            assert!(
                serde_json::from_str::<SpeakerScores>(json).is_err(),
                "{json}"
            );
        }
    }

    fn confidence(score: &[f32], resolution: f64) -> FrameScores {
        FrameScores::new(score.to_vec(), resolution)
    }

    #[test]
    fn frame_boundaries_are_multiples_of_the_resolution() {
        for resolution in [0.02, 0.1, 1.0 / 3.0, 0.016_875, 1e-7] {
            let score: Vec<f32> = (0..5000_u16).map(f32::from).collect();
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
        let frames = confidence(&[10.0, 20.0, 60.0, f32::NAN], 1.0);
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
