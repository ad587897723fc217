//! Preparing of recordings beside the computation, the order of jobs, and progress.

use std::sync::Arc;
use std::time::Duration;

use pyannote_server::engine::{EngineError, Recording};
use pyannote_server::store::{Cancellation, Job, Status, Store};
use pyannote_server::worker::{
    AudioSource, DurationFuture, RecordingFuture, Stage, Timing, WorkerConfig, Workers,
};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

use super::test_engine::TestEngine;
use super::{TEAM, config, ended, running, submit, timing, wait_until};

/// Recordings whose URLs say how they behave. Clones share the state.
#[derive(Clone)]
struct Recordings {
    long: Recording,
    /// Lets slow recordings be loaded.
    permits: Arc<Semaphore>,
    /// Tells that a slow recording is no longer loaded.
    stopped: mpsc::UnboundedSender<()>,
}

impl Recordings {
    fn new() -> (Self, mpsc::UnboundedReceiver<()>) {
        let (stopped, is_stopped) = mpsc::unbounded_channel();
        let recordings = Self {
            // Eleven minutes, in memory.
            long: Recording::new(vec![0.0; 11 * 60 * 16_000]),
            permits: Arc::new(Semaphore::new(0)),
            stopped,
        };
        (recordings, is_stopped)
    }
}

struct NoteStop(mpsc::UnboundedSender<()>);

impl Drop for NoteStop {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

impl AudioSource for Recordings {
    fn recording<'a>(&'a self, _: &'a str, url: &'a str, _: Option<f64>) -> RecordingFuture<'a> {
        Box::pin(async move {
            match url {
                "media://long" | "https://example.com/long" => Ok(self.long.clone()),
                "media://slow" => {
                    let _note = NoteStop(self.stopped.clone());
                    self.permits.acquire().await.unwrap().forget();
                    Ok(Recording::new(vec![0.0; 160]))
                }
                "media://short" => Ok(Recording::new(vec![0.0; 160])),
                _ => Err(EngineError(format!("{url} does not exist")).into()),
            }
        })
    }

    fn duration<'a>(&'a self, _: &'a str, url: &'a str) -> DurationFuture<'a> {
        let is_long = url == "media://long";
        Box::pin(async move { is_long.then(|| Duration::from_secs(11 * 60)) })
    }
}

/// An engine that needs audio, and its jobs.
struct Trial {
    store: Store,
    engine: TestEngine,
    recordings: Recordings,
    stopped: mpsc::UnboundedReceiver<()>,
}

impl Trial {
    async fn new() -> Self {
        let (recordings, stopped) = Recordings::new();
        Self {
            store: Store::temporary().await.unwrap(),
            engine: TestEngine::with_audio(),
            recordings,
            stopped,
        }
    }

    async fn start(&self, lanes: usize, timing: Timing) -> Workers {
        let config = WorkerConfig {
            audio: Some(Arc::new(self.recordings.clone())),
            ..config(&self.store, &self.engine, lanes)
        };
        Workers::start_with(config, timing).await.unwrap()
    }

    async fn submit(&self, url: &str, behavior: &str) -> Uuid {
        let request = json!({ "url": url, "behavior": behavior });
        submit(&self.store, request).await
    }

    async fn ended(&self, id: Uuid) -> Job {
        ended(&self.store, id).await
    }
}

/// Long jobs that block their lanes, and then short ones.
async fn short_jobs_pass(long_url: &str) {
    let trial = Trial::new().await;
    let mut long = Vec::new();
    for _ in 0..7 {
        long.push(trial.submit(long_url, "wait").await);
    }
    let mut short = Vec::new();
    for _ in 0..3 {
        short.push(trial.submit("media://short", "").await);
    }
    let workers = trial.start(2, timing()).await;
    for id in &short {
        assert_eq!(trial.ended(*id).await.status, Status::Succeeded);
    }
    // Only one lane is for long jobs.
    assert_eq!(trial.engine.running(), 1);
    trial.engine.release(7);
    for id in &long {
        let job = trial.ended(*id).await;
        assert_eq!((job.status, job.attempts), (Status::Succeeded, 1));
    }
    let started = trial.engine.started();
    let is_long = |id: &&String| long.iter().any(|long| long.to_string() == **id);
    assert_eq!(started.len(), 10, "a job ran twice");
    assert_eq!(started.iter().filter(is_long).count(), 7);
    assert!(!trial.engine.has_duplicate_run());
    workers.stop().await;
}

#[tokio::test]
async fn short_jobs_do_not_wait_behind_many_long_ones() {
    short_jobs_pass("media://long").await;
}

/// Their durations are known only after they were loaded.
#[tokio::test]
async fn short_jobs_do_not_wait_behind_many_long_ones_of_unknown_duration() {
    short_jobs_pass("https://example.com/long").await;
}

