//! Identified speakers: turns with the voiceprints that match them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

/// A turn, with who it was.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct IdentifiedTurn {
    /// Start, in seconds from the start of the recording.
    pub start: f64,
    /// End, in seconds from the start of the recording.
    pub end: f64,
    /// What the diarization calls the speaker, such as `SPEAKER_00`.
    pub diarization_speaker: String,
    /// The label of the voiceprint that matches, if one does.
    #[serde(rename = "match")]
    pub matched: Option<String>,
    /// How sure each speaker is to be the one who speaks here, 0..100, by speaker. Only where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<BTreeMap<String, f64>>,
}

impl IdentifiedTurn {
    /// Who speaks: the label of the voiceprint, or else what the diarization calls the speaker.
    #[must_use]
    pub fn speaker(&self) -> &str {
        self.matched.as_deref().unwrap_or(&self.diarization_speaker)
    }
}

/// How well a speaker matches each voiceprint.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SpeakerMatch {
    /// What the diarization calls the speaker, such as `SPEAKER_00`.
    pub speaker: String,
    /// The label of the voiceprint that matches, if one does.
    #[serde(rename = "match")]
    pub matched: Option<String>,
    /// How well each voiceprint matches, 0..100, by label.
    #[serde(default, deserialize_with = "or_default")]
    pub confidence: BTreeMap<String, f64>,
}

/// A map that may be null.
fn or_default<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, f64>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
