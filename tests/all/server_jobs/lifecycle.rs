//! Jobs from submission to completion.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pyannote_engine::{CancelToken, Diarization, DiarizeError, Diarizer, Options};
use pyannote_server::engine::{DiarizerEngine, EngineError, Recording};
use pyannote_server::store::{Status, Store};
use pyannote_server::worker::{AudioSource, RecordingFuture, Timing, Workers};
use serde_json::json;
use tokio::sync::mpsc;

use super::test_engine::TestEngine;
use super::{TEAM, config, ended, running, start, submit, timing};

#[tokio::test]
async fn created_running_succeeded() {
    let store = Store::temporary().await.unwrap();
    created_running_succeeded_in(&store).await;
}

/// The test for any store.
pub(crate) async fn created_running_succeeded_in(store: &Store) {
    let engine = TestEngine::new();
    let id = submit(store, json!({ "behavior": "wait" })).await;
    let job = store.get(TEAM, id).await.unwrap().unwrap();
    assert_eq!(job.status, Status::Created);
    let workers = start(store, &engine, 1).await;
    let job = running(store, id).await;
    assert_eq!((job.attempts, job.completed_at), (1, None));
    assert!(job.started_at >= Some(job.created_at));
    engine.release(1);
    let job = ended(store, id).await;
    assert_eq!(job.status, Status::Succeeded);
    assert_eq!(
        job.output,
        Some(json!({ "diarization": [], "samples": null }).into())
    );
    assert!(job.completed_at >= job.started_at && Some(job.updated_at) == job.completed_at);
    workers.stop().await;
}

#[tokio::test]
async fn a_failing_or_panicking_engine_fails_only_its_job() {
    let store = Store::temporary().await.unwrap();
    let workers = start(&store, &TestEngine::new(), 1).await;
    for (behavior, error) in [
        ("fail", "the recording is silent"),
        ("panic", "the engine panicked: a model is missing"),
    ] {
        let job = ended(
            &store,
            submit(&store, json!({ "behavior": behavior })).await,
        )
        .await;
        assert_eq!(job.status, Status::Failed);
        assert_eq!(job.output, Some(json!({ "error": error }).into()));
    }
    let job = ended(&store, submit(&store, json!({})).await).await;
    assert_eq!(job.status, Status::Succeeded);
    workers.stop().await;
}

#[tokio::test]
async fn a_job_over_the_time_limit_fails() {
    let store = Store::temporary().await.unwrap();
    let engine = TestEngine::new();
    let short = Timing {
        time_limit: Duration::from_millis(30),
        ..timing()
    };
    let config = config(&store, &engine, 1);
    let workers = Workers::start_with(config, short).await.unwrap();
    let job = ended(&store, submit(&store, json!({ "behavior": "hang" })).await).await;
    let error = "the job exceeded the time limit of 30ms";
    assert_eq!(job.output, Some(json!({ "error": error }).into()));
    workers.stop().await;
    assert_eq!(engine.running(), 0);
}

#[tokio::test]
async fn a_canceled_job_is_stopped() {
    let store = Store::temporary().await.unwrap();
    let engine = TestEngine::new();
    let short = Timing {
        lease: Duration::from_millis(150),
        ..timing()
    };
    let config = config(&store, &engine, 1);
    let workers = Workers::start_with(config, short).await.unwrap();
    let id = submit(&store, json!({ "behavior": "hang" })).await;
    running(&store, id).await;
    assert!(store.cancel(TEAM, id).await.unwrap());
    // The only worker is free again.
    let job = ended(&store, submit(&store, json!({})).await).await;
    assert_eq!(job.status, Status::Succeeded);
    let job = store.get(TEAM, id).await.unwrap().unwrap();
    assert_eq!((job.status, job.output), (Status::Canceled, None));
    workers.stop().await;
}

/// A diarizer with a function as its result.
struct FnDiarizer<F>(F);

impl<F> Diarizer for FnDiarizer<F>
where
    F: Fn(&CancelToken) -> Result<Diarization, DiarizeError> + Send + Sync + 'static,
{
    fn models(&self) -> &str {
        "none"
    }

    fn embedding_model(&self) -> &str {
        "none"
    }

    fn diarize(
        &self,
        _: &Recording,
        options: &mut Options<'_>,
    ) -> Result<Diarization, DiarizeError> {
        self.0(options.token())
    }

    fn same_speaker_probability(&self, _: f32) -> f32 {
        0.5
    }
}

