//! The result of a diarization.

use bytes::Bytes;
use pyannote_core::{FrameConfidence, Transcript, Turns};
use serde::{Deserialize, Serialize};

use super::lenient;
use crate::job::{JobId, sealed};

/// Who spoke when.
///
/// Parts that were not asked for are `None`, which is not the same as empty: a recording without speech has turns, none.
///
/// The service deletes outputs after 24 h. It serializes, with the names that the API gives its parts, to be kept:
///
/// ```
/// use pyannote::Diarization;
///
/// let kept = r#"{"jobId":"1","diarization":[{"start":0.5,"end":2.0,"speaker":"SPEAKER_00"}]}"#;
/// let diarization: Diarization = serde_json::from_str(kept)?;
/// assert_eq!(diarization.turns().speech_time(), 1.5);
/// assert_eq!(serde_json::to_string(&diarization)?, kept);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Diarization {
    #[serde(rename = "jobId")]
    job: JobId,
    #[serde(rename = "diarization")]
    turns: Turns,
    #[serde(
        rename = "exclusiveDiarization",
        skip_serializing_if = "Option::is_none"
    )]
    exclusive: Option<Turns>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<FrameConfidence>,
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
    raw: Option<Bytes>,
}

impl Diarization {
    /// The job that it comes from.
    #[must_use]
    pub fn job_id(&self) -> &JobId {
        &self.job
    }

    /// Who spoke when. Turns of different speakers may overlap.
    #[must_use]
    pub fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Who spoke when, one speaker at a time, if [asked for](crate::Diarize::exclusive).
    #[must_use]
    pub fn exclusive(&self) -> Option<&Turns> {
        self.exclusive.as_ref()
    }

    /// How sure the diarization is all along, if [asked for](crate::Diarize::confidence).
    #[must_use]
    pub fn confidence(&self) -> Option<&FrameConfidence> {
        self.confidence.as_ref()
    }

    /// The words, each with its speaker, if a [transcription](crate::Diarize::transcription) was asked for.
    #[must_use]
    pub fn words(&self) -> Option<&Transcript> {
        self.words.as_ref()
    }

    /// The turns with what was said in them, if a [transcription](crate::Diarize::transcription) was asked for.
    #[must_use]
    pub fn transcript(&self) -> Option<&Transcript> {
        self.transcript.as_ref()
    }

    /// What the service warns of, such as a number of speakers that it could not honour.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// The body that the result came in, as JSON, if [asked for](crate::ClientBuilder::keep_raw_bodies): with what this
    /// version does not know.
    #[must_use]
    pub fn raw(&self) -> Option<&[u8]> {
        self.raw.as_deref()
    }
}

/// The form of the output in the answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    diarization: Option<Turns>,
    exclusive_diarization: Option<Turns>,
    confidence: Option<FrameConfidence>,
    word_level_transcription: Option<Transcript>,
    turn_level_transcription: Option<Transcript>,
    #[serde(default, deserialize_with = "lenient::text")]
    error: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    warning: Option<String>,
}

impl sealed::Kind for Diarization {
    type Output = Output;

    fn error(output: &Output) -> Option<&str> {
        output.error.as_deref()
    }

    fn from_output(output: Output, job: JobId, raw: Option<Bytes>) -> Result<Self, &'static str> {
        Ok(Self {
            job,
            turns: output.diarization.ok_or("diarization")?,
            exclusive: output.exclusive_diarization,
            confidence: output.confidence,
            words: output.word_level_transcription,
            transcript: output.turn_level_transcription,
            warning: output.warning,
            raw,
        })
    }
}
