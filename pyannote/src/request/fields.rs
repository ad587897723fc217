//! The fields of a request.

use std::fmt;

use serde_json::{Map, Value};

use super::model::{Model, TranscriptionModel};
use crate::media::AudioUrl;
use crate::results::Voiceprint;

/// The fields of a request of any kind. The setters of a [`Request`](super::Request) decide which of them can be set.
#[derive(Clone)]
pub(super) struct Fields {
    pub(super) audio: AudioUrl,
    pub(super) model: Option<Model>,
    pub(super) webhook: Option<String>,
    pub(super) webhook_status_only: Option<bool>,
    pub(super) extra: Map<String, Value>,
    /// For diarization and identification.
    pub(super) turns: TurnFields,
    /// For diarization.
    pub(super) transcription: TranscriptionFields,
    /// For identification.
    pub(super) voiceprints: Vec<(String, Voiceprint)>,
    /// For identification.
    pub(super) matching: MatchingFields,
}

#[derive(Clone, Debug, Default)]
pub(super) struct TurnFields {
    pub(super) num_speakers: Option<u32>,
    pub(super) min_speakers: Option<u32>,
    pub(super) max_speakers: Option<u32>,
    pub(super) turn_level_confidence: Option<bool>,
    pub(super) exclusive: Option<bool>,
    pub(super) confidence: Option<bool>,
    pub(super) speech_probability: Option<bool>,
    pub(super) crosstalk_probability: Option<bool>,
    pub(super) speaker_probability: Option<bool>,
    pub(super) vad_sensitivity: Option<f64>,
    pub(super) crosstalk_sensitivity: Option<f64>,
}

#[derive(Clone, Default)]
pub(super) struct TranscriptionFields {
    pub(super) include: Option<bool>,
    pub(super) model: Option<TranscriptionModel>,
    pub(super) extra: Map<String, Value>,
}

impl TranscriptionFields {
    /// Returns whether the transcription is configured in any way, other than being included.
    pub(super) fn is_configured(&self) -> bool {
        self.model.is_some() || !self.extra.is_empty()
    }
}

#[derive(Clone, Default)]
pub(super) struct MatchingFields {
    pub(super) threshold: Option<f64>,
    pub(super) exclusive: Option<bool>,
    pub(super) extra: Map<String, Value>,
}

impl MatchingFields {
    pub(super) fn is_configured(&self) -> bool {
        self.threshold.is_some() || self.exclusive.is_some() || !self.extra.is_empty()
    }
}

impl Fields {
    pub(super) fn new(audio: AudioUrl) -> Self {
        Self {
            audio,
            model: None,
            webhook: None,
            webhook_status_only: None,
            extra: Map::new(),
            turns: TurnFields::default(),
            transcription: TranscriptionFields::default(),
            voiceprints: Vec::new(),
            matching: MatchingFields::default(),
        }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields")
            .field("audio", &self.audio)
            .field("model", &self.model)
            .field("webhook_status_only", &self.webhook_status_only)
            .field("turns", &self.turns)
            .field("transcription", &self.transcription.include)
            .field("voiceprints", &self.voiceprints)
            .field("threshold", &self.matching.threshold)
            .field("extra", &self.extra.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
