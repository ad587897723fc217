use std::time::Duration;

use chrono::{TimeDelta, Utc};
use futures_util::TryStreamExt;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use uuid::Uuid;

use super::*;
use crate::engine::{JobKind, JobOutput};

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

async fn give_back(store: &Store, claim: &Claim) {
    store.give_back(claim, &Return::default()).await.unwrap();
}

async fn claim(store: &Store) -> Claim {
    store.claim(LEASE).await.unwrap().expect("a job is waiting")
}

/// Expires the leases, as after a crash.
async fn expire_leases(store: &Store) {
    sqlx::query("UPDATE jobs SET lease_until = 0 WHERE status = 'running'")
        .execute(store.database.pool())
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
        .execute(store.database.pool())
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

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Moves the end of all jobs back by an hour more than a day.
async fn age(store: &Store) {
    let age_ms = i64::try_from(DAY.as_millis()).unwrap() + 3_600_000;
    sqlx::query("UPDATE jobs SET completed_at = completed_at - $1")
        .bind(age_ms)
        .execute(store.database.pool())
        .await
        .unwrap();
}

#[tokio::test]
async fn deletes_outputs_and_then_jobs() {
    let store = Store::temporary().await.unwrap();
    let created = job(&store).await;
    let waiting = job(&store).await;
    let output = JobOutput::from(json!({ "diarization": [] }));
    let claimed = claim(&store).await;
    assert!(store.finish(&claimed, &Ok(output.clone())).await.unwrap());
    assert_eq!(store.expire_outputs(DAY).await.unwrap(), 0);
    let stored = store.get("ada", created.id).await.unwrap().unwrap();
    assert_eq!(stored.output, Some(output));
    age(&store).await;
    assert_eq!(store.expire_outputs(DAY).await.unwrap(), 1);
    let stored = store.get("ada", created.id).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.output), (Status::Succeeded, None));
    assert!(stored.completed_at.is_some());
    assert_eq!(store.delete_jobs(2 * DAY).await.unwrap(), 0);
    assert_eq!(store.delete_jobs(DAY).await.unwrap(), 1);
    assert!(store.get("ada", created.id).await.unwrap().is_none());
    // Jobs that have not ended are kept, however old they are.
    assert_eq!(store.delete_jobs(Duration::ZERO).await.unwrap(), 0);
    assert!(store.get("ada", waiting.id).await.unwrap().is_some());
}

#[tokio::test]
async fn deletes_more_jobs_than_one_batch() {
    let store = Store::temporary().await.unwrap();
    for _ in 0..205 {
        let created = job(&store).await;
        assert!(store.cancel("ada", created.id).await.unwrap());
    }
    assert_eq!(store.delete_jobs(Duration::ZERO).await.unwrap(), 205);
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
        .finish(&claimed, &Ok(json!({ "diarization": [] }).into()))
        .await
        .unwrap();
    assert_eq!(store.expire_outputs(Duration::ZERO).await.unwrap(), 0);
    assert_eq!(store.delete_jobs(Duration::ZERO).await.unwrap(), 0);
    let delivery = store
        .claim_delivery(LEASE, &Busy::default())
        .await
        .unwrap()
        .unwrap();
    assert!(
        store
            .claim_delivery(LEASE, &Busy::default())
            .await
            .unwrap()
            .is_none()
    );
    store.delete_delivery(&delivery).await.unwrap();
    assert_eq!(store.expire_outputs(Duration::ZERO).await.unwrap(), 1);
    assert_eq!(store.delete_jobs(Duration::ZERO).await.unwrap(), 1);
}

