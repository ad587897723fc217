//! An engine that answers what a test tells it to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::{Engine, EngineError, EngineFuture, EngineJob, JobKind};

/// An engine that hears nothing: it gives the outputs that it was told, in their order, and then plausible ones.
/// Clones share the script.
///
/// ```
/// use pyannote_server::ScriptedEngine;
/// use serde_json::json;
///
/// let engine = ScriptedEngine::new();
/// engine.then(Ok(json!({ "diarization": [] }))); // the next job: nobody speaks
/// engine.then(Err("the audio could not be read".into())); // the one after that fails
/// ```
#[derive(Clone, Debug, Default)]
pub struct ScriptedEngine {
    script: Arc<Mutex<VecDeque<Answer>>>,
}

/// What a job is to have.
#[derive(Clone, Debug)]
enum Answer {
    End(Result<Value, String>),
    Never,
}

impl ScriptedEngine {
    /// An engine without a script: every job has a plausible output.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the next job without an answer yet will have: an output, or why it fails.
    pub fn then(&self, answer: Result<Value, String>) {
        self.script().push_back(Answer::End(answer));
    }

    /// The next job without an answer yet will have none: it stays running.
    pub fn then_stuck(&self) {
        self.script().push_back(Answer::Never);
    }

    fn script(&self) -> MutexGuard<'_, VecDeque<Answer>> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for ScriptedEngine {
    fn needs_audio(&self) -> bool {
        false
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        let answer = self.script().pop_front();
        Box::pin(async move {
            match answer {
                Some(Answer::End(answer)) => answer.map_err(EngineError),
                Some(Answer::Never) => std::future::pending().await,
                None => Ok(plausible(&job)),
            }
        })
    }
}

/// An output that the API could give for the request: two speakers, who take turns.
fn plausible(job: &EngineJob) -> Value {
    let asked = |name: &str| job.request.get(name) == Some(&Value::Bool(true));
    let turn = |speaker: &str, start: f64, end: f64| json!({ "speaker": speaker, "start": start, "end": end });
    let turns = json!([turn("SPEAKER_00", 0.5, 3.0), turn("SPEAKER_01", 3.25, 6.0)]);
    match job.kind {
        JobKind::Voiceprint => json!({ "voiceprint": "c2NyaXB0ZWQ=" }),
        JobKind::Diarize => {
            let mut output = json!({ "diarization": turns });
            if asked("exclusive") {
                output["exclusiveDiarization"] = turns.clone();
            }
            output
        }
        JobKind::Identify => {
            let label = job
                .request
                .get("voiceprints")
                .and_then(|list| list.get(0)?.get("label").cloned());
            let label = label.unwrap_or(Value::Null);
            let named = label.as_str().unwrap_or("SPEAKER_00").to_owned();
            json!({
                "diarization": turns,
                "identification": [
                    { "speaker": named, "start": 0.5, "end": 3.0, "diarizationSpeaker": "SPEAKER_00", "match": label },
                    { "speaker": "SPEAKER_01", "start": 3.25, "end": 6.0, "diarizationSpeaker": "SPEAKER_01", "match": null },
                ],
                "voiceprints": [
                    { "speaker": "SPEAKER_00", "match": label, "confidence": { named.clone(): 86 } },
                    { "speaker": "SPEAKER_01", "match": null, "confidence": { named: 16 } },
                ],
            })
        }
    }
}
