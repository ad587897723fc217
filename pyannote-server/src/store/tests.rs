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
        other => panic!("{other} is not an object"),
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
    store.claim(LEASE).await.unwrap().expect("a job is waiting")
}

/// Expires the leases, as after a crash.
async fn expire_leases(store: &Store) {
    sqlx::query("UPDATE jobs SET lease_until = 0 WHERE status = 'running'")
        .execute(&store.pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn stores_a_job_unchanged() {
    let store = Store::temporary().await.unwrap();
    let submitted = request(json!({ "url": "media://a", "label": "é\"'; DROP TABLE jobs; --" }));
    let created = store
        .create("ada", JobKind::Identify, submitted.clone())
        .await
        .unwrap();
    let stored = store.get("ada", created.id).await.unwrap().unwrap();
    assert_eq!(
        (stored.kind, stored.status),
        (JobKind::Identify, Status::Created)
    );
    assert_eq!((&stored.request, &stored.output), (&submitted, &None));
    assert!((Utc::now() - stored.created_at).abs() < TimeDelta::minutes(1));
    assert_eq!((stored.started_at, stored.completed_at), (None, None));
    assert!(store.get("bob", created.id).await.unwrap().is_none());
}

#[tokio::test]
async fn lists_newest_first_with_a_stable_cursor() {
    let store = Store::temporary().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(job(&store).await.id);
    }
    store
        .create("bob", JobKind::Diarize, Map::new())
        .await
        .unwrap();
    // All were created at the same time, so that the order of acceptance counts.
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
async fn deletes_outputs_but_not_jobs_after_24_hours() {
    let store = Store::temporary().await.unwrap();
    let created = job(&store).await;
    let output = json!({ "diarization": [] });
    let claimed = claim(&store).await;
    assert!(store.finish(&claimed, &Ok(output.clone())).await.unwrap());
    let now = Utc::now();
    assert_eq!(
        store
            .expire_outputs(now + TimeDelta::hours(23))
            .await
            .unwrap(),
        0
    );
    let stored = store.get("ada", created.id).await.unwrap().unwrap();
    assert_eq!(stored.output, Some(output));
    assert_eq!(
        store
            .expire_outputs(now + TimeDelta::hours(25))
            .await
            .unwrap(),
        1
    );
    let stored = store.get("ada", created.id).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.output), (Status::Succeeded, None));
    assert!(stored.completed_at.is_some());
}

#[tokio::test]
async fn keeps_the_output_of_a_pending_webhook() {
    let store = Store::temporary().await.unwrap();
    let submitted = request(json!({ "webhook": "https://example.com" }));
    store
        .create("ada", JobKind::Diarize, submitted)
        .await
        .unwrap();
    let claimed = claim(&store).await;
    store
        .finish(&claimed, &Ok(json!({ "diarization": [] })))
        .await
        .unwrap();
    let later = Utc::now() + TimeDelta::hours(25);
    assert_eq!(store.expire_outputs(later).await.unwrap(), 0);
    let delivery = store.claim_delivery(LEASE).await.unwrap().unwrap();
    assert!(store.claim_delivery(LEASE).await.unwrap().is_none());
    store.delete_delivery(&delivery).await.unwrap();
    assert_eq!(store.expire_outputs(later).await.unwrap(), 1);
}

#[tokio::test]
async fn counts_jobs_of_every_status() {
    let store = Store::temporary().await.unwrap();
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
async fn only_the_current_claim_can_write() {
    let store = Store::temporary().await.unwrap();
    let created = job(&store).await;
    let first = claim(&store).await;
    assert!(store.claim(LEASE).await.unwrap().is_none());
    expire_leases(&store).await;
    let second = claim(&store).await;
    assert_eq!((second.job.id, second.job.attempts), (created.id, 2));
    assert!(!store.renew(&first, LEASE).await.unwrap());
    assert!(!store.finish(&first, &Err("late".into())).await.unwrap());
    store.release(&first).await.unwrap();
    assert!(store.renew(&second, LEASE).await.unwrap());
    assert!(store.finish(&second, &Ok(json!({}))).await.unwrap());
    let stored = store.get("ada", created.id).await.unwrap().unwrap();
    assert_eq!(stored.status, Status::Succeeded);
}

#[tokio::test]
async fn fails_a_job_after_three_lost_claims() {
    let store = Store::temporary().await.unwrap();
    let created = job(&store).await;
    for attempt in 1..=3 {
        assert_eq!(claim(&store).await.job.attempts, attempt);
        assert_eq!(store.fail_exhausted().await.unwrap(), 0);
        expire_leases(&store).await;
    }
    assert!(store.claim(LEASE).await.unwrap().is_none());
    assert_eq!(store.fail_exhausted().await.unwrap(), 1);
    let stored = store.get("ada", created.id).await.unwrap().unwrap();
    assert_eq!(stored.status, Status::Failed);
    let error = "the server was stopped 3 times while processing the job";
    assert_eq!(stored.output, Some(json!({ "error": error })));
}

#[tokio::test]
async fn releasing_a_job_does_not_count_as_an_attempt() {
    let store = Store::temporary().await.unwrap();
    job(&store).await;
    for _ in 0..5 {
        let claimed = claim(&store).await;
        assert_eq!(claimed.job.attempts, 1);
        store.release(&claimed).await.unwrap();
    }
}

#[tokio::test]
async fn canceling_a_job_revokes_the_claim() {
    let store = Store::temporary().await.unwrap();
    let created = job(&store).await;
    let claimed = claim(&store).await;
    assert!(!store.cancel("bob", created.id).await.unwrap());
    assert!(store.cancel("ada", created.id).await.unwrap());
    assert!(!store.cancel("ada", created.id).await.unwrap());
    assert!(!store.renew(&claimed, LEASE).await.unwrap());
    assert!(!store.finish(&claimed, &Ok(json!({}))).await.unwrap());
    let stored = store.get("ada", created.id).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.output), (Status::Canceled, None));
}

#[tokio::test]
async fn reopens_a_file_with_special_characters_in_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs of #1 100%?.db");
    let created = job(&Store::open(&path).await.unwrap()).await;
    let store = Store::open(&path).await.unwrap();
    assert!(path.is_file());
    assert!(store.get("ada", created.id).await.unwrap().is_some());
    let url = format!("sqlite:{}", path.display());
    let store = Store::connect(&url).await.unwrap();
    assert!(store.get("ada", created.id).await.unwrap().is_some());
}

#[tokio::test]
async fn opens_a_new_file_concurrently() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let (a, b, c) = tokio::join!(Store::open(&path), Store::open(&path), Store::open(&path));
    let created = job(&a.unwrap()).await;
    assert!(b.unwrap().get("ada", created.id).await.unwrap().is_some());
    assert!(c.unwrap().get("ada", created.id).await.unwrap().is_some());
}

#[tokio::test]
async fn open_errors_name_the_cause_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let error = Store::open(folder.path().join("none/jobs.db"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("cannot open"), "{error}");
    let error = Store::connect("mysql://ada:secret@host/db")
        .await
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("sqlite:") && !message.contains("secret"),
        "{message}"
    );
}
