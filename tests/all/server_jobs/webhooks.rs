//! Webhooks, verified as the SDK verifies them.

use std::time::Duration;

use pyannote::JobStatus;
use pyannote::webhook::{Event, Outcome, Verifier};
use pyannote_server::store::{Status, Store};
use pyannote_server::worker::{Timing, Workers};
use serde_json::{Value, json};

use super::engine::Steered;
use super::receiver::{Answer, Receiver};
use super::{SECRET, TEAM, config, ended, running, start, submit, timing};

async fn event(receiver: &mut Receiver) -> Event {
    let (headers, body) = receiver.next().await;
    Verifier::new(SECRET).verify(&headers, &body).unwrap()
}

/// Which retry it is, and why.
async fn retry(receiver: &mut Receiver) -> Option<(u8, String)> {
    let delivery = event(receiver).await.delivery().clone();
    let retry = delivery.retry?;
    Some((retry.number, retry.reason.as_str().to_owned()))
}

#[tokio::test]
async fn each_end_is_told() {
    let store = Store::memory().await.unwrap();
    each_end_is_told_by(&store).await;
}

/// The same for every kind of store.
pub(crate) async fn each_end_is_told_by(store: &Store) {
    let mut receiver = Receiver::start(&[]).await;
    let workers = start(store, &Steered::new(), 1).await;

    let id = submit(store, json!({ "webhook": receiver.url })).await;
    let event_ = event(&mut receiver).await;
    assert_eq!(event_.job_id().as_str(), id.to_string());
    assert!(event_.delivery().retry.is_none());
    assert!(matches!(event_.outcome().unwrap(), Outcome::Diarization(_)));
    let body: Value = serde_json::from_slice(event_.raw()).unwrap();
    let output = store.get(TEAM, id).await.unwrap().unwrap().output;
    assert_eq!(
        body,
        json!({ "jobId": id, "status": "succeeded", "output": output })
    );

    submit(store, json!({ "webhook": receiver.url, "do": "fail" })).await;
    let Outcome::Failed { error, .. } = event(&mut receiver).await.outcome().unwrap() else {
        panic!("the job failed");
    };
    assert_eq!(error.as_deref(), Some("the recording is silent"));

    let id = submit(store, json!({ "webhook": receiver.url, "do": "hang" })).await;
    running(store, id).await;
    assert!(store.cancel(TEAM, id).await.unwrap());
    assert_eq!(event(&mut receiver).await.status(), &JobStatus::Canceled);

    let only = json!({ "webhook": receiver.url, "webhookStatusOnly": true });
    let id = submit(store, only).await;
    let event_ = event(&mut receiver).await;
    let body: Value = serde_json::from_slice(event_.raw()).unwrap();
    assert_eq!(body, json!({ "jobId": id, "status": "succeeded" }));
    workers.stop().await;
    assert!(!receiver.has_more());
}

#[tokio::test]
async fn retries_say_their_number_and_reason() {
    let store = Store::memory().await.unwrap();
    let redirect = Answer::Redirect("/elsewhere");
    let answers = [
        Answer::Silence,
        Answer::Status(503),
        redirect,
        redirect,
        redirect,
    ];
    let mut receiver = Receiver::start(&answers).await;
    let timing = Timing {
        webhook_timeout: Duration::from_millis(300),
        ..timing()
    };
    let config = config(&store, &Steered::new(), 1);
    let workers = Workers::start_with(config, timing).await.unwrap();
    submit(&store, json!({ "webhook": receiver.url })).await;
    let reason = |number, reason: &str| Some((number, reason.to_owned()));
    assert_eq!(retry(&mut receiver).await, None);
    assert_eq!(retry(&mut receiver).await, reason(1, "http_timeout"));
    for _ in 0..3 {
        assert_eq!(retry(&mut receiver).await, reason(2, "http_error"));
    }
    assert_eq!(retry(&mut receiver).await, reason(3, "too_many_redirects"));
    workers.stop().await;
    assert!(!receiver.has_more());
}

#[tokio::test]
async fn two_redirects_are_followed_with_the_body() {
    let store = Store::memory().await.unwrap();
    let redirect = Answer::Redirect("/elsewhere");
    let mut receiver = Receiver::start(&[redirect, redirect]).await;
    let workers = start(&store, &Steered::new(), 1).await;
    submit(&store, json!({ "webhook": receiver.url })).await;
    for _ in 0..3 {
        assert!(event(&mut receiver).await.has_output());
    }
    workers.stop().await;
    assert!(!receiver.has_more());
}

#[tokio::test]
async fn after_three_retries_it_is_given_up() {
    let store = Store::memory().await.unwrap();
    let mut receiver = Receiver::start(&[Answer::Status(500); 9]).await;
    let workers = start(&store, &Steered::new(), 1).await;
    submit(&store, json!({ "webhook": receiver.url })).await;
    for _ in 0..4 {
        event(&mut receiver).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!receiver.has_more());
    workers.stop().await;
}

#[tokio::test]
async fn a_receiver_that_hangs_delays_no_job_and_no_other() {
    let store = Store::memory().await.unwrap();
    let mut hanging = Receiver::start(&[Answer::Silence; 9]).await;
    let mut other = Receiver::start(&[]).await;
    let workers = start(&store, &Steered::new(), 1).await;
    let id = submit(&store, json!({ "webhook": hanging.url })).await;
    hanging.next().await;
    assert_eq!(ended(&store, id).await.status, Status::Succeeded);
    let id = submit(&store, json!({ "webhook": other.url })).await;
    assert_eq!(event(&mut other).await.job_id().as_str(), id.to_string());
    assert!(!hanging.has_more());
    drop(workers);
}

#[tokio::test]
async fn a_restart_goes_on_with_deliveries() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let mut receiver = Receiver::start(&[Answer::Status(500)]).await;
    let timing = Timing {
        webhook_delays: [Duration::from_millis(300); 3],
        ..timing()
    };
    let store = Store::open(&path).await.unwrap();
    let engine = Steered::new();
    let workers = Workers::start_with(config(&store, &engine, 1), timing.clone());
    let workers = workers.await.unwrap();
    submit(&store, json!({ "webhook": receiver.url })).await;
    assert_eq!(retry(&mut receiver).await, None);
    workers.stop().await;
    assert!(!receiver.has_more());

    let store = Store::open(&path).await.unwrap();
    let workers = Workers::start_with(config(&store, &engine, 1), timing);
    let workers = workers.await.unwrap();
    let expected = Some((1, "http_error".to_owned()));
    assert_eq!(retry(&mut receiver).await, expected);
    workers.stop().await;
}