#[tokio::test]
async fn a_failing_or_panicking_diarizer_fails_only_its_job() {
    let store = Store::temporary().await.unwrap();
    let runs = AtomicUsize::new(0);
    let mut config = config(&store, &TestEngine::new(), 1);
    config.engine = Arc::new(DiarizerEngine::new(FnDiarizer(
        move |_: &CancelToken| match runs.fetch_add(1, Ordering::Relaxed) {
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
        let output = ended(&store, id).await.output.unwrap().to_value();
        assert_eq!(output.get("error").and_then(|error| error.as_str()), error);
    }
    workers.stop().await;
}

#[tokio::test]
async fn cancellation_and_shutdown_cancel_the_diarizer() {
    let (sender, mut events) = mpsc::unbounded_channel();
    let store = Store::temporary().await.unwrap();
    let mut config = config(&store, &TestEngine::new(), 1);
    config.engine = Arc::new(DiarizerEngine::new(FnDiarizer(
        move |token: &CancelToken| {
            sender.send("started").unwrap();
            let mut checks = std::iter::repeat_n((), 10_000);
            let is_cancelled = checks.any(|()| {
                std::thread::sleep(Duration::from_millis(1));
                token.is_cancelled()
            });
            sender
                .send(if is_cancelled {
                    "cancelled"
                } else {
                    "timed out"
                })
                .unwrap();
            Err(DiarizeError::Cancelled)
        },
    )));
    config.audio = Some(Arc::new(Recordings));
    let short = Timing {
        lease: Duration::from_millis(150),
        grace_period: Duration::ZERO,
        ..timing()
    };
    let workers = Workers::start_with(config, short).await.unwrap();
    let request = json!({ "url": "media://calls/1" });
    let canceled = submit(&store, request.clone()).await;
    assert_eq!(events.recv().await, Some("started"));
    assert!(store.cancel(TEAM, canceled).await.unwrap());
    assert_eq!(events.recv().await, Some("cancelled"));
    // The same happens at shutdown, which leaves the job to the next start.
    let interrupted = submit(&store, request).await;
    assert_eq!(events.recv().await, Some("started"));
    workers.stop().await;
    assert_eq!(events.recv().await, Some("cancelled"));
    let job = store.get(TEAM, canceled).await.unwrap().unwrap();
    assert_eq!((job.status, job.output), (Status::Canceled, None));
    let job = store.get(TEAM, interrupted).await.unwrap().unwrap();
    assert_eq!((job.status, job.attempts), (Status::Created, 0));
}

#[tokio::test]
async fn jobs_start_in_submission_order() {
    let store = Store::temporary().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(submit(&store, json!({})).await);
    }
    let engine = TestEngine::new();
    let workers = start(&store, &engine, 1).await;
    ended(&store, ids[9]).await;
    let expected: Vec<_> = ids.iter().map(ToString::to_string).collect();
    assert_eq!(engine.started(), expected);
    workers.stop().await;
}

#[tokio::test]
async fn concurrency_is_limited() {
    let store = Store::temporary().await.unwrap();
    let engine = TestEngine::new();
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(submit(&store, json!({ "behavior": "wait" })).await);
    }
    let workers = start(&store, &engine, 3).await;
    for id in &ids[..3] {
        running(&store, *id).await;
    }
    engine.release(8);
    for id in ids {
        assert_eq!(ended(&store, id).await.status, Status::Succeeded);
    }
    assert_eq!(engine.max_concurrent(), 3);
    workers.stop().await;
}

#[tokio::test]
async fn a_new_job_wakes_an_idle_worker() {
    let store = Store::temporary().await.unwrap();
    let slow = Timing {
        poll_interval: Duration::from_secs(3600),
        ..timing()
    };
    let config = config(&store, &TestEngine::new(), 2);
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
                (TEAM, "media://calls/1") => Ok(Recording::new(vec![0.0; 160])),
                _ => Err(EngineError(format!("{url} does not exist")).into()),
            }
        })
    }
}

#[tokio::test]
async fn the_engine_is_given_the_recording() {
    let store = Store::temporary().await.unwrap();
    let mut config = config(&store, &TestEngine::with_audio(), 1);
    config.audio = Some(Arc::new(Recordings));
    let workers = Workers::start_with(config, timing()).await.unwrap();
    for (request, output) in [
        (
            json!({ "url": "media://calls/1" }),
            json!({ "diarization": [], "samples": 160 }),
        ),
        (
            json!({ "url": "media://calls/2" }),
            json!({ "error": "media://calls/2 does not exist" }),
        ),
        (json!({}), json!({ "error": "the request has no `url`" })),
    ] {
        let job = ended(&store, submit(&store, request).await).await;
        assert_eq!(job.output, Some(output.into()));
    }
    workers.stop().await;
}