/// However a job ends, its request is deleted, and its webhook is queued.
#[tokio::test]
async fn ending_a_job_deletes_its_request() {
    let store = Store::temporary().await.unwrap();
    let submitted = || request(json!({ "webhook": "https://example.com", "voiceprints": [] }));
    let submit = async || {
        let created = store.create("ada", JobKind::Identify, submitted()).await;
        created.unwrap().id
    };
    let finished = submit().await;
    let claimed = claim(&store).await;
    assert_eq!(claimed.job.request, submitted());
    store.finish(&claimed, &Err("silent".into())).await.unwrap();
    let canceled = submit().await;
    assert!(store.cancel("ada", canceled).await.unwrap());
    let exhausted = submit().await;
    for _ in 0..3 {
        claim(&store).await;
        expire_leases(&store).await;
    }
    assert_eq!(store.fail_exhausted().await.unwrap(), 1);
    for id in [finished, canceled, exhausted] {
        let stored = store.get("ada", id).await.unwrap().unwrap();
        assert_eq!(stored.request, Map::new());
        let delivery = store
            .claim_delivery(LEASE, &Busy::default())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(delivery.job_id, id.to_string());
        assert_eq!(delivery.url, "https://example.com");
    }
}

/// A database of the first version, whose jobs kept their requests, and whose file kept deleted data.
#[tokio::test]
async fn updating_a_database_deletes_the_requests_of_ended_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.sqlite");
    let url = format!("sqlite:{}?mode=rwc", path.display());
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    let mut first_version = migrations::migrator(dialect::Dialect::Sqlite);
    first_version.migrations.to_mut().truncate(1);
    first_version.run(&pool).await.unwrap();
    let voiceprint = "c2VjcmV0".repeat(2_000);
    for (id, status) in [(1, "created"), (2, "failed"), (3, "failed")] {
        let request = format!(r#"{{"voiceprint":"{status}{voiceprint}"}}"#);
        sqlx::query(
            "INSERT INTO jobs (id, team, kind, status, created_at, updated_at, request)
            VALUES ($1, 'ada', 'identify', $2, 1, 1, $3)",
        )
        .bind(Uuid::from_u128(id).to_string())
        .bind(status)
        .bind(request)
        .execute(&pool)
        .await
        .unwrap();
    }
    sqlx::query("DELETE FROM jobs WHERE id = $1")
        .bind(Uuid::from_u128(3).to_string())
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    let store = Store::open(&path).await.unwrap();
    let waiting = store.get("ada", Uuid::from_u128(1)).await.unwrap().unwrap();
    assert!(waiting.request.contains_key("voiceprint"));
    assert!(store.cancel("ada", waiting.id).await.unwrap());
    store.purge().await.unwrap();
    let ended = store.get("ada", Uuid::from_u128(2)).await.unwrap().unwrap();
    assert_eq!(ended.request, Map::new());
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(8).any(|window| window == b"c2VjcmV0"));
}

