//! A job's way from accepted to ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pyannote_engine::{CancelToken, Diarization, DiarizeError, Diarizer, Options};
use pyannote_server::engine::{DiarizerEngine, EngineError, Recording};
use pyannote_server::store::{Status, Store};
use pyannote_server::worker::{AudioSource, RecordingFuture, Timing, Workers};
use serde_json::json;
use tokio::sync::mpsc;

use super::engine::Steered;
use super::{TEAM, config, ended, running, start, submit, timing};

#[tokio::test]
async fn created_running_succeeded() {
    let store = Store::memory().await.unwrap();
    created_running_succeeded_in(&store).await;
}

/// The same for every kind of store.
pub(crate) async fn created_running_succeeded_in(store: &Store) {
    let engine = Steered::new();
    let id = submit(store, json!({ "do": "gate" })).await;
    let job = store.get(TEAM, id).await.unwrap().unwrap();
    assert_eq!(job.status, Status::Created);
    let workers = start(store, &engine, 1).await;
    let job = running(store, id).await;
    assert_eq!((job.attempts, job.completed_at), (1, None));
    assert!(job.started_at >= Some(job.created_at));
    engine.open(1);
    let job = ended(store, id).await;
    assert_eq!(job.status, Status::Succeeded);
    assert_eq!(
        job.output,
        Some(json!({ "diarization": [], "samples": null }))
    );
    assert!(job.completed_at >= job.started_at && Some(job.updated_at) == job.completed_at);
    workers.stop().await;
}

#[tokio::test]
async fn an_engine_that_fails_or_panics_takes_nothing_down() {
    let store = Store::memory().await.unwrap();
    let workers = start(&store, &Steered::new(), 1).await;
    for (what, error) in [
        ("fail", "the recording is silent"),
        ("panic", "the engine panicked: a model is missing"),
    ] {
        let job = ended(&store, submit(&store, json!({ "do": what })).await).await;
        assert_eq!(job.status, Status::Failed);
        assert_eq!(job.output, Some(json!({ "error": error })));
    }
    let job = ended(&store, submit(&store, json!({})).await).await;
    assert_eq!(job.status, Status::Succeeded);
    workers.stop().await;
}

#[tokio::test]
async fn a_job_that_takes_too_long_fails() {
    let store = Store::memory().await.unwrap();
    let engine = Steered::new();
    let short = Timing {
        time_limit: Duration::from_millis(30),
        ..timing()
    };
    let config = config(&store, &engine, 1);
    let workers = Workers::start_with(config, short).await.unwrap();
    let job = ended(&store, submit(&store, json!({ "do": "hang" })).await).await;
    let error = "the job took longer than 30ms";
    assert_eq!(job.output, Some(json!({ "error": error })));
    workers.stop().await;
    assert_eq!(engine.running(), 0);
}

#[tokio::test]
async fn a_canceled_job_is_stopped() {
    let store = Store::memory().await.unwrap();
    let engine = Steered::new();
    let short = Timing {
        lease: Duration::from_millis(150),
        ..timing()
    };
    let config = config(&store, &engine, 1);
    let workers = Workers::start_with(config, short).await.unwrap();
    let id = submit(&store, json!({ "do": "hang" })).await;
    running(&store, id).await;
    assert!(store.cancel(TEAM, id).await.unwrap());
    // The only lane is free again.
    let job = ended(&store, submit(&store, json!({})).await).await;
    assert_eq!(job.status, Status::Succeeded);
    let job = store.get(TEAM, id).await.unwrap().unwrap();
    assert_eq!((job.status, job.output), (Status::Canceled, None));
    workers.stop().await;
}

/// A diarizer that does what a test says.
struct Doing<F>(F);

impl<F> Diarizer for Doing<F>
where
    F: Fn(&CancelToken) -> Result<Diarization, DiarizeError> + Send + Sync + 'static,
{
    fn models(&self) -> &str {
        "none"
    }

    fn embedding_model(&self) -> &str {
        "none"
    }

    fn diarize(&self, _: &[f32], options: &mut Options<'_>) -> Result<Diarization, DiarizeError> {
        self.0(options.token())
    }

    fn same_speaker_probability(&self, _: f32) -> f32 {
        0.5
    }
}

#[tokio::test]
async fn a_diarizer_that_fails_or_panics_fails_the_job_alone() {
    let store = Store::memory().await.unwrap();
    let begun = AtomicUsize::new(0);
    let mut config = config(&store, &Steered::new(), 1);
    config.engine = Arc::new(DiarizerEngine::new(Doing(
        move |_: &CancelToken| match begun.fetch_add(1, Ordering::Relaxed) {
            0 => panic!("a weight is missing"),
            1 => Err(DiarizeError::Failed("the model is too old".into())),
            _ => Ok(Diarization::default()),
        },
    )));
    config.audio = Some(Arc::new(Recordings));
    let workers = Workers::start_with(config, timing()).await.unwrap();
    for error in [
        Some("the engine panicked: a weight is missing"),
        Some("the model is too old"),
        None,
    ] {
        let id = submit(&store, json!({ "url": "media://calls/1" })).await;
        let output = ended(&store, id).await.output.unwrap();
        assert_eq!(output.get("error").and_then(|error| error.as_str()), error);
    }
    workers.stop().await;
}

