//! The engine seam: audio and options in, an output out. The server knows nothing of models.
//!
//! An [`Engine`] takes a job and gives the API's `output`. [`ScriptedEngine`] is one that hears nothing.
//! [`DiarizerEngine`] is one made of a [`Diarizer`], which takes samples and knows nothing of jobs; `OpenModels` (feature
//! `models`) is the diarizer that this crate brings. The [crate's documentation](crate) shows how they are put together.

mod diarizer_engine;
mod output;
mod scripted;

use std::fmt;
use std::pin::Pin;

use serde_json::{Map, Value};

use crate::violation::Violation;

pub use diarizer_engine::DiarizerEngine;
pub use pyannote_engine::Recording;
pub use scripted::ScriptedEngine;

use pyannote_engine::{
    CancelToken, Diarization, DiarizeError, Diarizer, Embedding, Scores, SpeakerBounds, Turn,
    voiceprint,
};

/// What kind of job it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum JobKind {
    /// Who spoke when.
    Diarize,
    /// Who spoke when, by voiceprint.
    Identify,
    /// A voiceprint.
    Voiceprint,
}

impl JobKind {
    /// The name, as in the path of its endpoint.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Diarize => "diarize",
            Self::Identify => "identify",
            Self::Voiceprint => "voiceprint",
        }
    }
}

/// What an engine is asked for.
#[derive(Clone)]
#[non_exhaustive]
pub struct EngineJob {
    /// The id of the job.
    pub id: String,
    /// What kind it is.
    pub kind: JobKind,
    /// The request, as the API has it, checked.
    pub request: Map<String, Value>,
    /// The recording. None for an engine that needs none.
    pub recording: Option<Recording>,
}

impl EngineJob {
    /// A job for an engine.
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
        }
    }
}

impl fmt::Debug for EngineJob {
    /// Shows neither the request, which may hold voiceprints, nor the recording.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineJob")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Why a job failed: what its `output.error` says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EngineError(pub String);

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EngineError {}

/// A result that is on its way: the `output` of the job, as the API has it.
pub type EngineFuture<'a> = Pin<Box<dyn Future<Output = Result<Value, EngineError>> + Send + 'a>>;

/// Turns recordings into outputs.
pub trait Engine: Send + Sync + 'static {
    /// Whether it hears the recording. One that does not gets no samples, and the recording is never fetched.
    fn needs_audio(&self) -> bool;

    /// What of a request it cannot do, field by field: the submission is refused with it. The request may break the
    /// rules of the API as well, which are checked beside this.
    fn check(&self, kind: JobKind, request: &Map<String, Value>) -> Vec<Violation> {
        let _ = (kind, request);
        Vec::new()
    }

    /// What the sender of a request should know at once: the `warning` of the answer to the submission.
    fn warning(&self, kind: JobKind, request: &Map<String, Value>) -> Option<String> {
        let _ = (kind, request);
        None
    }

    /// Works on a job. Where the future is dropped, the result is not wanted any more.
    fn process(&self, job: EngineJob) -> EngineFuture<'_>;
}
