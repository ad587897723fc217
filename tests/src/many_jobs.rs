//! A database with many jobs.
#![allow(
    clippy::unwrap_used,
    reason = "a test cannot continue without its database"
)]
#![allow(clippy::missing_panics_doc, reason = "only tests use it")]

use sqlx::AnyPool;
use uuid::Uuid;

/// A hundred of the jobs are open, and each hundredth of the others has failed.
const INSERT: &str = "
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1)
INSERT INTO jobs (id, team, kind, status, created_at, updated_at, completed_at, attempts, claimed_by, lease_until,
    request)
SELECT $3 || (100000000000 + n), $4, 'diarize',
    CASE WHEN n <= 100 THEN 'running' WHEN n % 100 = 0 THEN 'failed' ELSE 'succeeded' END,
    1800000000000 + n, 1800000000000 + n, CASE WHEN n > 100 THEN 1800000000000 + n END, 1,
    CASE WHEN n <= 100 THEN 'a worker' END, CASE WHEN n <= 100 THEN 4000000000000 END,
    CASE WHEN n <= 100 THEN $2 ELSE '{}' END
FROM numbers";

/// The start of the ids of the team `local`.
const ID: &str = "00000000-0000-4000-8000-";

/// Adds jobs of the team `local` to a database that a store has created, and then as many of another team. The first
/// hundred are open, with `request`; each hundredth of the others has failed, and the rest has succeeded.
pub async fn insert(url: &str, jobs: i32, request: &str) {
    sqlx::any::install_default_drivers();
    let pool = AnyPool::connect(url).await.unwrap();
    for (id, team) in [(ID, "local"), ("00000000-0000-4000-9000-", "another")] {
        let insert = sqlx::query(INSERT).bind(jobs).bind(request);
        insert.bind(id).bind(team).execute(&pool).await.unwrap();
    }
    sqlx::query("ANALYZE").execute(&pool).await.unwrap();
    pool.close().await;
}

/// The id of the `n`-th job, from 1.
#[must_use]
pub fn id(n: u64) -> Uuid {
    let text = format!("{ID}{}", 100_000_000_000 + n);
    text.parse().unwrap()
}
