//! The engine seam: audio and options in, an output out. The server knows nothing of models.

#[cfg(feature = "models")]
#[allow(
    dead_code,
    unused_imports,
    reason = "the pipeline that uses it comes next"
)]
mod open;
mod scripted;

use std::pin::Pin;

use serde_json::{Map, Value};

pub use scripted::ScriptedEngine;

/// The sample rate of what an engine hears, in Hz. One channel.
pub const SAMPLE_RATE: u32 = 16_000;

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
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineJob {
    /// The id of the job.
    pub id: String,
    /// What kind it is.
    pub kind: JobKind,
    /// The request, as the API has it, checked.
    pub request: Map<String, Value>,
    /// The recording: samples of one channel at [`SAMPLE_RATE`], from -1 to 1. None for an engine that needs none.
    pub samples: Option<Vec<f32>>,
}

impl EngineJob {
    /// A job for an engine.
    #[must_use]
    pub fn new(
        id: String,
        kind: JobKind,
        request: Map<String, Value>,
        samples: Option<Vec<f32>>,
    ) -> Self {
        Self {
            id,
            kind,
            request,
            samples,
        }
    }
}

/// Why a job failed: what its `output.error` says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EngineError(pub String);

impl std::fmt::Display for EngineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

    /// Works on a job.
    fn process(&self, job: EngineJob) -> EngineFuture<'_>;
}
