//! Results of speaker identification: turns and speakers with the voiceprints that they match.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::turns::by_name;

/// A turn with the voiceprint that its speaker matches.
///
/// ```
/// use pyannote_core::IdentifiedTurn;
///
/// let known = IdentifiedTurn::new(0.0, 1.5, "SPEAKER_00", Some("Ada".to_owned()));
/// assert_eq!(known.speaker(), "Ada");
/// let unknown = IdentifiedTurn::new(1.5, 3.0, "SPEAKER_01", None);
/// assert_eq!(unknown.speaker(), "SPEAKER_01");
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct IdentifiedTurn {
    /// Start, in seconds from the start of the recording.
    pub start: f64,
    /// End, in seconds from the start of the recording.
    pub end: f64,
    /// Name of the speaker in the diarization, such as `SPEAKER_00`.
    pub diarization_speaker: String,
    /// Label of the matching voiceprint, or `None` if no voiceprint matches.
    #[serde(rename = "match")]
    pub matched: Option<String>,
    /// Confidence that each speaker is the one speaking, 0..100, by speaker name. `None` unless it was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<BTreeMap<String, f64>>,
}

impl IdentifiedTurn {
    /// Creates an identified turn from `start` to `end`, in seconds, without confidence.
    pub fn new(
        start: f64,
        end: f64,
        diarization_speaker: impl Into<String>,
        matched: Option<String>,
    ) -> Self {
        Self {
            start,
            end,
            diarization_speaker: diarization_speaker.into(),
            matched,
            confidence: None,
        }
    }

    /// Sets the confidence of each speaker, 0..100, replacing any previous values.
    #[must_use]
    pub fn with_confidence<S: Into<String>>(
        mut self,
        confidence: impl IntoIterator<Item = (S, f64)>,
    ) -> Self {
        self.confidence = Some(by_name(confidence));
        self
    }

    /// Returns the label of the matching voiceprint, or the speaker's name in the diarization if none matches.
    #[must_use]
    pub fn speaker(&self) -> &str {
        self.matched.as_deref().unwrap_or(&self.diarization_speaker)
    }
}

/// How well one speaker matches each voiceprint.
///
/// ```
/// use pyannote_core::SpeakerMatch;
///
/// let found = SpeakerMatch::new("SPEAKER_00", Some("Ada".to_owned()), [("Ada", 83.0), ("Grace", 12.0)]);
/// assert_eq!(found.confidence["Grace"], 12.0);
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SpeakerMatch {
    /// Name of the speaker in the diarization, such as `SPEAKER_00`.
    pub speaker: String,
    /// Label of the matching voiceprint, or `None` if no voiceprint matches.
    #[serde(rename = "match")]
    pub matched: Option<String>,
    /// Confidence that the speaker matches each voiceprint, 0..100, by label.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub confidence: BTreeMap<String, f64>,
}

impl SpeakerMatch {
    /// Creates a match from the voiceprint that was chosen, if any, and the confidence of every voiceprint, 0..100.
    pub fn new<S: Into<String>>(
        speaker: impl Into<String>,
        matched: Option<String>,
        confidence: impl IntoIterator<Item = (S, f64)>,
    ) -> Self {
        Self {
            speaker: speaker.into(),
            matched,
            confidence: by_name(confidence),
        }
    }
}

/// Deserializes a map, reading `null` as an empty one.
fn null_as_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, f64>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
