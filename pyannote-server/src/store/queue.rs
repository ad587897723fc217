//! Store operations of the workers: claim a job, renew its lease, finish it.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use super::{Job, Status, Store, StoreError, deliveries, job, sql};

/// Maximum number of claims of a job, so that a job that crashes the server cannot do so forever.
pub(super) const MAX_ATTEMPTS: i64 = 3;

/// A job that this worker has claimed until its lease expires.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) job: Job,
    /// Identifies this claim. A later claim of the same job has another token.
    token: String,
}

/// Outcome of a job: its output, or an error message.
pub(crate) type Outcome = Result<Value, String>;

impl Store {
    /// Claims the oldest job that is waiting, or whose lease has expired.
    pub(crate) async fn claim(&self, lease: Duration) -> Result<Option<Claim>, StoreError> {
        let token = Uuid::new_v4().to_string();
        let row = sqlx::query(self.dialect.sql(sql::CLAIM))
            .bind(&*token)
            .bind(as_millis(lease))
            .bind(MAX_ATTEMPTS)
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let job = Job::from_row(&row)?;
        Ok(Some(Claim { job, token }))
    }

    /// Extends the lease to `lease` from now. Returns `false` if the job is no longer claimed.
    pub(crate) async fn renew(&self, claim: &Claim, lease: Duration) -> Result<bool, StoreError> {
        let result = sqlx::query(self.dialect.sql(sql::RENEW))
            .bind(as_millis(lease))
            .bind(claim.job.id.to_string())
            .bind(&*claim.token)
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Returns the job to the queue, without counting the attempt.
    pub(crate) async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        sqlx::query(self.dialect.sql(sql::RELEASE))
            .bind(claim.job.id.to_string())
            .bind(&*claim.token)
            .execute(&self.pool)
            .await?;
        self.notify_job_queued();
        Ok(())
    }

    /// Ends the job and queues its webhook, atomically. Returns `false`, and writes nothing, if the job is no longer
    /// claimed.
    pub(crate) async fn finish(
        &self,
        claim: &Claim,
        outcome: &Outcome,
    ) -> Result<bool, StoreError> {
        let (status, output) = match outcome {
            Ok(output) => (Status::Succeeded, output.to_string()),
            Err(message) => (Status::Failed, error_output(message)),
        };
        let job = &claim.job;
        let mut transaction = self.pool.begin().await?;
        let result = sqlx::query(self.dialect.sql(sql::FINISH))
            .bind(status.as_str())
            .bind(output)
            .bind(job.id.to_string())
            .bind(&*claim.token)
            .execute(&mut *transaction)
            .await?;
        if result.rows_affected() == 0 {
            return Ok(false);
        }
        deliveries::add(self.dialect, &mut transaction, job.id, &job.request).await?;
        transaction.commit().await?;
        self.notify_delivery_due();
        Ok(true)
    }

    /// Fails the jobs whose lease has expired at the last attempt. Returns how many.
    pub(crate) async fn fail_exhausted(&self) -> Result<usize, StoreError> {
        let rows = sqlx::query(self.dialect.sql(sql::LIST_EXHAUSTED))
            .bind(MAX_ATTEMPTS)
            .fetch_all(&self.pool)
            .await?;
        let message =
            format!("the server was stopped {MAX_ATTEMPTS} times while processing the job");
        let mut failed = 0;
        for row in rows {
            let id = row.try_get::<String, _>("id")?;
            let mut transaction = self.pool.begin().await?;
            let row = sqlx::query(self.dialect.sql(sql::FAIL_EXHAUSTED))
                .bind(error_output(&message))
                .bind(&*id)
                .bind(MAX_ATTEMPTS)
                .fetch_optional(&mut *transaction)
                .await?;
            // Another process may have failed it first.
            let Some(row) = row else { continue };
            let request = job::parse_request(&row.try_get::<String, _>("request")?)?;
            let id = job::parse_id(&id)?;
            deliveries::add(self.dialect, &mut transaction, id, &request).await?;
            transaction.commit().await?;
            failed += 1;
            self.notify_delivery_due();
        }
        Ok(failed)
    }
}

/// Output of a failed job, as JSON.
fn error_output(message: &str) -> String {
    json!({ "error": message }).to_string()
}

/// A duration in milliseconds, for SQL. Limited so that adding it to a time does not overflow.
pub(super) fn as_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}