/// Limits the size of the database on all connections. Those that fail are closed, so the limit does not last.
async fn fill(store: &Store) {
    let mut connections = Vec::new();
    for _ in 0..4 {
        connections.push(store.database.pool().acquire().await.unwrap());
    }
    for connection in &mut connections {
        sqlx::query("PRAGMA max_page_count = 1")
            .fetch_all(&mut **connection)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_job_that_does_not_fit_is_not_accepted() {
    let store = Store::temporary().await.unwrap();
    fill(&store).await;
    let large = request(json!({ "label": "a".repeat(100_000) }));
    let error = store.create("ada", JobKind::Diarize, large).await;
    let error = error.unwrap_err();
    assert!(error.is_full(), "{error:?}");
    assert!(store.list("ada", 9, None, None).await.unwrap().is_empty());
    // The failed transaction does not affect others.
    let created = job(&store).await;
    assert_eq!(claim(&store).await.job.id, created.id);
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
    // It does not return a job that is another's, but its attempt does not count.
    give_back(&store, &first).await;
    assert_eq!(
        store
            .get("ada", created.id)
            .await
            .unwrap()
            .unwrap()
            .attempts,
        1
    );
    assert!(store.renew(&second, LEASE).await.unwrap());
    assert!(store.finish(&second, &Ok(json!({}).into())).await.unwrap());
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
    assert_eq!(stored.output, Some(json!({ "error": error }).into()));
}

/// A row that another program has damaged, or a newer version has written.
#[tokio::test]
async fn a_job_that_cannot_be_failed_keeps_no_other_from_it() {
    let store = Store::temporary().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(job(&store).await.id);
    }
    for _ in 0..9 {
        claim(&store).await;
        expire_leases(&store).await;
    }
    for damage in [
        "UPDATE jobs SET id = 'damaged' WHERE seq = 1",
        "UPDATE jobs SET request = 'damaged' WHERE seq = 2",
    ] {
        let damage = sqlx::query(damage).execute(store.database.pool()).await;
        damage.unwrap();
    }
    // A request that cannot be read names no webhook, but its job can end.
    assert_eq!(store.fail_exhausted().await.unwrap(), 2);
    let statuses = [(Status::Running, 1), (Status::Failed, 2)];
    let counts = store.counts().await.unwrap();
    assert!(
        statuses.iter().all(|count| counts.contains(count)),
        "{counts:?}"
    );
    // Nor does it keep the workers from starting.
    assert_eq!(store.fail_exhausted().await.unwrap(), 0);
}

#[tokio::test]
async fn a_job_that_was_returned_waits_and_its_attempt_does_not_count() {
    let store = Store::temporary().await.unwrap();
    let id = job(&store).await.id;
    for _ in 0..5 {
        let claimed = claim(&store).await;
        assert_eq!(
            (claimed.job.status, claimed.job.attempts),
            (Status::Running, 1)
        );
        give_back(&store, &claimed).await;
        // Returned once, however often.
        give_back(&store, &claimed).await;
        let stored = store.get("ada", id).await.unwrap().unwrap();
        assert_eq!((stored.status, stored.attempts), (Status::Created, 0));
        // The claim is over.
        assert!(!store.renew(&claimed, LEASE).await.unwrap());
    }
}

/// The database was out of reach for so long that another worker has claimed the job.
#[tokio::test]
async fn a_lost_lease_does_not_count_as_an_attempt() {
    let store = Store::temporary().await.unwrap();
    let id = job(&store).await.id;
    let mut lost = claim(&store).await;
    for _ in 0..5 {
        expire_leases(&store).await;
        let next = claim(&store).await;
        assert_eq!(next.job.attempts, 2);
        give_back(&store, &lost).await;
        assert!(store.renew(&next, LEASE).await.unwrap());
        lost = next;
    }
    assert!(store.finish(&lost, &Ok(json!({}).into())).await.unwrap());
    // Nor does the end of a claim change a job that has ended.
    give_back(&store, &lost).await;
    let stored = store.get("ada", id).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.attempts), (Status::Succeeded, 1));
}

#[tokio::test]
async fn a_job_that_is_retried_later_waits_until_then() {
    let store = Store::temporary().await.unwrap();
    let id = job(&store).await.id;
    let stored = async || {
        let job = store.get("ada", id).await.unwrap().unwrap();
        (job.status, job.fetch_failures, job.storage_failures)
    };
    for (failure, expected) in [
        (LoadFailure::Fetch, (Status::Created, 1, 0)),
        (LoadFailure::Storage, (Status::Created, 1, 1)),
        (LoadFailure::Fetch, (Status::Created, 2, 1)),
    ] {
        let claimed = claim(&store).await;
        let how = Return {
            after: ReturnAfter::Delay(LEASE),
            failure: Some(failure),
            ..Return::default()
        };
        store.give_back(&claimed, &how).await.unwrap();
        assert_eq!(stored().await, expected);
        assert!(store.claim(LEASE).await.unwrap().is_none());
        let due = "UPDATE jobs SET lease_until = lease_until - 60000";
        sqlx::query(due)
            .execute(store.database.pool())
            .await
            .unwrap();
    }
    // While the engine still runs, until the lease expires.
    let claimed = claim(&store).await;
    let how = Return {
        after: ReturnAfter::Lease,
        ..Return::default()
    };
    store.give_back(&claimed, &how).await.unwrap();
    assert_eq!(stored().await, (Status::Created, 2, 1));
    assert!(store.claim(LEASE).await.unwrap().is_none());
}

