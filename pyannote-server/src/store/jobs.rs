//! Store operations of the API: create, read, list and cancel jobs.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use sqlx::Row;
use uuid::Uuid;

use super::{Job, Status, Store, StoreError, deliveries, job, sql};
use crate::engine::JobKind;

/// How long the output of a job that has ended is kept.
const OUTPUT_RETENTION: TimeDelta = TimeDelta::hours(24);

impl Store {
    /// Stores a new job and queues it, atomically.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be written to. The job is then not accepted.
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
        self.notify_job_queued();
        Job::from_row(&row)
    }

    /// Returns a job of a team.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be read.
    pub async fn get(&self, team: &str, id: Uuid) -> Result<Option<Job>, StoreError> {
        let row = sqlx::query(self.dialect.sql(sql::GET))
            .bind(id.to_string())
            .bind(team)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(Job::from_row).transpose()
    }

    /// Lists the jobs of a team, newest first: at most `limit` of those older than the job `after`, with the given
    /// status. The jobs have no outputs: [`get`](Self::get) returns them.
    ///
    /// Jobs are in the order in which they were accepted, even within the same millisecond, so no job is on two pages.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be read.
    pub async fn list(
        &self,
        team: &str,
        limit: usize,
        after: Option<Uuid>,
        status: Option<&str>,
    ) -> Result<Vec<Job>, StoreError> {
        let rows = sqlx::query(self.dialect.sql(sql::LIST))
            .bind(team)
            .bind(after.map_or(String::new(), |id| id.to_string()))
            .bind(status.unwrap_or(""))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(Job::from_row).collect()
    }

    /// Counts the jobs of all teams, by status.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be read.
    pub async fn counts(&self) -> Result<Vec<(Status, u64)>, StoreError> {
        let mut counts = Status::ALL.map(|status| (status, 0)).to_vec();
        let rows = sqlx::query(self.dialect.sql(sql::COUNT))
            .fetch_all(&self.pool)
            .await?;
        for row in rows {
            let status = Status::parse(&row.try_get::<String, _>("status")?)?;
            let jobs = row.try_get::<i64, _>("jobs")?.unsigned_abs();
            for count in counts.iter_mut().filter(|count| count.0 == status) {
                count.1 = jobs;
            }
        }
        Ok(counts)
    }

    /// Cancels a job of a team. Returns `false` if there is no such job, or it has ended. A worker that is processing
    /// the job stops when it next renews its lease.
    ///
    /// The API has no operation for this: it is for programs that embed the server.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be written to.
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
        let request = job::parse_request(&row.try_get::<String, _>("request")?)?;
        deliveries::add(self.dialect, &mut transaction, id, &request).await?;
        transaction.commit().await?;
        self.notify_delivery_due();
        Ok(true)
    }

    /// Deletes the outputs of jobs that ended at least 24 h before `now`. Returns how many were deleted. The jobs stay.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be written to.
    pub async fn expire_outputs(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let result = sqlx::query(self.dialect.sql(sql::EXPIRE_OUTPUTS))
            .bind((now - OUTPUT_RETENTION).timestamp_millis())
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected())
    }
}
