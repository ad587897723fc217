//! Jobs of the server: store, workers, webhooks, and recovery after crashes.

mod crash;
mod fetching;
mod lanes;
mod lifecycle;
mod postgres;
mod restart;
mod secrets;
mod test_engine;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use pyannote_server::engine::JobKind;
use pyannote_server::store::{Job, Status, Store};
use pyannote_server::worker::{Timing, WorkerConfig, Workers};
use serde_json::{Map, Value};
use test_engine::TestEngine;
use uuid::Uuid;

const TEAM: &str = "ada";
const SECRET: &str = "whs_test";

/// Intervals that keep the tests short.
fn timing() -> Timing {
    let milliseconds = Duration::from_millis;
    Timing {
        lease: milliseconds(1000),
        poll_interval: milliseconds(10),
        grace_period: milliseconds(2000),
        webhook_timeout: milliseconds(2000),
        webhook_retry_delays: [milliseconds(10); 3],
        ..Timing::default()
    }
}

fn config(store: &Store, engine: &TestEngine, concurrency: usize) -> WorkerConfig {
    WorkerConfig {
        store: store.clone(),
        engine: Arc::new(engine.clone()),
        audio: None,
        webhook_secret: Some(SECRET.into()),
        allow_private_networks: true,
        faults: Default::default(),
        concurrency,
    }
}

async fn start(store: &Store, engine: &TestEngine, concurrency: usize) -> Workers {
    let config = config(store, engine, concurrency);
    Workers::start_with(config, timing()).await.unwrap()
}

async fn submit(store: &Store, request: Value) -> Uuid {
    let request: Map<String, Value> = serde_json::from_value(request).unwrap();
    let job = store.create(TEAM, JobKind::Diarize, request).await;
    job.unwrap().id
}

/// Polls a job until it satisfies a condition.
async fn wait_until(store: &Store, id: Uuid, condition: impl Fn(&Job) -> bool) -> Job {
    let waiting = async {
        loop {
            let job = store.get(TEAM, id).await.unwrap().unwrap();
            if condition(&job) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let job = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    job.expect("the job does not reach the state")
}

async fn ended(store: &Store, id: Uuid) -> Job {
    wait_until(store, id, |job| job.status.is_final()).await
}

async fn running(store: &Store, id: Uuid) -> Job {
    wait_until(store, id, |job| job.status == Status::Running).await
}