#[tokio::test]
async fn a_diarizer_is_stopped_with_its_job() {
    let (sender, mut told) = mpsc::unbounded_channel();
    let store = Store::memory().await.unwrap();
    let mut config = config(&store, &Steered::new(), 1);
    config.engine = Arc::new(DiarizerEngine::new(Doing(move |stop: &CancelToken| {
        sender.send("begun").unwrap();
        let mut looks = std::iter::repeat_n((), 10_000);
        let is_cancelled = looks.any(|()| {
            std::thread::sleep(Duration::from_millis(1));
            stop.is_cancelled()
        });
        sender
            .send(if is_cancelled { "stopped" } else { "tired" })
            .unwrap();
        Err(DiarizeError::Cancelled)
    })));
    config.audio = Some(Arc::new(Recordings));
    let short = Timing {
        lease: Duration::from_millis(150),
        grace: Duration::ZERO,
        ..timing()
    };
    let workers = Workers::start_with(config, short).await.unwrap();
    let request = json!({ "url": "media://calls/1" });
    let canceled = submit(&store, request.clone()).await;
    assert_eq!(told.recv().await, Some("begun"));
    assert!(store.cancel(TEAM, canceled).await.unwrap());
    assert_eq!(told.recv().await, Some("stopped"));
    // So it is when the server stops, which leaves the job to the next start.
    let left = submit(&store, request).await;
    assert_eq!(told.recv().await, Some("begun"));
    workers.stop().await;
    assert_eq!(told.recv().await, Some("stopped"));
    let job = store.get(TEAM, canceled).await.unwrap().unwrap();
    assert_eq!((job.status, job.output), (Status::Canceled, None));
    let job = store.get(TEAM, left).await.unwrap().unwrap();
    assert_eq!((job.status, job.attempts), (Status::Running, 0));
}

#[tokio::test]
async fn jobs_begin_in_the_order_of_acceptance() {
    let store = Store::memory().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(submit(&store, json!({})).await);
    }
    let engine = Steered::new();
    let workers = start(&store, &engine, 1).await;
    ended(&store, ids[9]).await;
    let expected: Vec<_> = ids.iter().map(ToString::to_string).collect();
    assert_eq!(engine.order(), expected);
    workers.stop().await;
}

#[tokio::test]
async fn no_more_at_once_than_allowed() {
    let store = Store::memory().await.unwrap();
    let engine = Steered::new();
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(submit(&store, json!({ "do": "gate" })).await);
    }
    let workers = start(&store, &engine, 3).await;
    for id in &ids[..3] {
        running(&store, *id).await;
    }
    engine.open(8);
    for id in ids {
        assert_eq!(ended(&store, id).await.status, Status::Succeeded);
    }
    assert_eq!(engine.most_at_once(), 3);
    workers.stop().await;
}

#[tokio::test]
async fn a_new_job_wakes_a_worker_that_hardly_polls() {
    let store = Store::memory().await.unwrap();
    let slow = Timing {
        poll: Duration::from_secs(3600),
        ..timing()
    };
    let config = config(&store, &Steered::new(), 2);
    let workers = Workers::start_with(config, slow).await.unwrap();
    for _ in 0..5 {
        let (a, b) = tokio::join!(submit(&store, json!({})), submit(&store, json!({})));
        ended(&store, a).await;
        ended(&store, b).await;
    }
    workers.stop().await;
}

struct Recordings;

impl AudioSource for Recordings {
    fn recording<'a>(&'a self, team: &'a str, url: &'a str, _: Option<f64>) -> RecordingFuture<'a> {
        Box::pin(async move {
            match (team, url) {
                (TEAM, "media://calls/1") => Ok(Recording {
                    samples: vec![0.0; 160],
                    warnings: Vec::new(),
                }),
                _ => Err(EngineError(format!("{url} is not there"))),
            }
        })
    }
}

#[tokio::test]
async fn an_engine_that_hears_gets_the_recording() {
    let store = Store::memory().await.unwrap();
    let mut config = config(&store, &Steered::hearing(), 1);
    config.audio = Some(Arc::new(Recordings));
    let workers = Workers::start_with(config, timing()).await.unwrap();
    for (request, output) in [
        (
            json!({ "url": "media://calls/1" }),
            json!({ "diarization": [], "samples": 160 }),
        ),
        (
            json!({ "url": "media://calls/2" }),
            json!({ "error": "media://calls/2 is not there" }),
        ),
        (json!({}), json!({ "error": "the request names no url" })),
    ] {
        let job = ended(&store, submit(&store, request).await).await;
        assert_eq!(job.output, Some(output));
    }
    workers.stop().await;
}
