//! The body of a job whose kind is not known: which of the three it is, or that it cannot be told.
//!
//! The specification says that the body is one of three schemas, each of which accepts the bodies of the others. Here
//! the parts of the output decide. The body is read in one pass, straight into the parts, so that the millions of
//! scores of a long recording are never buffered in a general form first.
//!
//! A caller that knows which kind it asked for decodes [`DiarizationJob`], [`IdentifyJob`] or [`VoiceprintJob`]
//! directly.
//!
//! ```
//! use pyannote_api_sys::types::JobBody;
//!
//! let body = r#"{
//!     "jobId": "4d9b9ab6", "status": "succeeded",
//!     "output": {
//!         "diarization": [{"speaker": "SPEAKER_00", "start": 3.005, "end": 5.945}],
//!         "voiceprints": [{"speaker": "SPEAKER_00", "match": null, "confidence": {"Ada": 16}}]
//!     }
//! }"#;
//! let JobBody::Identification(job) = serde_json::from_str(body)? else { panic!() };
//! assert_eq!(job.output.unwrap().voiceprints.unwrap()[0].match_, None);
//! # Ok::<_, serde_json::Error>(())
//! ```

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::types::{
    Confidence, DiarizationJob, DiarizationJobOutput, DiarizationSegment, IdentificationJobOutput,
    IdentificationSegment, IdentificationVoiceprint, IdentifyJob, JobStatus, TranscriptionSegment,
    VoiceprintJob, VoiceprintJobResults, VoiceprintJobResultsVoiceprint,
};

/// The body of a job of any kind.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(from = "JobRecord")]
#[serde(untagged)]
#[non_exhaustive]
pub enum JobBody {
    /// Who spoke when.
    Diarization(DiarizationJob),
    /// Who spoke when, by voiceprint.
    Identification(IdentifyJob),
    /// A voiceprint.
    Voiceprint(VoiceprintJob),
    /// The job failed or was canceled, whatever its kind. The reason is in the `error` of its output.
    Failed(JobRecord),
    /// The job has not ended, or has a status that the specification does not list, and has no output that tells its
    /// kind.
    Unfinished(JobRecord),
    /// The job succeeded, and has no output that tells its kind: the output was deleted, which happens 24 h after the
    /// end of the job, or the job is of a kind that the specification does not know yet.
    Other(JobRecord),
}

/// A job, with the parts of the outputs of all kinds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JobRecord {
    /// ID of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// Status of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<JobStatus>,
    /// When the job was submitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
    /// When the job last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateTime<Utc>>,
    /// Output of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<JobOutput>,
}

/// The parts of the outputs of all kinds of job.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JobOutput {
    /// Who spoke when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diarization: Option<Vec<DiarizationSegment>>,
    /// Who spoke when, one speaker at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclusive_diarization: Option<Vec<DiarizationSegment>>,
    /// Confidence of each frame, from 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// The words, each with its speaker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_level_transcription: Option<Vec<TranscriptionSegment>>,
    /// The turns, each with its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_level_transcription: Option<Vec<TranscriptionSegment>>,
    /// Who spoke when, by voiceprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identification: Option<Vec<IdentificationSegment>>,
    /// How each speaker was matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voiceprints: Option<Vec<IdentificationVoiceprint>>,
    /// The voiceprint that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voiceprint: Option<VoiceprintJobResultsVoiceprint>,
    /// Why the job failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to know about an output that could not be made quite as asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// The kinds of output.
enum Kind {
    Diarization,
    Identification,
    Voiceprint,
}

impl JobOutput {
    /// The kind of job that makes such an output. An identification has all that a diarization has, and more, so it is
    /// looked for first.
    fn kind(&self) -> Option<Kind> {
        if self.identification.is_some() || self.voiceprints.is_some() {
            Some(Kind::Identification)
        } else if self.voiceprint.is_some() {
            Some(Kind::Voiceprint)
        } else if self.diarization.is_some()
            || self.exclusive_diarization.is_some()
            || self.confidence.is_some()
            || self.word_level_transcription.is_some()
            || self.turn_level_transcription.is_some()
        {
            Some(Kind::Diarization)
        } else {
            None
        }
    }
}

impl From<JobOutput> for DiarizationJobOutput {
    fn from(output: JobOutput) -> Self {
        Self {
            confidence: output.confidence,
            diarization: output.diarization,
            error: output.error,
            exclusive_diarization: output.exclusive_diarization,
            turn_level_transcription: output.turn_level_transcription,
            warning: output.warning,
            word_level_transcription: output.word_level_transcription,
        }
    }
}

impl From<JobOutput> for IdentificationJobOutput {
    fn from(output: JobOutput) -> Self {
        Self {
            confidence: output.confidence,
            diarization: output.diarization,
            error: output.error,
            exclusive_diarization: output.exclusive_diarization,
            identification: output.identification,
            voiceprints: output.voiceprints,
            warning: output.warning,
        }
    }
}

impl From<JobOutput> for VoiceprintJobResults {
    fn from(output: JobOutput) -> Self {
        Self {
            error: output.error,
            voiceprint: output.voiceprint,
            warning: output.warning,
        }
    }
}

/// Makes a job of one kind of a record: the three schemas differ in their output only.
macro_rules! job_of_record {
    ($job:ident) => {
        impl From<JobRecord> for $job {
            fn from(record: JobRecord) -> Self {
                Self {
                    created_at: record.created_at,
                    job_id: record.job_id,
                    output: record.output.map(Into::into),
                    status: record.status,
                    updated_at: record.updated_at,
                }
            }
        }
    };
}
job_of_record!(DiarizationJob);
job_of_record!(IdentifyJob);
job_of_record!(VoiceprintJob);

impl From<JobRecord> for JobBody {
    fn from(record: JobRecord) -> Self {
        if let Some(JobStatus::Failed | JobStatus::Canceled) = record.status {
            return Self::Failed(record);
        }
        match record.output.as_ref().and_then(JobOutput::kind) {
            Some(Kind::Diarization) => Self::Diarization(record.into()),
            Some(Kind::Identification) => Self::Identification(record.into()),
            Some(Kind::Voiceprint) => Self::Voiceprint(record.into()),
            None if record.status == Some(JobStatus::Succeeded) => Self::Other(record),
            None => Self::Unfinished(record),
        }
    }
}

impl JobBody {
    /// ID of the job.
    #[must_use]
    pub fn job_id(&self) -> Option<&str> {
        match self {
            Self::Diarization(job) => job.job_id.as_deref(),
            Self::Identification(job) => job.job_id.as_deref(),
            Self::Voiceprint(job) => job.job_id.as_deref(),
            Self::Failed(job) | Self::Unfinished(job) | Self::Other(job) => job.job_id.as_deref(),
        }
    }

    /// Status of the job.
    #[must_use]
    pub fn status(&self) -> Option<&JobStatus> {
        match self {
            Self::Diarization(job) => job.status.as_ref(),
            Self::Identification(job) => job.status.as_ref(),
            Self::Voiceprint(job) => job.status.as_ref(),
            Self::Failed(job) | Self::Unfinished(job) | Self::Other(job) => job.status.as_ref(),
        }
    }
}

impl JsonSchema for JobBody {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "JobBody".into()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        concat!(module_path!(), "::JobBody").into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                generator.subschema_for::<DiarizationJob>(),
                generator.subschema_for::<VoiceprintJob>(),
                generator.subschema_for::<IdentifyJob>(),
            ]
        })
    }
}
