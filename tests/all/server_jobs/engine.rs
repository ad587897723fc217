//! An engine that does what the request says, and remembers what ran when.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyannote_server::engine::{Engine, EngineError, EngineFuture, EngineJob};
use serde_json::json;
use tokio::sync::Semaphore;

#[derive(Debug, Default)]
struct Seen {
    order: Vec<String>,
    running: Vec<String>,
    most_at_once: usize,
    twice_at_once: bool,
}

/// The field `do` of a request says what the engine does: `fail`, `panic`, `hang`, `gate` (waits for the test to open
/// it) or, unsaid, succeed.
#[derive(Clone, Debug)]
pub(crate) struct Steered {
    seen: Arc<Mutex<Seen>>,
    gate: Arc<Semaphore>,
    hears: bool,
}

impl Steered {
    pub(crate) fn new() -> Self {
        Self {
            seen: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
            hears: false,
        }
    }

    pub(crate) fn hearing() -> Self {
        Self {
            hears: true,
            ..Self::new()
        }
    }

    /// Lets this many jobs through the gate.
    pub(crate) fn open(&self, jobs: usize) {
        self.gate.add_permits(jobs);
    }

    /// The ids of the jobs, as they were begun.
    pub(crate) fn order(&self) -> Vec<String> {
        self.seen.lock().unwrap().order.clone()
    }

    pub(crate) fn running(&self) -> usize {
        self.seen.lock().unwrap().running.len()
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.seen.lock().unwrap().most_at_once
    }

    pub(crate) fn twice_at_once(&self) -> bool {
        self.seen.lock().unwrap().twice_at_once
    }
}

/// Counts a run while it lasts, however it ends.
struct Counted(Arc<Mutex<Seen>>, String);

impl Counted {
    fn new(seen: &Arc<Mutex<Seen>>, id: &str) -> Self {
        let mut inside = seen.lock().unwrap();
        inside.twice_at_once |= inside.running.iter().any(|running| running == id);
        inside.order.push(id.to_owned());
        inside.running.push(id.to_owned());
        inside.most_at_once = inside.most_at_once.max(inside.running.len());
        drop(inside);
        Self(seen.clone(), id.to_owned())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut inside = self.0.lock().unwrap();
        let place = inside.running.iter().position(|running| *running == self.1);
        inside.running.swap_remove(place.unwrap());
    }
}

impl Engine for Steered {
    fn needs_audio(&self) -> bool {
        self.hears
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        Box::pin(async move {
            let _counted = Counted::new(&self.seen, &job.id);
            tokio::time::sleep(Duration::from_millis(2)).await;
            match job.request.get("do").and_then(|what| what.as_str()) {
                Some("fail") => return Err(EngineError("the recording is silent".into())),
                Some("panic") => panic!("a model is missing"),
                Some("hang") => std::future::pending().await,
                Some("gate") => self.gate.acquire().await.unwrap().forget(),
                _ => {}
            }
            let samples = job.recording.map(|recording| recording.samples.len());
            Ok(json!({ "diarization": [], "samples": samples }))
        })
    }
}
