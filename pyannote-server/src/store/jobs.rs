//! What the API asks of the store: new jobs, a job, lists.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use sqlx::Row;
use uuid::Uuid;

use super::{Job, Status, Store, StoreError, deliveries, job, sql};
use crate::engine::JobKind;

/// How long an output is kept after the job has ended.
const OUTPUT_KEPT: TimeDelta = TimeDelta::hours(24);

impl Store {
    /// Keeps a new job and puts it into the queue, both or neither.
    ///
    /// # Errors
    ///
    /// Where the database cannot be written to. The job is then not accepted.
    pub async fn create(
        &self,
        team: &str,
        kind: JobKind,
        request: Map<String, Value>,
    ) -> Result<Job, StoreError> {
        let row = sqlx::query(self.dialect.sql(sql::CREATE))
            .bind(Uuid::new_v4().to_string())
            .bind(team)
            .bind(kind.as_str())
            .bind(Value::Object(request).to_string())
            .fetch_one(&self.pool)
            .await?;
        self.wake();
        Job::read(&row)
    }

    /// A job of a team.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn get(&self, team: &str, id: Uuid) -> Result<Option<Job>, StoreError> {
        let row = sqlx::query(self.dialect.sql(sql::GET))
            .bind(id.to_string())
            .bind(team)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(Job::read).transpose()
    }

    /// The jobs of a team, newest first: at most `limit` of those behind the job `after`, with this status. Without
    /// their outputs: [`get`](Self::get) has them.
    ///
    /// The order is that of acceptance, so jobs of the same moment keep their places, and a page never repeats a job of
    /// the page before.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn list(
        &self,
        team: &str,
        limit: usize,
        after: Option<Uuid>,
        status: Option<&str>,
    ) -> Result<Vec<Job>, StoreError> {
        let rows = sqlx::query(self.dialect.sql(sql::LIST))
            .bind(team)
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(status.unwrap_or_default())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(Job::read).collect()
    }

    /// How many jobs there are of each status, those of all teams together.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn counts(&self) -> Result<Vec<(Status, u64)>, StoreError> {
        let mut counts = Status::ALL.map(|status| (status, 0)).to_vec();
        let rows = sqlx::query(self.dialect.sql(sql::COUNT))
            .fetch_all(&self.pool)
            .await?;
        for row in rows {
            let status = Status::read(&row.try_get::<String, _>("status")?)?;
            let jobs = u64::try_from(row.try_get::<i64, _>("jobs")?).unwrap_or_default();
            for count in counts.iter_mut().filter(|count| count.0 == status) {
                count.1 = jobs;
            }
        }
        Ok(counts)
    }

    /// Ends a job of a team before its time. `false` where there is none, or it has ended already. A worker that is at
    /// it stops when it next renews its lease.
    ///
    /// # Errors
    ///
    /// Where the database cannot be written to.
    pub async fn cancel(&self, team: &str, id: Uuid) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query(self.dialect.sql(sql::CANCEL))
            .bind(id.to_string())
            .bind(team)
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(row) = row else {
            return Ok(false);
        };
        let request = job::request(&row.try_get::<String, _>("request")?)?;
        deliveries::add(self.dialect, &mut transaction, id, &request).await?;
        transaction.commit().await?;
        self.due.notify_one();
        Ok(true)
    }

    /// Deletes the outputs of jobs that ended 24 h before `now`, and says how many. The jobs stay.
    ///
    /// # Errors
    ///
    /// Where the database cannot be written to.
    pub async fn expire_outputs(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let done = sqlx::query(self.dialect.sql(sql::EXPIRE))
            .bind((now - OUTPUT_KEPT).timestamp_millis())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }
}
