//! Jobs of the local server: the store, the workers and webhooks, also where the server is killed in the middle.

mod crash;
mod engine;
mod lifecycle;
mod postgres;
mod restart;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use engine::Steered;
use pyannote_server::engine::JobKind;
use pyannote_server::store::{Job, Status, Store};
use pyannote_server::worker::{Timing, WorkerConfig, Workers};
use serde_json::{Map, Value};
use uuid::Uuid;

const TEAM: &str = "ada";
const SECRET: &str = "whs_test";

/// Short enough that no test waits for long.
fn timing() -> Timing {
    let milliseconds = Duration::from_millis;
    Timing {
        lease: milliseconds(1000),
        poll: milliseconds(10),
        grace: milliseconds(2000),
        webhook_timeout: milliseconds(2000),
        webhook_delays: [milliseconds(10); 3],
        ..Timing::default()
    }
}

fn config(store: &Store, engine: &Steered, concurrency: usize) -> WorkerConfig {
    WorkerConfig {
        store: store.clone(),
        engine: Arc::new(engine.clone()),
        audio: None,
        webhook_secret: Some(SECRET.into()),
        faults: Default::default(),
        concurrency,
    }
}

async fn start(store: &Store, engine: &Steered, concurrency: usize) -> Workers {
    let config = config(store, engine, concurrency);
    Workers::start_with(config, timing()).await.unwrap()
}

async fn submit(store: &Store, request: Value) -> Uuid {
    let request: Map<String, Value> = serde_json::from_value(request).unwrap();
    let job = store.create(TEAM, JobKind::Diarize, request).await;
    job.unwrap().id
}

/// The job, as soon as it is as wanted.
async fn until(store: &Store, id: Uuid, wanted: impl Fn(&Job) -> bool) -> Job {
    let waiting = async {
        loop {
            let job = store.get(TEAM, id).await.unwrap().unwrap();
            if wanted(&job) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let job = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    job.expect("the job comes so far")
}

async fn ended(store: &Store, id: Uuid) -> Job {
    until(store, id, |job| job.status.is_final()).await
}

async fn running(store: &Store, id: Uuid) -> Job {
    until(store, id, |job| job.status == Status::Running).await
}
