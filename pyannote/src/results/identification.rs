//! The result of an identification.

use pyannote_core::{FrameScores, IdentifiedTurn, SpeakerMatch, SpeakerScores, Turn, Turns};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::decode_warning::Warnings;
use super::kind::{HasTurns, Kind, sealed};
use super::lenient::{Fields, Scores, ScoresBySpeaker};
use super::origin::{Origin, impl_origin};
use crate::job::id::JobId;

/// Who spoke when, with speakers identified by voiceprint.
///
/// The service deletes outputs after 24 h. To keep a result, serialize it: the field names are those of the API.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Identification {
    #[serde(rename = "jobId", default = "JobId::unknown")]
    job_id: JobId,
    #[serde(rename = "identification")]
    identified: IdentifiedTurns,
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
    confidence: Option<FrameScores>,
    #[serde(rename = "speechProbability", skip_serializing_if = "Option::is_none")]
    speech_probability: Option<FrameScores>,
    #[serde(
        rename = "crosstalkProbability",
        skip_serializing_if = "Option::is_none"
    )]
    crosstalk_probability: Option<FrameScores>,
    #[serde(rename = "speakerProbability", skip_serializing_if = "Option::is_none")]
    speaker_probability: Option<SpeakerScores>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    #[serde(skip)]
    origin: Origin,
}

/// The identified turns, and plain turns made of them.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(from = "Vec<IdentifiedTurn>")]
struct IdentifiedTurns {
    identified: Vec<IdentifiedTurn>,
    turns: Turns,
}

impl Serialize for IdentifiedTurns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.identified.serialize(serializer)
    }
}

impl From<Vec<IdentifiedTurn>> for IdentifiedTurns {
    fn from(identified: Vec<IdentifiedTurn>) -> Self {
        let turn = |identified: &IdentifiedTurn| {
            let mut turn = Turn::new(identified.start, identified.end, identified.speaker());
            turn.confidence.clone_from(&identified.confidence);
            turn
        };
        Self {
            turns: identified.iter().map(turn).collect(),
            identified,
        }
    }
}

impl Identification {
    /// Returns the id of the job; empty for a result that was deserialized from JSON without `jobId`.
    #[must_use]
    pub fn job_id(&self) -> &JobId {
        &self.job_id
    }

    /// Returns who spoke when. Speakers that match a voiceprint have its label, all others that of the diarization.
    #[must_use]
    pub fn turns(&self) -> &Turns {
        &self.identified.turns
    }

    /// Returns the turns with both labels of their speakers: that of the diarization, and that of the voiceprint.
    #[must_use]
    pub fn identified(&self) -> &[IdentifiedTurn] {
        &self.identified.identified
    }

    /// Returns how well each speaker matches each voiceprint.
    #[must_use]
    pub fn matches(&self) -> Option<&[SpeakerMatch]> {
        self.matches.as_deref()
    }

    /// Returns the turns before identification.
    #[must_use]
    pub fn diarization(&self) -> Option<&Turns> {
        self.diarization.as_ref()
    }

    /// Returns the turns before identification and without overlap, one speaker at a time, if
    /// [requested](crate::Request::exclusive).
    #[must_use]
    pub fn exclusive(&self) -> Option<&Turns> {
        self.exclusive.as_ref()
    }

    /// Returns the confidence of each frame, 0..100, if [requested](crate::Request::confidence).
    #[must_use]
    pub fn confidence(&self) -> Option<&FrameScores> {
        self.confidence.as_ref()
    }

    /// Returns the probability of speech in each frame, 0..100, if
    /// [requested](crate::Request::speech_probability).
    #[must_use]
    pub fn speech_probability(&self) -> Option<&FrameScores> {
        self.speech_probability.as_ref()
    }

    /// Returns the probability of overlapping speech in each frame, 0..100, if
    /// [requested](crate::Request::crosstalk_probability).
    #[must_use]
    pub fn crosstalk_probability(&self) -> Option<&FrameScores> {
        self.crosstalk_probability.as_ref()
    }

    /// Returns the probability of each speaker in each frame, 0..100, if
    /// [requested](crate::Request::speaker_probability). The speakers have the labels of the
    /// [diarization](Self::diarization), even if they match a voiceprint.
    #[must_use]
    pub fn speaker_probability(&self) -> Option<&SpeakerScores> {
        self.speaker_probability.as_ref()
    }
}

impl_origin!(Identification);

impl HasTurns for Identification {
    fn turns(&self) -> &Turns {
        self.turns()
    }
}

/// The output as it is specified.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    identification: IdentifiedTurns,
    voiceprints: Option<Vec<SpeakerMatch>>,
    diarization: Option<Turns>,
    exclusive_diarization: Option<Turns>,
    confidence: Option<Scores>,
    speech_probability: Option<Scores>,
    crosstalk_probability: Option<Scores>,
    speaker_probability: Option<ScoresBySpeaker>,
    warning: Option<String>,
}

impl sealed::Kind for Identification {
    const KIND: Kind = Kind::Identification;
    const REQUIRED_FIELD: &'static str = "identification";
    type Output = Output;

    fn read(output: &RawValue, warnings: &mut Warnings) -> Option<Output> {
        let names = [
            "identification",
            "voiceprints",
            "diarization",
            "exclusiveDiarization",
            "confidence",
            "speechProbability",
            "crosstalkProbability",
            "speakerProbability",
            "warning",
        ];
        let output = Fields::of(output, names, "output", warnings)?;
        Some(Output {
            identification: output.list("identification", warnings)?,
            voiceprints: output.list("voiceprints", warnings),
            diarization: output.list("diarization", warnings),
            exclusive_diarization: output.list("exclusiveDiarization", warnings),
            confidence: output.scores("confidence", warnings),
            speech_probability: output.scores("speechProbability", warnings),
            crosstalk_probability: output.scores("crosstalkProbability", warnings),
            speaker_probability: output.scores_by_speaker("speakerProbability", warnings),
            warning: output.message("warning"),
        })
    }

    fn from_output(output: Output, job_id: JobId, origin: Origin) -> Self {
        Self {
            job_id,
            identified: output.identification,
            matches: output.voiceprints,
            diarization: output.diarization,
            exclusive: output.exclusive_diarization,
            confidence: output.confidence.map(Scores::into_scores),
            speech_probability: output.speech_probability.map(Scores::into_scores),
            crosstalk_probability: output.crosstalk_probability.map(Scores::into_scores),
            speaker_probability: output.speaker_probability.map(ScoresBySpeaker::into_scores),
            warning: output.warning,
            origin,
        }
    }
}
