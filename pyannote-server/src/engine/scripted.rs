//! An engine with scripted outputs, for tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::{
    DiarizeError, Engine, EngineError, EngineFuture, EngineJob, JobKind, LiveDiarization,
    ScriptedLive,
};

/// An engine that returns scripted outputs in order, and plausible ones after the script. It needs no audio.
///
/// Clones share the script.
///
/// ```
/// use pyannote_server::ScriptedEngine;
/// use serde_json::json;
///
/// let engine = ScriptedEngine::new();
/// engine.then(Ok(json!({ "diarization": [] }))); // the next job: no speech
/// engine.then(Err("the audio could not be read".into())); // the job after that fails
/// ```
///
/// Live streams have a script of their own: see [`then_live`](Self::then_live).
#[derive(Clone, Debug, Default)]
pub struct ScriptedEngine {
    script: Arc<Mutex<VecDeque<Step>>>,
    live_script: Arc<Mutex<VecDeque<ScriptedLive>>>,
}

/// The outcome of one job.
#[derive(Clone, Debug)]
enum Step {
    Output(Result<Value, String>),
    Pending,
}

impl ScriptedEngine {
    /// Creates an engine without a script: every job gets a plausible output.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an output, or an error message, to the script.
    pub fn then(&self, output: Result<Value, String>) {
        self.script().push_back(Step::Output(output));
    }

    /// Appends a job that never ends to the script.
    pub fn then_stuck(&self) {
        self.script().push_back(Step::Pending);
    }

    /// Appends a live stream to the script. After the script, two speakers take turns.
    ///
    /// ```
    /// use pyannote_server::ScriptedEngine;
    /// use pyannote_server::engine::{ScriptedLive, SpeakerEvent};
    ///
    /// let engine = ScriptedEngine::new();
    /// let events = [SpeakerEvent::start(0.5, "SPEAKER_00"), SpeakerEvent::end(2.0, "SPEAKER_00")];
    /// engine.then_live(ScriptedLive::new(events)); // the next stream
    /// engine.then_live(ScriptedLive::new([]).fails_at(1.0)); // the stream after that fails after 1 s of audio
    /// ```
    pub fn then_live(&self, live: ScriptedLive) {
        self.live_script().push_back(live);
    }

    fn live_script(&self) -> MutexGuard<'_, VecDeque<ScriptedLive>> {
        self.live_script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn script(&self) -> MutexGuard<'_, VecDeque<Step>> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for ScriptedEngine {
    fn name(&self) -> String {
        "scripted".to_owned()
    }

    fn needs_audio(&self) -> bool {
        false
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        let step = self.script().pop_front();
        Box::pin(async move {
            match step {
                Some(Step::Output(output)) => output.map(Into::into).map_err(EngineError),
                Some(Step::Pending) => std::future::pending().await,
                None => Ok(plausible(&job).into()),
            }
        })
    }

    fn live(&self) -> Result<Box<dyn LiveDiarization>, DiarizeError> {
        let next = self.live_script().pop_front();
        Ok(next.unwrap_or_else(ScriptedLive::plausible).start())
    }

    fn supports_live(&self) -> bool {
        true
    }
}

/// A plausible output for a request: two speakers who take turns.
fn plausible(job: &EngineJob) -> Value {
    let is_true = |name: &str| job.request.get(name) == Some(&Value::Bool(true));
    let turn = |speaker: &str, start: f64, end: f64| json!({ "speaker": speaker, "start": start, "end": end });
    let turns = json!([turn("SPEAKER_00", 0.5, 3.0), turn("SPEAKER_01", 3.25, 6.0)]);
    match job.kind {
        JobKind::Voiceprint => json!({ "voiceprint": "c2NyaXB0ZWQ=" }),
        JobKind::Diarize => {
            let mut output = json!({ "diarization": turns });
            if is_true("exclusive") {
                output["exclusiveDiarization"] = turns.clone();
            }
            if is_true("transcription") {
                let said = |speaker: &str, start: f64, end: f64, text: &str| json!({ "speaker": speaker, "start": start, "end": end, "text": text });
                output["wordLevelTranscription"] = json!([
                    said("SPEAKER_00", 0.5, 1.0, "Good"),
                    said("SPEAKER_00", 1.0, 1.75, "morning."),
                    said("SPEAKER_01", 3.25, 4.0, "Hello."),
                ]);
                output["turnLevelTranscription"] = json!([
                    said("SPEAKER_00", 0.5, 1.75, "Good morning."),
                    said("SPEAKER_01", 3.25, 4.0, "Hello."),
                ]);
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
