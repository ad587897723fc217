//! The `output` of a job, with the API's field names. Fields that were not requested are absent.

use std::collections::BTreeMap;

use pyannote_core::{FrameScores, IdentifiedTurn, SpeakerMatch, SpeakerScores, Transcript, Turns};
use serde::Serialize;

/// The `output` of a job of any kind.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) diarization: Option<Turns>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exclusive_diarization: Option<Turns>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) confidence: Option<FrameScores>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) speech_probability: Option<FrameScores>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crosstalk_probability: Option<FrameScores>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) speaker_probability: Option<SpeakerScores>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) word_level_transcription: Option<Transcript>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) turn_level_transcription: Option<Transcript>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) identification: Option<Vec<IdentificationSegment>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) voiceprints: Option<Vec<IdentificationVoiceprint>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) voiceprint: Option<String>,
    /// The number of the channel of each speaker. Not part of the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) speaker_channels: Option<BTreeMap<String, usize>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) warning: Option<String>,
}

/// An identified turn.
#[derive(Serialize)]
pub(super) struct IdentificationSegment {
    /// The label of the matching voiceprint, or the speaker in the diarization if none matches.
    speaker: String,
    #[serde(flatten)]
    turn: IdentifiedTurn,
}

impl From<IdentifiedTurn> for IdentificationSegment {
    fn from(turn: IdentifiedTurn) -> Self {
        Self {
            speaker: turn.speaker().to_owned(),
            turn,
        }
    }
}

/// The match of a speaker. The API has integer scores.
#[derive(Serialize)]
pub(super) struct IdentificationVoiceprint {
    speaker: String,
    #[serde(rename = "match")]
    matched: Option<String>,
    confidence: BTreeMap<String, u8>,
}

impl From<SpeakerMatch> for IdentificationVoiceprint {
    fn from(found: SpeakerMatch) -> Self {
        let scores = found.confidence.into_iter();
        Self {
            speaker: found.speaker,
            matched: found.matched,
            confidence: scores
                .map(|(label, score)| (label, score.round() as u8))
                .collect(),
        }
    }
}
