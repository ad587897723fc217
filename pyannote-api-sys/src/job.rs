//! [`JobBody`], the body of a job whose kind is not known in advance.
//!
//! According to the specification, the body matches one of three schemas, but each of them also accepts the bodies of
//! the other two. [`JobBody`] distinguishes them by the fields of the output. It is deserialized in one pass, directly
//! into typed fields: the millions of scores of a long recording are never buffered as generic values.
//!
//! If the kind of job is known, deserialize [`DiarizationJob`], [`IdentifyJob`] or [`VoiceprintJob`] instead.
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
use serde::{Deserialize, Serialize};

use crate::json_schema::impl_json_schema;
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
    /// A diarization with output.
    Diarization(DiarizationJob),
    /// An identification with output.
    Identification(IdentifyJob),
    /// A voiceprint job with output.
    Voiceprint(VoiceprintJob),
    /// A job of any kind that failed or was canceled. The reason is in the `error` field of its output.
    Failed(JobRecord),
    /// A job of unknown kind without output that is still in progress, or whose status is not in the specification.
    Unfinished(JobRecord),
    /// A job that succeeded, but whose kind cannot be determined: either its output was deleted, which happens 24 h
    /// after the job finished, or its kind is not in the specification.
    Other(JobRecord),
}

/// A job of any kind.
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
    /// Time of submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
    /// Time of the last change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateTime<Utc>>,
    /// Output of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<JobOutput>,
}

/// The output of a job of any kind: the union of the fields of all kinds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JobOutput {
    /// Diarization segments, which may overlap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diarization: Option<Vec<DiarizationSegment>>,
    /// Diarization segments without overlap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclusive_diarization: Option<Vec<DiarizationSegment>>,
    /// Frame-level confidence, from 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// Words with their speakers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_level_transcription: Option<Vec<TranscriptionSegment>>,
    /// Turns with their text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_level_transcription: Option<Vec<TranscriptionSegment>>,
    /// Segments with the matched voiceprints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identification: Option<Vec<IdentificationSegment>>,
    /// Match and confidences of each speaker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voiceprints: Option<Vec<IdentificationVoiceprint>>,
    /// The created voiceprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voiceprint: Option<VoiceprintJobResultsVoiceprint>,
    /// Reason of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Explanation if the output does not fully meet the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// A kind of output.
enum Kind {
    Diarization,
    Identification,
    Voiceprint,
}

impl JobOutput {
    /// The kind of job that produces this output. An identification also has the fields of a diarization, so it is
    /// checked first.
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

/// Implements the conversion from a record to a job of one kind. The three schemas differ in their output only.
macro_rules! impl_from_record {
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
impl_from_record!(DiarizationJob);
impl_from_record!(IdentifyJob);
impl_from_record!(VoiceprintJob);

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

impl_json_schema!(JobBody, |generator| {
    schemars::json_schema!({
        "anyOf": [
            generator.subschema_for::<DiarizationJob>(),
            generator.subschema_for::<VoiceprintJob>(),
            generator.subschema_for::<IdentifyJob>(),
        ]
    })
});
