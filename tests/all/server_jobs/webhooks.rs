//! Webhooks, verified by the SDK.

use std::time::Duration;

use pyannote::JobStatus;
use pyannote::webhook::{Event, Outcome, Verifier};
use pyannote_server::store::{Status, Store};
use pyannote_server::worker::{Timing, Workers};
use pyannote_tests::http::{Response, TestServer};
use serde_json::{Value, json};

use super::test_engine::TestEngine;
use super::{SECRET, TEAM, config, ended, running, start, submit, timing};

async fn event(receiver: &mut TestServer) -> Event {
    let request = receiver.next_request().await;
    Verifier::new(SECRET)
        .unwrap()
        .verify(&request.headers, &request.body)
        .unwrap()
}

/// The retry number and reason of the next delivery, unless it is the first attempt.
async fn retry(receiver: &mut TestServer) -> Option<(u8, String)> {
    let delivery = event(receiver).await.delivery().clone();
    let retry = delivery.retry?;
    Some((retry.number, retry.reason.as_str().to_owned()))
}

#[tokio::test]
async fn all_final_statuses_are_delivered() {
    let store = Store::temporary().await.unwrap();
    all_final_statuses_are_delivered_from(&store).await;
}

/// The test for any store.
pub(crate) async fn all_final_statuses_are_delivered_from(store: &Store) {
    let mut receiver = TestServer::with_responses([Response::ok("")]).await;
    let workers = start(store, &TestEngine::new(), 1).await;

    let id = submit(store, json!({ "webhook": receiver.url() })).await;
    let delivered = event(&mut receiver).await;
    assert_eq!(delivered.job_id().as_str(), id.to_string());
    assert!(delivered.delivery().retry.is_none());
    assert!(matches!(
        delivered.outcome().unwrap(),
        Outcome::Diarization(_)
    ));
    let body: Value = serde_json::from_slice(delivered.raw()).unwrap();
    let output = store.get(TEAM, id).await.unwrap().unwrap().output;
    assert_eq!(
        body,
        json!({ "jobId": id, "status": "succeeded", "output": output })
    );

    submit(
        store,
        json!({ "webhook": receiver.url(), "behavior": "fail" }),
    )
    .await;
    let Outcome::Failed { error, .. } = event(&mut receiver).await.outcome().unwrap() else {
        panic!("not a failed job");
    };
    assert_eq!(error.as_deref(), Some("the recording is silent"));

    let id = submit(
        store,
        json!({ "webhook": receiver.url(), "behavior": "hang" }),
    )
    .await;
    running(store, id).await;
    assert!(store.cancel(TEAM, id).await.unwrap());
    assert_eq!(event(&mut receiver).await.status(), &JobStatus::Canceled);

    let status_only = json!({ "webhook": receiver.url(), "webhookStatusOnly": true });
    let id = submit(store, status_only).await;
    let delivered = event(&mut receiver).await;
    let body: Value = serde_json::from_slice(delivered.raw()).unwrap();
    assert_eq!(body, json!({ "jobId": id, "status": "succeeded" }));
    workers.stop().await;
    assert!(!receiver.has_more_requests());
}

#[tokio::test]
async fn retries_have_a_number_and_a_reason() {
    let store = Store::temporary().await.unwrap();
    let redirect = || Response::redirect("/elsewhere");
    let responses = [
        Response::none(),
        Response::new(503, ""),
        redirect(),
        redirect(),
        redirect(),
        Response::ok(""),
    ];
    let mut receiver = TestServer::with_responses(responses).await;
    let timing = Timing {
        webhook_timeout: Duration::from_millis(300),
        ..timing()
    };
    let config = config(&store, &TestEngine::new(), 1);
    let workers = Workers::start_with(config, timing).await.unwrap();
    submit(&store, json!({ "webhook": receiver.url() })).await;
    let reason = |number, reason: &str| Some((number, reason.to_owned()));
    assert_eq!(retry(&mut receiver).await, None);
    assert_eq!(retry(&mut receiver).await, reason(1, "http_timeout"));
    for _ in 0..3 {
        assert_eq!(retry(&mut receiver).await, reason(2, "http_error"));
    }
    assert_eq!(retry(&mut receiver).await, reason(3, "too_many_redirects"));
    workers.stop().await;
    assert!(!receiver.has_more_requests());
}

#[tokio::test]
async fn redirects_are_followed_with_the_body() {
    let store = Store::temporary().await.unwrap();
    let redirect = || Response::redirect("/elsewhere");
    let mut receiver = TestServer::with_responses([redirect(), redirect(), Response::ok("")]).await;
    let workers = start(&store, &TestEngine::new(), 1).await;
    submit(&store, json!({ "webhook": receiver.url() })).await;
    for _ in 0..3 {
        assert!(event(&mut receiver).await.has_output());
    }
    workers.stop().await;
    assert!(!receiver.has_more_requests());
}

#[tokio::test]
async fn delivery_stops_after_three_retries() {
    let store = Store::temporary().await.unwrap();
    let mut receiver = TestServer::with_responses([Response::new(500, "")]).await;
    let workers = start(&store, &TestEngine::new(), 1).await;
    submit(&store, json!({ "webhook": receiver.url() })).await;
    for _ in 0..4 {
        event(&mut receiver).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!receiver.has_more_requests());
    workers.stop().await;
}

#[tokio::test]
async fn a_hanging_receiver_delays_neither_jobs_nor_other_deliveries() {
    let store = Store::temporary().await.unwrap();
    let mut hanging = TestServer::with_responses([Response::none()]).await;
    let mut other = TestServer::with_responses([Response::ok("")]).await;
    let workers = start(&store, &TestEngine::new(), 1).await;
    let id = submit(&store, json!({ "webhook": hanging.url() })).await;
    hanging.next_request().await;
    assert_eq!(ended(&store, id).await.status, Status::Succeeded);
    let id = submit(&store, json!({ "webhook": other.url() })).await;
    assert_eq!(event(&mut other).await.job_id().as_str(), id.to_string());
    assert!(!hanging.has_more_requests());
    drop(workers);
}

#[tokio::test]
async fn deliveries_resume_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let mut receiver = TestServer::with_responses([Response::new(500, ""), Response::ok("")]).await;
    let timing = Timing {
        webhook_retry_delays: [Duration::from_millis(300); 3],
        ..timing()
    };
    let store = Store::open(&path).await.unwrap();
    let engine = TestEngine::new();
    let workers = Workers::start_with(config(&store, &engine, 1), timing.clone());
    let workers = workers.await.unwrap();
    submit(&store, json!({ "webhook": receiver.url() })).await;
    assert_eq!(retry(&mut receiver).await, None);
    workers.stop().await;
    assert!(!receiver.has_more_requests());

    let store = Store::open(&path).await.unwrap();
    let workers = Workers::start_with(config(&store, &engine, 1), timing);
    let workers = workers.await.unwrap();
    let expected = Some((1, "http_error".to_owned()));
    assert_eq!(retry(&mut receiver).await, expected);
    workers.stop().await;
}
