//! Servers that stop, and others that go on.

use std::time::Duration;

use pyannote_server::store::{Status, Store};
use pyannote_server::worker::{Timing, Workers};
use serde_json::json;

use super::engine::Steered;
use super::{TEAM, config, ended, running, start, submit, timing};

#[tokio::test]
async fn stopping_lets_jobs_finish() {
    let store = Store::memory().await.unwrap();
    let engine = Steered::new();
    let workers = start(&store, &engine, 1).await;
    let id = submit(&store, json!({ "do": "gate" })).await;
    let behind = submit(&store, json!({})).await;
    running(&store, id).await;
    let open = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        engine.open(1);
    };
    tokio::join!(workers.stop(), open);
    let job = store.get(TEAM, id).await.unwrap().unwrap();
    assert_eq!(job.status, Status::Succeeded);
    let job = store.get(TEAM, behind).await.unwrap().unwrap();
    assert_eq!(job.status, Status::Created);
}

#[tokio::test]
async fn after_the_grace_time_a_job_is_left_for_the_next_start() {
    let store = Store::memory().await.unwrap();
    let engine = Steered::new();
    let timing = Timing {
        grace: Duration::from_millis(20),
        // So long that only giving the job back lets another take it.
        lease: Duration::from_secs(3600),
        ..timing()
    };
    let config = config(&store, &engine, 1);
    let id = submit(&store, json!({ "do": "gate" })).await;
    let workers = Workers::start_with(config.clone(), timing.clone())
        .await
        .unwrap();
    running(&store, id).await;
    workers.stop().await;
    assert_eq!(engine.running(), 0);
    engine.open(1);
    let workers = Workers::start_with(config, timing).await.unwrap();
    let job = ended(&store, id).await;
    assert_eq!((job.status, job.attempts), (Status::Succeeded, 1));
    assert_eq!(engine.order().len(), 2);
    workers.stop().await;
}

/// The first server vanishes without a word: its runtime is dropped, and nothing is written.
#[test]
fn what_a_vanished_server_had_begun_is_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let engine = Steered::new();
    let runtime = || tokio::runtime::Runtime::new().unwrap();

    let first = runtime();
    let ids = first.block_on(async {
        let store = Store::open(&path).await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..6 {
            ids.push(submit(&store, json!({ "do": "gate" })).await);
        }
        let workers = start(&store, &engine, 2).await;
        running(&store, ids[0]).await;
        running(&store, ids[1]).await;
        // Its drop would say goodbye.
        std::mem::forget(workers);
        ids
    });
    drop(first);
    assert_eq!(engine.running(), 0);

    runtime().block_on(async {
        let store = Store::open(&path).await.unwrap();
        engine.open(6);
        let workers = start(&store, &engine, 2).await;
        for (place, id) in ids.into_iter().enumerate() {
            let job = ended(&store, id).await;
            assert_eq!(job.status, Status::Succeeded);
            assert_eq!(job.attempts, if place < 2 { 2 } else { 1 });
        }
        workers.stop().await;
    });
    assert!(!engine.twice_at_once());
    assert_eq!(engine.order().len(), 8);
}

#[tokio::test]
async fn a_long_job_stays_with_its_worker() {
    let store = Store::memory().await.unwrap();
    let engine = Steered::new();
    let timing = Timing {
        lease: Duration::from_millis(300),
        ..timing()
    };
    let config = config(&store, &engine, 2);
    let workers = Workers::start_with(config, timing.clone()).await.unwrap();
    let id = submit(&store, json!({ "do": "gate" })).await;
    running(&store, id).await;
    tokio::time::sleep(timing.lease * 3).await;
    engine.open(1);
    let job = ended(&store, id).await;
    assert_eq!((job.status, job.attempts), (Status::Succeeded, 1));
    assert_eq!(engine.order().len(), 1);
    workers.stop().await;
}

#[tokio::test]
async fn two_servers_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let (one, two) = (
        Store::open(&path).await.unwrap(),
        Store::open(&path).await.unwrap(),
    );
    let engine = Steered::new();
    let (first, second) = (start(&one, &engine, 2).await, start(&two, &engine, 2).await);
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(submit(&one, json!({})).await);
    }
    for id in ids {
        let job = ended(&two, id).await;
        assert_eq!((job.status, job.attempts), (Status::Succeeded, 1));
    }
    assert!(!engine.twice_at_once());
    assert_eq!(engine.order().len(), 30);
    first.stop().await;
    second.stop().await;
}
