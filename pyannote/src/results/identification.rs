//! The result of an identification.

use bytes::Bytes;
use pyannote_core::{FrameConfidence, IdentifiedTurn, SpeakerMatch, Turn, Turns};
use serde::{Deserialize, Serialize};

use super::lenient;
use crate::job::{JobId, sealed};

/// Who spoke when, by voiceprint.
///
/// The service deletes outputs after 24 h. It serializes, with the names that the API gives its parts, to be kept.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(from = "Kept")]
pub struct Identification {
    #[serde(rename = "jobId")]
    job: JobId,
    /// Made of `identified`.
    #[serde(skip)]
    turns: Turns,
    #[serde(rename = "identification")]
    identified: Vec<IdentifiedTurn>,
    #[serde(rename = "voiceprints", skip_serializing_if = "Option::is_none")]
    matches: Option<Vec<SpeakerMatch>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diarization: Option<Turns>,
    #[serde(
        rename = "exclusiveDiarization",
        skip_serializing_if = "Option::is_none"
    )]
    exclusive: Option<Turns>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<FrameConfidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    #[serde(skip)]
    raw: Option<Bytes>,
}

impl Identification {
    /// The job that it comes from.
    #[must_use]
    pub fn job_id(&self) -> &JobId {
        &self.job
    }

    /// Who spoke when: speakers who match a voiceprint under its label, the others as the diarization calls them.
    #[must_use]
    pub fn turns(&self) -> &Turns {
        &self.turns
    }

    /// The turns with both names of their speakers.
    #[must_use]
    pub fn identified(&self) -> &[IdentifiedTurn] {
        &self.identified
    }

    /// How well each speaker matches each voiceprint.
    #[must_use]
    pub fn matches(&self) -> Option<&[SpeakerMatch]> {
        self.matches.as_deref()
    }

    /// Who spoke when, without identification.
    #[must_use]
    pub fn diarization(&self) -> Option<&Turns> {
        self.diarization.as_ref()
    }

    /// Who spoke when, without identification and one speaker at a time, if [asked for](crate::Identify::exclusive).
    #[must_use]
    pub fn exclusive(&self) -> Option<&Turns> {
        self.exclusive.as_ref()
    }

    /// How sure the diarization is all along, if [asked for](crate::Identify::confidence).
    #[must_use]
    pub fn confidence(&self) -> Option<&FrameConfidence> {
        self.confidence.as_ref()
    }

    /// What the service warns of.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// The body that the result came in, as JSON, if [asked for](crate::ClientBuilder::keep_raw_bodies).
    #[must_use]
    pub fn raw(&self) -> Option<&[u8]> {
        self.raw.as_deref()
    }
}

/// The form of the output in the answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    identification: Option<Vec<IdentifiedTurn>>,
    voiceprints: Option<Vec<SpeakerMatch>>,
    diarization: Option<Turns>,
    exclusive_diarization: Option<Turns>,
    confidence: Option<FrameConfidence>,
    #[serde(default, deserialize_with = "lenient::text")]
    error: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    warning: Option<String>,
}

/// The form in which an identification was kept.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    job_id: JobId,
    identification: Vec<IdentifiedTurn>,
    voiceprints: Option<Vec<SpeakerMatch>>,
    diarization: Option<Turns>,
    exclusive_diarization: Option<Turns>,
    confidence: Option<FrameConfidence>,
    warning: Option<String>,
}

impl From<Kept> for Identification {
    fn from(kept: Kept) -> Self {
        let named = |turn: &IdentifiedTurn| {
            let mut named = Turn::new(turn.start, turn.end, turn.speaker());
            named.confidence.clone_from(&turn.confidence);
            named
        };
        Self {
            job: kept.job_id,
            turns: kept.identification.iter().map(named).collect(),
            identified: kept.identification,
            matches: kept.voiceprints,
            diarization: kept.diarization,
            exclusive: kept.exclusive_diarization,
            confidence: kept.confidence,
            warning: kept.warning,
            raw: None,
        }
    }
}

impl sealed::Kind for Identification {
    type Output = Output;

    fn error(output: &Output) -> Option<&str> {
        output.error.as_deref()
    }

    fn from_output(output: Output, job: JobId, raw: Option<Bytes>) -> Result<Self, &'static str> {
        let kept = Kept {
            job_id: job,
            identification: output.identification.ok_or("identification")?,
            voiceprints: output.voiceprints,
            diarization: output.diarization,
            exclusive_diarization: output.exclusive_diarization,
            confidence: output.confidence,
            warning: output.warning,
        };
        Ok(Self {
            raw,
            ..Self::from(kept)
        })
    }
}
