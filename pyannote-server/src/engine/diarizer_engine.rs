//! An engine made of a diarizer.

use std::panic::resume_unwind;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use super::output::{self, Identify};
use super::{CancelToken, Diarizer, Engine, EngineError, EngineFuture, EngineJob, JobKind};
use crate::violation::Violation;

/// An [`Engine`] made of a [`Diarizer`]: it reads requests and writes outputs, as the API has them, and leaves the
/// hearing to the diarizer.
///
/// It works on a thread for blocking work. Whoever drops the future stops the diarizer, too.
///
/// - It does not transcribe, and says so when it is asked to.
/// - Whatever model is asked for, the diarizer's own answer, and a `warning` names them.
/// - `confidence` tells of each frame how sure the engine is of what its output says there: the probability of the
///   least certain of its decisions, which are that somebody speaks, or nobody, and that each speaker does, or does not.
/// - `turnLevelConfidence` is the mean probability of each speaker over the turn.
/// - An identification takes the cosine of each speaker and voiceprint, and tells how likely they are of one person,
///   0 to 100, as [`Diarizer::same_speaker_probability`] has it. Of the matches at or above `matching.threshold`, those are made that
///   have the greatest sum; where they are not `matching.exclusive`, the best of each speaker.
/// - A voiceprint is an embedding with the name of the model that made it. Those of other models, and of pyannoteAI's
///   own service, are refused when they are submitted.
///
/// ```
/// use pyannote_engine::{Diarization, DiarizeError, Diarizer, Options};
/// use pyannote_server::engine::DiarizerEngine;
///
/// /// Hears nobody.
/// struct Deaf;
///
/// impl Diarizer for Deaf {
///     fn models(&self) -> &str {
///         "no model"
///     }
///
///     fn embedding_model(&self) -> &str {
///         "none"
///     }
///
///     fn diarize(&self, _: &[f32], _: &mut Options<'_>) -> Result<Diarization, DiarizeError> {
///         Ok(Diarization::default())
///     }
///
///     fn same_speaker_probability(&self, _: f32) -> f32 {
///         0.5
///     }
/// }
///
/// let builder = pyannote_server::Server::builder().engine(DiarizerEngine::new(Deaf));
/// ```
#[derive(Debug)]
pub struct DiarizerEngine<D> {
    diarizer: Arc<D>,
}

impl<D: Diarizer> DiarizerEngine<D> {
    /// An engine made of this diarizer.
    #[must_use]
    pub fn new(diarizer: D) -> Self {
        Self {
            diarizer: Arc::new(diarizer),
        }
    }
}

impl<D: Diarizer> Engine for DiarizerEngine<D> {
    fn needs_audio(&self) -> bool {
        true
    }

    fn check(&self, kind: JobKind, request: &Map<String, Value>) -> Vec<Violation> {
        match kind {
            JobKind::Diarize if request.get("transcription") == Some(&Value::Bool(true)) => {
                let message = "is not possible: the engine of this server does not transcribe";
                vec![Violation::new("transcription", message)]
            }
            JobKind::Identify => {
                Identify::check(request, self.diarizer.embedding_model()).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    fn warning(&self, _: JobKind, request: &Map<String, Value>) -> Option<String> {
        Some(output::substitute(self.diarizer.models(), request))
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        let diarizer = Arc::clone(&self.diarizer);
        Box::pin(async move {
            let cancel = CancelToken::default();
            let _guard = CancelOnDrop(cancel.clone());
            let work = spawn_blocking(move || output::answer(&*diarizer, job, &cancel));
            match work.await {
                Ok(answer) => answer,
                Err(error) => match error.try_into_panic() {
                    // The worker tells of panics.
                    Ok(panic) => resume_unwind(panic),
                    Err(error) => Err(EngineError(format!("the work was given up: {error}"))),
                },
            }
        })
    }
}

/// Tells the diarizer that nobody waits any more.
struct CancelOnDrop(CancelToken);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