#[tokio::test]
async fn uploads_and_recordings_of_other_hosts_have_a_queue_each() {
    let store = Store::temporary().await.unwrap();
    let mut ids = Vec::new();
    for (team, url) in [
        ("ada", "https://a.example/1"),
        ("ada", "https://b.example/2"),
        ("ada", "media://3"),
        ("bob", "https://a.example/4"),
        ("bob-2", "https://a.example/5"),
        ("bob", "media://6"),
        ("bob", "http://[::1]/7"),
    ] {
        let request = request(json!({ "url": url }));
        let created = store.create(team, JobKind::Diarize, request).await;
        ids.push(created.unwrap().id);
    }
    // The numbers of the jobs that a filter lets pass, in their order.
    let passing = async |sources: Sources| {
        let filter = ClaimFilter {
            sources,
            ..ClaimFilter::default()
        };
        let mut claims = Vec::new();
        while let Some(claim) = store.claim_with(LEASE, &filter).await.unwrap() {
            claims.push(claim);
        }
        for claim in &claims {
            give_back(&store, claim).await;
        }
        let number = |claim: &Claim| 1 + ids.iter().position(|id| *id == claim.job.id).unwrap();
        claims.iter().map(number).collect::<Vec<_>>()
    };
    let busy = |teams: &[&str], hosts: &[(&str, &str)]| {
        Sources::Remote(Busy {
            teams: teams.iter().map(|team| (*team).to_owned()).collect(),
            hosts: hosts
                .iter()
                .map(|(team, host)| ((*team).to_owned(), (*host).to_owned()))
                .collect(),
        })
    };
    for (sources, expected) in [
        (Sources::Any, vec![1, 2, 3, 4, 5, 6, 7]),
        (Sources::Stored, vec![3, 6]),
        (busy(&[], &[]), vec![1, 2, 4, 5, 7]),
        (busy(&["ada"], &[]), vec![4, 5, 7]),
        (busy(&["bob"], &[]), vec![1, 2, 5]),
        (busy(&["ada", "bob"], &[]), vec![5]),
        (busy(&[], &[("ada", "a.example")]), vec![2, 4, 5, 7]),
        (busy(&[], &[("bob", "[::1]")]), vec![1, 2, 4, 5]),
        (
            busy(&["ada"], &[("bob", "a.example"), ("bob", "[::1]")]),
            vec![5],
        ),
        (
            busy(&["a.example"], &[("ad", "a.example")]),
            vec![1, 2, 4, 5, 7],
        ),
    ] {
        assert_eq!(passing(sources.clone()).await, expected, "{sources:?}");
    }
    // How long they wait is measured apart. Those that were claimed do not wait.
    let age = "UPDATE jobs SET created_at = created_at - 1000000 * (8 - seq)";
    sqlx::query(age)
        .execute(store.database.pool())
        .await
        .unwrap();
    let ages_s = async || {
        let ages = store.queue_ages().await.unwrap();
        [ages.uploaded, ages.remote].map(|age| age.as_secs() / 1_000)
    };
    assert_eq!(ages_s().await, [5, 7]);
    for _ in 0..3 {
        claim(&store).await;
    }
    assert_eq!(ages_s().await, [2, 4]);
    // The host is not kept when the job has ended.
    for id in &ids {
        store.cancel_of_any_team(*id).await.unwrap();
    }
    assert_eq!(ages_s().await, [0, 0]);
    const HOSTS: &str = "SELECT COUNT(*) FROM jobs WHERE host IS NOT NULL";
    assert_eq!(rows(&store, HOSTS).await, 0);
}

#[tokio::test]
async fn claims_webhooks_of_teams_and_hosts_that_are_not_busy() {
    let store = Store::temporary().await.unwrap();
    let mut ids = Vec::new();
    for (team, webhook) in [
        ("ada", "https://a.example/1"),
        ("ada", "https://b.example:8443"),
        ("bob", "https://a.example./2"),
        ("bob", "invalid"),
    ] {
        let request = request(json!({ "webhook": webhook }));
        let created = store.create(team, JobKind::Diarize, request).await.unwrap();
        assert!(store.cancel(team, created.id).await.unwrap());
        ids.push(created.id.to_string());
    }
    for (teams, hosts, expected) in [
        (&[][..], &[][..], &[1, 2, 3, 4][..]),
        (&["ada"], &[], &[3, 4]),
        (&[], &[("ada", "a.example")], &[2, 3, 4]),
        (&["ada"], &[("bob", "a.example")], &[4]),
        (&[], &[("bob", "")], &[1, 2, 3]),
        (&["ada", "bob"], &[], &[]),
    ] {
        let busy = Busy {
            teams: teams.iter().map(|team| (*team).to_owned()).collect(),
            hosts: hosts
                .iter()
                .map(|(team, host)| ((*team).to_owned(), (*host).to_owned()))
                .collect(),
        };
        let update = sqlx::query("UPDATE deliveries SET due_at = 0");
        update.execute(store.database.pool()).await.unwrap();
        let is_due = store.next_delivery(&busy).await.unwrap() == Some(Duration::ZERO);
        assert_eq!(is_due, !expected.is_empty(), "{busy:?}");
        let mut claimed = Vec::new();
        while let Some(delivery) = store.claim_delivery(LEASE, &busy).await.unwrap() {
            claimed.push(1 + ids.iter().position(|id| *id == delivery.job_id).unwrap());
        }
        assert_eq!(claimed, expected, "{busy:?}");
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
    assert!(!store.finish(&claimed, &Ok(json!({}).into())).await.unwrap());
    let stored = store.get("ada", created.id).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.output), (Status::Canceled, None));
}