#[tokio::test]
async fn a_slow_host_of_a_recording_does_not_hold_a_lane() {
    let trial = Trial::new().await;
    let workers = trial.start(2, timing()).await;
    let slow = trial.submit("media://slow", "").await;
    running(&trial.store, slow).await;
    for _ in 0..3 {
        let id = trial.submit("media://short", "").await;
        assert_eq!(trial.ended(id).await.status, Status::Succeeded);
    }
    trial.recordings.permits.add_permits(1);
    assert_eq!(trial.ended(slow).await.status, Status::Succeeded);
    workers.stop().await;
}

/// Timing with a lease that is not renewed during the test.
fn long_lease() -> Timing {
    Timing {
        lease: Duration::from_secs(3600),
        ..timing()
    }
}

async fn assert_canceled(store: &Store, id: Uuid) {
    let job = store.get(TEAM, id).await.unwrap().unwrap();
    assert_eq!((job.status, job.output), (Status::Canceled, None));
}

#[tokio::test]
async fn a_canceled_job_stops_at_once_in_every_stage() {
    let mut trial = Trial::new().await;
    let workers = trial.start(1, long_lease()).await;
    let stages = || {
        let jobs = workers.jobs_in_progress();
        jobs.iter()
            .map(|job| (job.id, job.stage))
            .collect::<Vec<_>>()
    };
    let until = async |expected: &[(Uuid, Stage)]| {
        let waiting = async {
            while stages() != expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
        assert!(waited.is_ok(), "{:?} instead of {expected:?}", stages());
    };
    let preparing = trial.submit("media://slow", "").await;
    until(&[(preparing, Stage::Preparing)]).await;
    assert!(trial.store.cancel(TEAM, preparing).await.unwrap());
    trial.stopped.recv().await.unwrap();
    until(&[]).await;

    let computing = trial.submit("media://short", "hang").await;
    until(&[(computing, Stage::Computing)]).await;
    let waiting = trial.submit("media://short", "").await;
    until(&[(computing, Stage::Computing), (waiting, Stage::Waiting)]).await;
    assert!(trial.store.cancel(TEAM, waiting).await.unwrap());
    until(&[(computing, Stage::Computing)]).await;
    assert!(trial.store.cancel(TEAM, computing).await.unwrap());
    until(&[]).await;
    for id in [preparing, waiting, computing] {
        assert_canceled(&trial.store, id).await;
    }
    assert_eq!(trial.engine.started(), [computing.to_string()]);
    workers.stop().await;
}

#[tokio::test]
async fn a_job_that_another_process_cancels_stops_when_its_lease_is_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.sqlite");
    let store = Store::open(&path).await.unwrap();
    // Stores that do not share their state, as those of two processes.
    let other = Store::open(&path).await.unwrap();
    let engine = TestEngine::new();
    let short = Timing {
        lease: Duration::from_millis(300),
        ..timing()
    };
    let workers = Workers::start_with(config(&store, &engine, 1), short);
    let workers = workers.await.unwrap();
    let id = submit(&store, json!({ "behavior": "hang" })).await;
    running(&store, id).await;
    let canceled = other.cancel_of_any_team(id).await.unwrap();
    assert_eq!(canceled, Cancellation::Canceled);
    // The lane is free again.
    let next = submit(&store, json!({})).await;
    assert_eq!(ended(&store, next).await.status, Status::Succeeded);
    assert_canceled(&store, id).await;
    workers.stop().await;
}

#[tokio::test]
async fn a_job_that_waits_for_a_lane_returns_to_the_queue_at_once_when_the_workers_stop() {
    let trial = Trial::new().await;
    let workers = trial.start(1, long_lease()).await;
    let computing = trial.submit("media://short", "wait").await;
    running(&trial.store, computing).await;
    let waiting = trial.submit("media://short", "").await;
    running(&trial.store, waiting).await;
    let stop = workers.stop();
    let returned = async {
        wait_until(&trial.store, waiting, |job| job.attempts == 0).await;
        trial.engine.release(1);
    };
    tokio::join!(stop, returned);
    assert_eq!(trial.ended(computing).await.status, Status::Succeeded);
    assert_eq!(trial.engine.started(), [computing.to_string()]);
}

#[tokio::test]
async fn progress_is_that_of_the_engine() {
    let trial = Trial::new().await;
    let workers = trial.start(1, timing()).await;
    let id = trial.submit("media://short", "half").await;
    let reported = async {
        loop {
            let jobs = workers.jobs_in_progress();
            if let Some(job) = jobs.into_iter().find(|job| job.progress > 0.0) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let job = tokio::time::timeout(Duration::from_secs(30), reported).await;
    let job = job.unwrap();
    assert_eq!(
        (job.id, job.stage, job.progress),
        (id, Stage::Computing, 0.5)
    );
    assert_eq!(job.audio, Some(Duration::from_millis(10)));
    trial.engine.release(1);
    let output = trial.ended(id).await.output.unwrap().to_value();
    assert_eq!(output["samples"], Value::from(160));
    workers.stop().await;
}
