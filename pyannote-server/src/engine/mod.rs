//! The interface to engines: a request and audio in, the `output` of a job out; and live diarization.
//!
//! The server does not depend on any models. An [`Engine`] computes the API's `output` of a job: [`ScriptedEngine`]
//! returns scripted outputs, for tests, and [`DiarizerEngine`] adapts any [`Diarizer`](pyannote_engine::Diarizer), such
//! as the open models of [`pyannote_engine`]. The [crate's documentation](crate) shows how to put them together.

mod diarizer_engine;
mod job_output;
mod job_progress;
mod output;
mod scripted;
mod scripted_live;

use std::fmt;
use std::pin::Pin;

use serde_json::{Map, Value};

use crate::violation::Violation;

pub use diarizer_engine::DiarizerEngine;
pub use job_output::JobOutput;
pub use job_progress::JobProgress;
pub use pyannote_core::SpeakerEvent;
pub use pyannote_engine::{DiarizeError, LiveDiarization, LiveOptions, Recording};
pub use scripted::ScriptedEngine;
pub use scripted_live::ScriptedLive;

/// The kind of a job.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum JobKind {
    /// Diarization: who speaks when.
    Diarize,
    /// Identification: diarization, with speakers matched to voiceprints.
    Identify,
    /// Creation of a voiceprint.
    Voiceprint,
}

impl JobKind {
    /// Returns the name in the path of the API's endpoint, such as `diarize`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Diarize => "diarize",
            Self::Identify => "identify",
            Self::Voiceprint => "voiceprint",
        }
    }
}

/// A job for an engine.
#[derive(Clone)]
#[non_exhaustive]
pub struct EngineJob {
    /// The id of the job.
    pub id: String,
    /// The kind of the job.
    pub kind: JobKind,
    /// The body of the request, which was validated.
    pub request: Map<String, Value>,
    /// The recording, or `None` if the engine does not need audio.
    pub recording: Option<Recording>,
    /// The channels of the recording instead of `recording`, if the engine [needs](Engine::needs_channels) them.
    pub channels: Vec<Recording>,
    /// Progress, which the engine should report.
    pub progress: JobProgress,
}

impl EngineJob {
    /// Creates a job.
    #[must_use]
    pub fn new(
        id: String,
        kind: JobKind,
        request: Map<String, Value>,
        recording: Option<Recording>,
    ) -> Self {
        Self {
            id,
            kind,
            request,
            recording,
            channels: Vec::new(),
            progress: JobProgress::default(),
        }
    }
}

impl fmt::Debug for EngineJob {
    /// Omits the request, which may contain voiceprints, and the recording.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineJob")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// The reason why a job failed, which becomes its `output.error`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EngineError(pub String);

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EngineError {}

/// A future of the `output` of a job.
pub type EngineFuture<'a> =
    Pin<Box<dyn Future<Output = Result<JobOutput, EngineError>> + Send + 'a>>;

/// Computes the outputs of jobs.
pub trait Engine: Send + Sync + 'static {
    /// Returns a name of the engine and its models. Processes that share jobs warn if they have engines with different
    /// names. The name of the type unless implemented.
    fn name(&self) -> String {
        std::any::type_name::<Self>().to_owned()
    }

    /// Whether the engine needs the recording. Otherwise it is never fetched.
    fn needs_audio(&self) -> bool;

    /// Whether a job needs each channel of the recording alone, instead of the downmix.
    fn needs_channels(&self, kind: JobKind, request: &Map<String, Value>) -> bool {
        let _ = (kind, request);
        false
    }

    /// Returns the fields of a request that the engine does not support. If there are any, the request is rejected.
    ///
    /// The rules of the API are checked separately: the request may be invalid in other ways.
    fn check(&self, kind: JobKind, request: &Map<String, Value>) -> Vec<Violation> {
        let _ = (kind, request);
        Vec::new()
    }

    /// Returns the `warning` of the response to a submission.
    fn warning(&self, kind: JobKind, request: &Map<String, Value>) -> Option<String> {
        let _ = (kind, request);
        None
    }

    /// Processes a job. Dropping the future cancels the job.
    fn process(&self, job: EngineJob) -> EngineFuture<'_>;

    /// Starts a live diarization. The server calls this, and what is returned, on threads for blocking work.
    ///
    /// # Errors
    ///
    /// [`DiarizeError::LiveUnsupported`] unless implemented; another error if the models fail.
    fn live(&self) -> Result<Box<dyn LiveDiarization>, DiarizeError> {
        Err(DiarizeError::LiveUnsupported)
    }

    /// Whether [`live`](Self::live) is implemented. Otherwise, requests for live streams fail with status 403.
    fn supports_live(&self) -> bool {
        !matches!(self.live(), Err(DiarizeError::LiveUnsupported))
    }
}