/// Counts the webhooks of a job that are due.
async fn deliveries(store: &Store, id: Uuid) -> i64 {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM deliveries WHERE job_id = $1");
    let count = count.bind(id.to_string()).fetch_one(store.database.pool());
    count.await.unwrap()
}

#[tokio::test]
async fn a_job_that_is_canceled_while_it_finishes_ends_once() {
    let store = Store::temporary().await.unwrap();
    let mut canceled_jobs = 0;
    for number in 0..40 {
        let webhook = request(json!({ "webhook": "https://example.com/hook" }));
        let created = store.create("ada", JobKind::Diarize, webhook).await;
        let id = created.unwrap().id;
        let claimed = claim(&store).await;
        let outcome = Ok(json!({}).into());
        let finish = async {
            if number % 2 == 0 {
                tokio::task::yield_now().await;
            }
            store.finish(&claimed, &outcome).await.unwrap()
        };
        let cancel = async {
            if number % 2 == 1 {
                tokio::task::yield_now().await;
            }
            store.cancel_of_any_team(id).await.unwrap()
        };
        let (is_finished, cancellation) = tokio::join!(finish, cancel);
        let (status, expected) = match is_finished {
            true => (
                Status::Succeeded,
                Cancellation::AlreadyEnded(Status::Succeeded),
            ),
            false => (Status::Canceled, Cancellation::Canceled),
        };
        assert_eq!(cancellation, expected);
        let stored = store.get("ada", id).await.unwrap().unwrap();
        assert_eq!(stored.status, status);
        assert_eq!(stored.output.is_some(), is_finished);
        assert_eq!(deliveries(&store, id).await, 1);
        canceled_jobs += usize::from(!is_finished);
    }
    // Both happened, so both orders were tried.
    assert!((1..40).contains(&canceled_jobs), "{canceled_jobs}");
}

