//! The result of a diarization.

use pyannote_core::{FrameScores, SpeakerScores, Transcript, Turns};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::decode_warning::Warnings;
use super::kind::{HasTurns, Kind, sealed};
use super::lenient::{Fields, Scores, ScoresBySpeaker};
use super::origin::{Origin, impl_origin};
use crate::job::id::JobId;

/// Who spoke when, and optionally what they said.
///
/// Parts that were not requested are `None`, which differs from empty: a recording without speech has turns, zero of
/// them.
///
/// The service deletes outputs after 24 h. To keep a result, serialize it: the field names are those of the API.
///
/// ```
/// use pyannote::Diarization;
///
/// let json = r#"{"jobId":"1","diarization":[{"start":0.5,"end":2.0,"speaker":"SPEAKER_00"}]}"#;
/// let diarization: Diarization = serde_json::from_str(json)?;
/// assert_eq!(diarization.turns().speech_time(), 1.5);
/// assert_eq!(serde_json::to_string(&diarization)?, json);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Diarization {
    #[serde(rename = "jobId", default = "JobId::unknown")]
    job_id: JobId,
    #[serde(rename = "diarization")]
    turns: Turns,
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
    #[serde(
        rename = "wordLevelTranscription",
        skip_serializing_if = "Option::is_none"
    )]
    words: Option<Transcript>,
    #[serde(
        rename = "turnLevelTranscription",
        skip_serializing_if = "Option::is_none"
    )]
    transcript: Option<Transcript>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    #[serde(skip)]
    origin: Origin,
}

impl Diarization {
    /// Returns the id of the job; empty for a result that was deserialized from JSON without `jobId`.
    #[must_use]
    pub fn job_id(&self) -> &JobId {
        &self.job_id
    }

    /// Returns who spoke when. Turns of different speakers may overlap.
    #[must_use]
    pub fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Returns the turns without overlap, one speaker at a time, if
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
    /// [requested](crate::Request::speaker_probability).
    #[must_use]
    pub fn speaker_probability(&self) -> Option<&SpeakerScores> {
        self.speaker_probability.as_ref()
    }

    /// Returns the words with their speakers, if a [transcription](crate::Request::transcription) was requested.
    #[must_use]
    pub fn words(&self) -> Option<&Transcript> {
        self.words.as_ref()
    }

    /// Returns the turns with their text, if a [transcription](crate::Request::transcription) was requested.
    #[must_use]
    pub fn transcript(&self) -> Option<&Transcript> {
        self.transcript.as_ref()
    }
}

impl_origin!(Diarization);

impl HasTurns for Diarization {
    fn turns(&self) -> &Turns {
        &self.turns
    }
}

/// The output as it is specified.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    diarization: Turns,
    exclusive_diarization: Option<Turns>,
    confidence: Option<Scores>,
    speech_probability: Option<Scores>,
    crosstalk_probability: Option<Scores>,
    speaker_probability: Option<ScoresBySpeaker>,
    word_level_transcription: Option<Transcript>,
    turn_level_transcription: Option<Transcript>,
    warning: Option<String>,
}

impl sealed::Kind for Diarization {
    const KIND: Kind = Kind::Diarization;
    const REQUIRED_FIELD: &'static str = "diarization";
    type Output = Output;

    fn read(output: &RawValue, warnings: &mut Warnings) -> Option<Output> {
        let names = [
            "diarization",
            "exclusiveDiarization",
            "confidence",
            "speechProbability",
            "crosstalkProbability",
            "speakerProbability",
            "wordLevelTranscription",
            "turnLevelTranscription",
            "warning",
        ];
        let output = Fields::of(output, names, "output", warnings)?;
        Some(Output {
            diarization: output.list("diarization", warnings)?,
            exclusive_diarization: output.list("exclusiveDiarization", warnings),
            confidence: output.scores("confidence", warnings),
            speech_probability: output.scores("speechProbability", warnings),
            crosstalk_probability: output.scores("crosstalkProbability", warnings),
            speaker_probability: output.scores_by_speaker("speakerProbability", warnings),
            word_level_transcription: output.list("wordLevelTranscription", warnings),
            turn_level_transcription: output.list("turnLevelTranscription", warnings),
            warning: output.message("warning"),
        })
    }

    fn from_output(output: Output, job_id: JobId, origin: Origin) -> Self {
        Self {
            job_id,
            turns: output.diarization,
            exclusive: output.exclusive_diarization,
            confidence: output.confidence.map(Scores::into_scores),
            speech_probability: output.speech_probability.map(Scores::into_scores),
            crosstalk_probability: output.crosstalk_probability.map(Scores::into_scores),
            speaker_probability: output.speaker_probability.map(ScoresBySpeaker::into_scores),
            words: output.word_level_transcription,
            transcript: output.turn_level_transcription,
            warning: output.warning,
            origin,
        }
    }
}
