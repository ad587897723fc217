//! The delivery loop, with receivers on loopback.

use std::time::Duration;

use axum::Json;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use super::{Schedule, Sender, deliver};
use crate::engine::JobKind;
use crate::faults::Faults;
use crate::shutdown::Shutdown;
use crate::store::Store;

/// Longer than a test takes, unless it fails.
const TEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A receiver that accepts webhooks, at another host than 127.0.0.1, and what it has received.
async fn receiver() -> (String, UnboundedReceiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let (sender, received) = unbounded_channel();
    let router = axum::Router::new().fallback(async move |Json(body): Json<Value>| {
        let _ = sender.send(body);
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, received)
}

/// Ends a job with a webhook. Returns its id.
async fn end_job(store: &Store, team: &str, webhook: &str) -> String {
    let request = Map::from_iter([("webhook".to_owned(), json!(webhook))]);
    let job = store.create(team, JobKind::Diarize, request).await.unwrap();
    assert!(store.cancel(team, job.id).await.unwrap());
    job.id.to_string()
}

/// Runs the loop. Attempts do not end by their timeout.
async fn run(store: &Store, shutdown: &Shutdown) {
    let secret = Some("whs".into());
    let sender = Sender::new(secret, TEST_TIMEOUT * 2, true, Faults::default()).unwrap();
    let schedule = Schedule {
        poll_interval: Duration::from_millis(10),
        retry_delays: [Duration::ZERO; 3],
    };
    deliver(store.clone(), sender, schedule, shutdown.clone()).await;
}

/// Makes an attempt of each webhook that is due.
async fn run_to_the_end(store: &Store) {
    let shutdown = Shutdown::new();
    shutdown.jobs_done.cancel();
    timeout(TEST_TIMEOUT, run(store, &shutdown)).await.unwrap();
}

#[tokio::test]
async fn silent_receivers_leave_places_for_other_hosts_and_teams() {
    for (silent_teams, other_team) in [(&["ada"][..], "ada"), (&["ada", "bob"], "cyd")] {
        let store = Store::temporary().await.unwrap();
        // Accepts connections, but never answers.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent_url = format!("http://{}", silent.local_addr().unwrap());
        let (url, mut received) = receiver().await;
        for team in silent_teams {
            for _ in 0..40 {
                end_job(&store, team, &silent_url).await;
            }
        }
        let id = end_job(&store, other_team, &url).await;
        let shutdown = Shutdown::new();
        let body = tokio::select! {
            () = run(&store, &shutdown) => None,
            body = timeout(TEST_TIMEOUT, received.recv()) => body.ok().flatten(),
        };
        let expected = json!({ "jobId": id, "status": "canceled" });
        assert_eq!(body, Some(expected), "{silent_teams:?}");
    }
}

#[tokio::test]
async fn webhooks_that_wait_for_their_host_are_sent_before_the_end() {
    let store = Store::temporary().await.unwrap();
    let (url, mut received) = receiver().await;
    for _ in 0..40 {
        end_job(&store, "ada", &url).await;
    }
    run_to_the_end(&store).await;
    for _ in 0..40 {
        received.try_recv().unwrap();
    }
    assert_eq!(store.delete_jobs(Duration::ZERO).await.unwrap(), 40);
}

#[tokio::test]
async fn a_webhook_that_cannot_be_read_fails_and_delays_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.sqlite");
    let store = Store::open(&path).await.unwrap();
    let (url, mut received) = receiver().await;
    for _ in 0..3 {
        end_job(&store, "ada", &url).await;
    }
    let database_url = format!("sqlite:{}", path.display());
    let database = sqlx::AnyPool::connect(&database_url).await.unwrap();
    for damage in [
        "UPDATE jobs SET status = 'damaged' WHERE seq = 1",
        "UPDATE jobs SET output = x'ff' WHERE seq = 2",
        "UPDATE deliveries SET url = x'ff' WHERE seq = 3",
    ] {
        sqlx::query(damage).execute(&database).await.unwrap();
    }
    let id = end_job(&store, "ada", &url).await;
    run_to_the_end(&store).await;
    assert_eq!(received.try_recv().unwrap()["jobId"], id);
    for _ in 0..3 {
        run_to_the_end(&store).await;
    }
    assert!(received.try_recv().is_err());
    // No webhook is left that keeps its job.
    assert_eq!(store.delete_jobs(Duration::ZERO).await.unwrap(), 4);
}