#[tokio::test]
async fn a_long_job_that_was_put_back_is_passed_over_until_long_jobs_are_claimed() {
    let store = Store::temporary().await.unwrap();
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let long = job(&store).await.id;
    let short = job(&store).await.id;
    let claimed = claim(&store).await;
    assert_eq!((claimed.job.id, claimed.job.audio), (long, None));
    let how = Return {
        audio: Some(minutes(60)),
        ..Return::default()
    };
    store.give_back(&claimed, &how).await.unwrap();
    let next = async |max_audio| {
        let filter = ClaimFilter {
            max_audio,
            ..ClaimFilter::default()
        };
        let claim = store.claim_with(LEASE, &filter).await.unwrap();
        claim.map(|claim| (claim.job.id, claim.job.audio, claim.job.attempts))
    };
    assert_eq!(next(minutes(10)).await, Some((short, None, 1)));
    assert_eq!(next(minutes(10)).await, None);
    let expected = Some((long, Some(minutes(60)), 1));
    assert_eq!(next(Duration::MAX).await, expected);
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

#[tokio::test]
async fn claims_none_while_claims_are_held() {
    let store = Store::temporary().await.unwrap();
    let submitted = request(json!({ "webhook": "https://example.com" }));
    let created = store.create("ada", JobKind::Diarize, submitted).await;
    assert!(store.cancel("ada", created.unwrap().id).await.unwrap());
    job(&store).await;
    let (first, second) = (store.hold_claims(), store.hold_claims());
    drop(first);
    assert!(store.claim(LEASE).await.unwrap().is_none());
    assert!(
        store
            .claim_delivery(LEASE, &Busy::default())
            .await
            .unwrap()
            .is_none()
    );
    drop(second);
    assert!(store.claim(LEASE).await.unwrap().is_some());
    assert!(
        store
            .claim_delivery(LEASE, &Busy::default())
            .await
            .unwrap()
            .is_some()
    );
}

/// Number of rows of a table.
async fn rows(store: &Store, count: &'static str) -> i64 {
    let row = sqlx::query(count).fetch_one(store.database.pool()).await;
    sqlx::Row::get(&row.unwrap(), 0)
}

#[tokio::test]
async fn a_large_output_is_stored_in_parts_and_deleted_with_them() {
    const PARTS: &str = "SELECT COUNT(*) FROM output_parts";

    let store = Store::temporary().await.unwrap();
    // No part can end between the two bytes of a character.
    let text = format!(" {}", "é".repeat(outputs::PART_BYTES));
    let output = JobOutput::from(json!({ "text": text }));
    let webhook = request(json!({ "webhook": "https://example.com" }));
    let mut ids = Vec::new();
    for request in [webhook, Map::new()] {
        let created = store.create("ada", JobKind::Diarize, request).await;
        ids.push(created.unwrap().id);
        let claimed = claim(&store).await;
        assert!(store.finish(&claimed, &Ok(output.clone())).await.unwrap());
    }
    assert_eq!(rows(&store, PARTS).await, 4);
    for id in &ids {
        let stored = store.get("ada", *id).await.unwrap().unwrap();
        assert!(stored.output == Some(output.clone()));
        let result = store.result("ada", *id).await.unwrap().unwrap();
        let text = result.output.unwrap();
        assert_eq!(text.bytes(), output.as_json().len() as u64);
        let parts: Vec<bytes::Bytes> = text.into_stream().try_collect().await.unwrap();
        assert!(parts.iter().all(|part| part.len() <= outputs::PART_BYTES));
        assert!(parts.concat() == output.as_json().as_bytes());
    }
    let delivery = store
        .claim_delivery(LEASE, &Busy::default())
        .await
        .unwrap()
        .unwrap();
    let body = store.delivery_body(&delivery).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let expected = json!({ "jobId": ids[0], "status": "succeeded", "output": { "text": text } });
    assert!(body == expected);
    assert_eq!(store.expire_outputs(Duration::ZERO).await.unwrap(), 1);
    assert_eq!(rows(&store, PARTS).await, 2);
    store.delete_delivery(&delivery).await.unwrap();
    assert_eq!(store.delete_jobs(Duration::ZERO).await.unwrap(), 2);
    assert_eq!(rows(&store, PARTS).await, 0);
}

const TOKEN: &str = "hash of a token";

async fn stream(store: &Store, limit: usize) -> Option<Uuid> {
    let created = store.create_stream("ada", TOKEN, LEASE, limit).await;
    created.unwrap()
}

async fn stream_status(store: &Store, id: Uuid) -> StreamStatus {
    store.stream("ada", id).await.unwrap().unwrap().status
}

#[tokio::test]
async fn a_stream_is_claimed_once_and_ends_once() {
    let store = Store::temporary().await.unwrap();
    let id = stream(&store, 1).await.unwrap();
    assert!(store.stream("bob", id).await.unwrap().is_none());
    let claim = async |id, hash| store.claim_stream(id, hash, LEASE).await.unwrap();
    assert!(claim(id, "another").await.is_none());
    assert!(claim(Uuid::new_v4(), TOKEN).await.is_none());
    let claimed = claim(id, TOKEN).await.unwrap();
    assert!(claim(id, TOKEN).await.is_none());
    assert!(store.renew_stream(&claimed, false, LEASE).await.unwrap());
    let stored = store.stream("ada", id).await.unwrap().unwrap();
    assert_eq!(
        (stored.status, stored.started_at, stored.completed_at),
        (StreamStatus::Created, None, None)
    );
    assert!(store.renew_stream(&claimed, true, LEASE).await.unwrap());
    let running = store.stream("ada", id).await.unwrap().unwrap();
    assert_eq!(running.status, StreamStatus::Running);
    assert!(running.started_at.is_some());
    let finish = async |status| store.finish_stream(&claimed, status, true).await.unwrap();
    assert!(finish(StreamStatus::Done).await);
    assert!(!finish(StreamStatus::Error).await);
    assert!(!store.renew_stream(&claimed, true, LEASE).await.unwrap());
    let ended = store.stream("ada", id).await.unwrap().unwrap();
    assert_eq!(
        (ended.status, ended.started_at),
        (StreamStatus::Done, running.started_at)
    );
    assert!(ended.completed_at.is_some());
    assert_eq!(store.delete_streams(DAY).await.unwrap(), 0);
    assert_eq!(store.delete_streams(Duration::ZERO).await.unwrap(), 1);
}

#[tokio::test]
async fn concurrent_connections_take_a_stream_once() {
    let store = Store::temporary().await.unwrap();
    let id = stream(&store, 1).await.unwrap();
    let claim = || store.claim_stream(id, TOKEN, LEASE);
    let (a, b, c) = tokio::join!(claim(), claim(), claim());
    let taken = [a, b, c]
        .into_iter()
        .filter(|claim| claim.as_ref().unwrap().is_some());
    assert_eq!(taken.count(), 1);
}

#[tokio::test]
async fn a_team_has_a_limited_number_of_open_streams() {
    let store = Store::temporary().await.unwrap();
    let first = stream(&store, 2).await.unwrap();
    assert!(stream(&store, 2).await.is_some());
    assert_eq!(stream(&store, 2).await, None);
    let of_another_team = store.create_stream("bob", TOKEN, LEASE, 2).await;
    assert!(of_another_team.unwrap().is_some());
    let claimed = store
        .claim_stream(first, TOKEN, LEASE)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stream(&store, 2).await, None);
    store
        .finish_stream(&claimed, StreamStatus::Error, false)
        .await
        .unwrap();
    assert!(stream(&store, 2).await.is_some());
}

