//! Shutdown, restart, and several servers on one store.

use std::time::Duration;

use pyannote_server::store::{Status, Store};
use pyannote_server::worker::{Timing, Workers};
use serde_json::json;

use super::test_engine::TestEngine;
use super::{TEAM, config, ended, running, start, submit, timing};

#[tokio::test]
async fn shutdown_waits_for_running_jobs() {
    let store = Store::temporary().await.unwrap();
    let engine = TestEngine::new();
    let workers = start(&store, &engine, 1).await;
    let id = submit(&store, json!({ "behavior": "wait" })).await;
    let queued = submit(&store, json!({})).await;
    running(&store, id).await;
    let release = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        engine.release(1);
    };
    tokio::join!(workers.stop(), release);
    let job = store.get(TEAM, id).await.unwrap().unwrap();
    assert_eq!(job.status, Status::Succeeded);
    let job = store.get(TEAM, queued).await.unwrap().unwrap();
    assert_eq!(job.status, Status::Created);
}

#[tokio::test]
async fn a_job_over_the_grace_period_is_left_to_the_next_start() {
    let store = Store::temporary().await.unwrap();
    let engine = TestEngine::new();
    let timing = Timing {
        grace_period: Duration::from_millis(20),
        // Long enough that another worker can claim the job only after it was released.
        lease: Duration::from_secs(3600),
        ..timing()
    };
    let config = config(&store, &engine, 1);
    let id = submit(&store, json!({ "behavior": "wait" })).await;
    let workers = Workers::start_with(config.clone(), timing.clone())
        .await
        .unwrap();
    running(&store, id).await;
    workers.stop().await;
    assert_eq!(engine.running(), 0);
    engine.release(1);
    let workers = Workers::start_with(config, timing).await.unwrap();
    let job = ended(&store, id).await;
    assert_eq!((job.status, job.attempts), (Status::Succeeded, 1));
    assert_eq!(engine.started().len(), 2);
    workers.stop().await;
}

/// The first server disappears without releasing its jobs: its runtime is dropped.
#[test]
fn jobs_of_a_vanished_server_are_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let engine = TestEngine::new();
    let runtime = || tokio::runtime::Runtime::new().unwrap();

    let first = runtime();
    let ids = first.block_on(async {
        let store = Store::open(&path).await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..6 {
            ids.push(submit(&store, json!({ "behavior": "wait" })).await);
        }
        let workers = start(&store, &engine, 2).await;
        running(&store, ids[0]).await;
        running(&store, ids[1]).await;
        // A claimed job may not have reached the engine yet.
        while engine.running() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Dropping them would release the jobs.
        std::mem::forget(workers);
        ids
    });
    drop(first);
    assert_eq!(engine.running(), 0);

    runtime().block_on(async {
        let store = Store::open(&path).await.unwrap();
        engine.release(6);
        let workers = start(&store, &engine, 2).await;
        for (index, id) in ids.into_iter().enumerate() {
            let job = ended(&store, id).await;
            assert_eq!(job.status, Status::Succeeded);
            assert_eq!(job.attempts, if index < 2 { 2 } else { 1 });
        }
        workers.stop().await;
    });
    assert!(!engine.has_duplicate_run());
    assert_eq!(engine.started().len(), 8);
}

#[tokio::test]
async fn a_long_job_keeps_its_claim() {
    let store = Store::temporary().await.unwrap();
    let engine = TestEngine::new();
    let timing = Timing {
        lease: Duration::from_millis(300),
        ..timing()
    };
    let config = config(&store, &engine, 2);
    let workers = Workers::start_with(config, timing.clone()).await.unwrap();
    let id = submit(&store, json!({ "behavior": "wait" })).await;
    running(&store, id).await;
    tokio::time::sleep(timing.lease * 3).await;
    engine.release(1);
    let job = ended(&store, id).await;
    assert_eq!((job.status, job.attempts), (Status::Succeeded, 1));
    assert_eq!(engine.started().len(), 1);
    workers.stop().await;
}

#[tokio::test]
async fn two_servers_share_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let (one, two) = (
        Store::open(&path).await.unwrap(),
        Store::open(&path).await.unwrap(),
    );
    let engine = TestEngine::new();
    let (first, second) = (start(&one, &engine, 2).await, start(&two, &engine, 2).await);
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(submit(&one, json!({})).await);
    }
    for id in ids {
        let job = ended(&two, id).await;
        assert_eq!((job.status, job.attempts), (Status::Succeeded, 1));
    }
    assert!(!engine.has_duplicate_run());
    assert_eq!(engine.started().len(), 30);
    first.stop().await;
    second.stop().await;
}
