use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::{Map, Value, json};

use uuid::Uuid;

use super::*;
use crate::engine::JobKind;

const LEASE: Duration = Duration::from_secs(60);

fn request(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

async fn job(store: &Store) -> Job {
    let request = request(json!({ "url": "media://a" }));
    store
        .create("ada", JobKind::Diarize, request)
        .await
        .unwrap()
}

async fn claim(store: &Store) -> Claim {
    store.claim(LEASE).await.unwrap().expect("a job waits")
}

/// As after a crash: nobody renews the lease any more.
async fn run_out(store: &Store) {
    sqlx::query("UPDATE jobs SET lease_until = 0 WHERE status = 'running'")
        .execute(&store.pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_job_is_kept_as_it_came() {
    let store = Store::memory().await.unwrap();
    let asked = request(json!({ "url": "media://a", "label": "é\"'; DROP TABLE jobs; --" }));
    let made = store
        .create("ada", JobKind::Identify, asked.clone())
        .await
        .unwrap();
    let kept = store.get("ada", made.id).await.unwrap().unwrap();
    assert_eq!(
        (kept.kind, kept.status),
        (JobKind::Identify, Status::Created)
    );
    assert_eq!((&kept.request, &kept.output), (&asked, &None));
    assert!((Utc::now() - kept.created_at).abs() < TimeDelta::minutes(1));
    assert_eq!((kept.started_at, kept.completed_at), (None, None));
    assert!(store.get("bob", made.id).await.unwrap().is_none());
}

#[tokio::test]
async fn lists_are_newest_first_and_their_cursor_is_stable() {
    let store = Store::memory().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(job(&store).await.id);
    }
    store
        .create("bob", JobKind::Diarize, Map::new())
        .await
        .unwrap();
    // All of the same moment: the order of acceptance decides.
    sqlx::query("UPDATE jobs SET created_at = 1")
        .execute(&store.pool)
        .await
        .unwrap();
    ids.reverse();
    let page = async |limit, after, status| -> Vec<Uuid> {
        let jobs = store.list("ada", limit, after, status).await.unwrap();
        jobs.iter().map(|job| job.id).collect()
    };
    assert_eq!(page(2, None, None).await, ids[..2]);
    job(&store).await;
    assert_eq!(page(2, Some(ids[1]), None).await, ids[2..4]);
    assert_eq!(page(9, Some(ids[3]), None).await, ids[4..]);
    assert!(page(9, Some(Uuid::new_v4()), None).await.is_empty());
    let taken = claim(&store).await.job.id;
    assert_eq!(page(9, None, Some("running")).await, [taken]);
    assert_eq!(page(9, Some(ids[0]), Some("created")).await, ids[1..4]);
    assert!(page(9, None, Some("nonsense")).await.is_empty());
}

#[tokio::test]
async fn outputs_go_after_24_hours_and_jobs_stay() {
    let store = Store::memory().await.unwrap();
    let made = job(&store).await;
    let output = json!({ "diarization": [] });
    let held = claim(&store).await;
    assert!(store.finish(&held, &Ok(output.clone())).await.unwrap());
    let now = Utc::now();
    assert_eq!(
        store
            .expire_outputs(now + TimeDelta::hours(23))
            .await
            .unwrap(),
        0
    );
    let kept = store.get("ada", made.id).await.unwrap().unwrap();
    assert_eq!(kept.output, Some(output));
    assert_eq!(
        store
            .expire_outputs(now + TimeDelta::hours(25))
            .await
            .unwrap(),
        1
    );
    let kept = store.get("ada", made.id).await.unwrap().unwrap();
    assert_eq!((kept.status, kept.output), (Status::Succeeded, None));
    assert!(kept.completed_at.is_some());
}

#[tokio::test]
async fn an_output_that_a_webhook_must_bring_stays() {
    let store = Store::memory().await.unwrap();
    let asked = request(json!({ "webhook": "https://example.com" }));
    store.create("ada", JobKind::Diarize, asked).await.unwrap();
    let held = claim(&store).await;
    store
        .finish(&held, &Ok(json!({ "diarization": [] })))
        .await
        .unwrap();
    let later = Utc::now() + TimeDelta::hours(25);
    assert_eq!(store.expire_outputs(later).await.unwrap(), 0);
    let delivery = store.claim_delivery(LEASE).await.unwrap().unwrap();
    assert!(store.claim_delivery(LEASE).await.unwrap().is_none());
    store.drop_delivery(&delivery).await.unwrap();
    assert_eq!(store.expire_outputs(later).await.unwrap(), 1);
}

#[tokio::test]
async fn counts_name_every_status() {
    let store = Store::memory().await.unwrap();
    for _ in 0..3 {
        job(&store).await;
    }
    claim(&store).await;
    let counts = store.counts().await.unwrap();
    let expected = [
        (Status::Created, 2),
        (Status::Running, 1),
        (Status::Succeeded, 0),
        (Status::Failed, 0),
        (Status::Canceled, 0),
    ];
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn only_the_holder_of_the_claim_writes() {
    let store = Store::memory().await.unwrap();
    let made = job(&store).await;
    let first = claim(&store).await;
    assert!(store.claim(LEASE).await.unwrap().is_none());
    run_out(&store).await;
    let second = claim(&store).await;
    assert_eq!((second.job.id, second.job.attempts), (made.id, 2));
    assert!(!store.renew(&first, LEASE).await.unwrap());
    assert!(!store.finish(&first, &Err("late".into())).await.unwrap());
    store.give_back(&first).await.unwrap();
    assert!(store.renew(&second, LEASE).await.unwrap());
    assert!(store.finish(&second, &Ok(json!({}))).await.unwrap());
    let kept = store.get("ada", made.id).await.unwrap().unwrap();
    assert_eq!(kept.status, Status::Succeeded);
}

#[tokio::test]
async fn a_job_that_stops_the_server_thrice_fails() {
    let store = Store::memory().await.unwrap();
    let made = job(&store).await;
    for attempt in 1..=3 {
        assert_eq!(claim(&store).await.job.attempts, attempt);
        assert_eq!(store.fail_exhausted().await.unwrap(), 0);
        run_out(&store).await;
    }
    assert!(store.claim(LEASE).await.unwrap().is_none());
    assert_eq!(store.fail_exhausted().await.unwrap(), 1);
    let kept = store.get("ada", made.id).await.unwrap().unwrap();
    assert_eq!(kept.status, Status::Failed);
    let error = "the server was stopped 3 times while working on it";
    assert_eq!(kept.output, Some(json!({ "error": error })));
}

#[tokio::test]
async fn a_clean_stop_is_no_attempt() {
    let store = Store::memory().await.unwrap();
    job(&store).await;
    for _ in 0..5 {
        let held = claim(&store).await;
        assert_eq!(held.job.attempts, 1);
        store.give_back(&held).await.unwrap();
    }
}

#[tokio::test]
async fn a_canceled_job_is_lost_to_its_worker() {
    let store = Store::memory().await.unwrap();
    let made = job(&store).await;
    let held = claim(&store).await;
    assert!(!store.cancel("bob", made.id).await.unwrap());
    assert!(store.cancel("ada", made.id).await.unwrap());
    assert!(!store.cancel("ada", made.id).await.unwrap());
    assert!(!store.renew(&held, LEASE).await.unwrap());
    assert!(!store.finish(&held, &Ok(json!({}))).await.unwrap());
    let kept = store.get("ada", made.id).await.unwrap().unwrap();
    assert_eq!((kept.status, kept.output), (Status::Canceled, None));
}

#[tokio::test]
async fn a_file_with_any_name_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs of #1 100%?.db");
    let made = job(&Store::open(&path).await.unwrap()).await;
    let store = Store::open(&path).await.unwrap();
    assert!(path.is_file());
    assert!(store.get("ada", made.id).await.unwrap().is_some());
    let url = format!("sqlite:{}", path.display());
    let store = Store::connect(&url).await.unwrap();
    assert!(store.get("ada", made.id).await.unwrap().is_some());
}

#[tokio::test]
async fn several_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let (a, b, c) = tokio::join!(Store::open(&path), Store::open(&path), Store::open(&path));
    let made = job(&a.unwrap()).await;
    assert!(b.unwrap().get("ada", made.id).await.unwrap().is_some());
    assert!(c.unwrap().get("ada", made.id).await.unwrap().is_some());
}

#[tokio::test]
async fn what_cannot_be_opened_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let error = Store::open(folder.path().join("none/jobs.db"))
        .await
        .unwrap_err();
    assert!(error.0.contains("cannot be opened"), "{error}");
    let error = Store::connect("mysql://ada:secret@host/db")
        .await
        .unwrap_err();
    assert!(
        error.0.contains("sqlite:") && !error.0.contains("secret"),
        "{error}"
    );
}