#[tokio::test]
async fn lost_and_unused_streams_have_failed() {
    let store = Store::temporary().await.unwrap();
    let (lost, unused) = (
        stream(&store, 3).await.unwrap(),
        stream(&store, 3).await.unwrap(),
    );
    let claimed = store
        .claim_stream(lost, TOKEN, LEASE)
        .await
        .unwrap()
        .unwrap();
    assert!(store.renew_stream(&claimed, true, LEASE).await.unwrap());
    assert_eq!(store.fail_lost_streams().await.unwrap(), 0);
    sqlx::query("UPDATE streams SET lease_until = 1")
        .execute(store.database.pool())
        .await
        .unwrap();
    // The token has expired, also before the stream is ended.
    assert!(
        store
            .claim_stream(unused, TOKEN, LEASE)
            .await
            .unwrap()
            .is_none()
    );
    let open = stream(&store, 1).await.unwrap();
    assert_eq!(store.fail_lost_streams().await.unwrap(), 2);
    for (id, status) in [
        (lost, StreamStatus::Error),
        (unused, StreamStatus::Error),
        (open, StreamStatus::Created),
    ] {
        assert_eq!(stream_status(&store, id).await, status);
    }
    assert!(
        !store
            .finish_stream(&claimed, StreamStatus::Done, true)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn servers_that_start_at_once_agree_on_the_secret_of_urls() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.sqlite");
    let secret = async || {
        let store = Store::open(&path).await.unwrap();
        let secret = store.media_url_secret().await.unwrap();
        secret.expose_secret().to_owned()
    };
    let secrets = futures_util::future::join_all((0..3).map(|_| secret())).await;
    assert!(secrets[0].len() >= 64);
    assert!(secrets.iter().all(|secret| *secret == secrets[0]));
    // After a restart, too.
    assert_eq!(secret().await, secrets[0]);
    let other = Store::temporary().await.unwrap();
    let other = other.media_url_secret().await.unwrap();
    assert_ne!(other.expose_secret(), secrets[0]);
}
