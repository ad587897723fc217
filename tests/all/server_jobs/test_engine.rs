//! An engine whose behavior is part of the request, and which records its runs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyannote_server::engine::{Engine, EngineError, EngineFuture, EngineJob};
use serde_json::json;
use tokio::sync::Semaphore;

#[derive(Debug, Default)]
struct Runs {
    started: Vec<String>,
    running: Vec<String>,
    max_concurrent: usize,
    has_duplicate_run: bool,
}

/// The field `behavior` of a request says what the engine does: `fail`, `panic`, `hang`, `wait` (until the test calls
/// [`TestEngine::release`]), `half` (report half of the progress, and wait) or, by default, succeed. Clones share their state.
#[derive(Clone, Debug)]
pub(crate) struct TestEngine {
    runs: Arc<Mutex<Runs>>,
    permits: Arc<Semaphore>,
    needs_audio: bool,
}

impl TestEngine {
    pub(crate) fn new() -> Self {
        Self {
            runs: Arc::default(),
            permits: Arc::new(Semaphore::new(0)),
            needs_audio: false,
        }
    }

    /// An engine that needs audio.
    pub(crate) fn with_audio() -> Self {
        Self {
            needs_audio: true,
            ..Self::new()
        }
    }

    /// Lets this many waiting jobs continue.
    pub(crate) fn release(&self, jobs: usize) {
        self.permits.add_permits(jobs);
    }

    /// The ids of the runs, in the order in which they started.
    pub(crate) fn started(&self) -> Vec<String> {
        self.runs.lock().unwrap().started.clone()
    }

    pub(crate) fn running(&self) -> usize {
        self.runs.lock().unwrap().running.len()
    }

    pub(crate) fn max_concurrent(&self) -> usize {
        self.runs.lock().unwrap().max_concurrent
    }

    pub(crate) fn has_duplicate_run(&self) -> bool {
        self.runs.lock().unwrap().has_duplicate_run
    }
}

/// Counts a run until it is dropped.
struct RunGuard(Arc<Mutex<Runs>>, String);

impl RunGuard {
    fn new(runs: &Arc<Mutex<Runs>>, id: &str) -> Self {
        let mut state = runs.lock().unwrap();
        state.has_duplicate_run |= state.running.iter().any(|running| running == id);
        state.started.push(id.to_owned());
        state.running.push(id.to_owned());
        state.max_concurrent = state.max_concurrent.max(state.running.len());
        drop(state);
        Self(runs.clone(), id.to_owned())
    }
}

impl Drop for RunGuard {
    fn drop(&mut self) {
        let mut state = self.0.lock().unwrap();
        let index = state.running.iter().position(|running| *running == self.1);
        state.running.swap_remove(index.unwrap());
    }
}

impl Engine for TestEngine {
    fn needs_audio(&self) -> bool {
        self.needs_audio
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        Box::pin(async move {
            let _guard = RunGuard::new(&self.runs, &job.id);
            tokio::time::sleep(Duration::from_millis(2)).await;
            match job
                .request
                .get("behavior")
                .and_then(|behavior| behavior.as_str())
            {
                Some("fail") => return Err(EngineError("the recording is silent".into())),
                Some("panic") => panic!("a model is missing"),
                Some("hang") => std::future::pending().await,
                Some("half") => {
                    job.progress.report(0.5);
                    self.permits.acquire().await.unwrap().forget();
                }
                Some("wait") => self.permits.acquire().await.unwrap().forget(),
                _ => {}
            }
            let samples = job.recording.map(|recording| recording.len());
            Ok(json!({ "diarization": [], "samples": samples }).into())
        })
    }
}
