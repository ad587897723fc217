//! The `output` of a job, with the API's names. What was not asked for is not there.

use std::collections::BTreeMap;

use serde::Serialize;

/// The `output` of a job of any kind.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) diarization: Option<Vec<Segment>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exclusive_diarization: Option<Vec<Segment>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) confidence: Option<Confidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) identification: Option<Vec<Identified>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) voiceprints: Option<Vec<Match>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) voiceprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) warning: Option<String>,
}

/// A turn: a `DiarizationSegment`.
#[derive(Clone, Serialize)]
pub(super) struct Segment {
    pub(super) speaker: String,
    /// In seconds, to the millisecond.
    pub(super) start: f64,
    pub(super) end: f64,
    /// 0 to 100, by speaker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) confidence: Option<BTreeMap<String, f64>>,
}

/// How sure each frame is.
#[derive(Serialize)]
pub(super) struct Confidence {
    /// 0 to 100.
    pub(super) score: Vec<f64>,
    /// The seconds from one to the next.
    pub(super) resolution: f64,
}

/// A turn with who it was: an `IdentificationSegment`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identified {
    /// The turn, whose speaker is the label where one matches.
    #[serde(flatten)]
    pub(super) segment: Segment,
    pub(super) diarization_speaker: String,
    #[serde(rename = "match")]
    pub(super) label: Option<String>,
}

/// Who a speaker was: an `IdentificationVoiceprint`.
#[derive(Serialize)]
pub(super) struct Match {
    pub(super) speaker: String,
    #[serde(rename = "match")]
    pub(super) label: Option<String>,
    /// 0 to 100, by label.
    pub(super) confidence: BTreeMap<String, u8>,
}
