//! [`JobBody`], the body of a job whose kind is not known in advance.
//!
//! [`JobRecord`] and [`JobOutput`] have the fields of all kinds. Like the conversions to the three kinds, they are
//! generated: a new field in the specification needs no change here, unlike a new kind of job.
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

use serde::{Deserialize, Serialize};

use crate::json_schema::impl_json_schema;
use crate::types::{DiarizationJob, IdentifyJob, JobStatus, VoiceprintJob};
pub use crate::types::{JobOutput, JobRecord};

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

/// A kind of job, as far as its output shows it.
pub(crate) enum Kind {
    Diarization,
    Identification,
    Voiceprint,
}

impl From<JobRecord> for JobBody {
    fn from(record: JobRecord) -> Self {
        // Strings, because a value that the specification no longer lists has no variant.
        let status = record.status.as_ref().map(JobStatus::as_str);
        if let Some("failed" | "canceled") = status {
            return Self::Failed(record);
        }
        let has_succeeded = status == Some("succeeded");
        match record.output.as_ref().and_then(JobOutput::kind) {
            Some(Kind::Diarization) => Self::Diarization(record.into()),
            Some(Kind::Identification) => Self::Identification(record.into()),
            Some(Kind::Voiceprint) => Self::Voiceprint(record.into()),
            None if has_succeeded => Self::Other(record),
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
