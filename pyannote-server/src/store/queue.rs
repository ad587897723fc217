//! What workers ask of the store: a job to work on, more time, its end.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use super::{Job, Status, Store, StoreError, deliveries, job, sql};

/// How often a job is begun at most. One that kills the server must not kill it for ever.
pub(super) const ATTEMPTS: i64 = 3;

/// A job that this worker holds, until the lease runs out.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) job: Job,
    /// Of this one claim. Whoever takes the job up later has another.
    token: String,
}

/// How a job ended.
pub(crate) type Outcome = Result<Value, String>;

impl Store {
    /// Takes the oldest job that waits, or whose lease ran out.
    pub(crate) async fn claim(&self, lease: Duration) -> Result<Option<Claim>, StoreError> {
        let token = Uuid::new_v4().to_string();
        let row = sqlx::query(self.dialect.sql(sql::CLAIM))
            .bind(&*token)
            .bind(milliseconds(lease))
            .bind(ATTEMPTS)
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let job = Job::read(&row)?;
        Ok(Some(Claim { job, token }))
    }

    /// Holds the job for another `lease` from now on. `false` where it is no longer held.
    pub(crate) async fn renew(&self, claim: &Claim, lease: Duration) -> Result<bool, StoreError> {
        let done = sqlx::query(self.dialect.sql(sql::RENEW))
            .bind(milliseconds(lease))
            .bind(claim.job.id.to_string())
            .bind(&*claim.token)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Leaves the job to whoever comes next.
    pub(crate) async fn give_back(&self, claim: &Claim) -> Result<(), StoreError> {
        sqlx::query(self.dialect.sql(sql::GIVE_BACK))
            .bind(claim.job.id.to_string())
            .bind(&*claim.token)
            .execute(&self.pool)
            .await?;
        self.wake();
        Ok(())
    }

    /// Ends the job, and queues its webhook, both or neither. `false` where it is no longer held: nothing is written.
    pub(crate) async fn finish(
        &self,
        claim: &Claim,
        outcome: &Outcome,
    ) -> Result<bool, StoreError> {
        let (status, output) = match outcome {
            Ok(output) => (Status::Succeeded, output.to_string()),
            Err(reason) => (Status::Failed, failure(reason)),
        };
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query(self.dialect.sql(sql::FINISH))
            .bind(status.as_str())
            .bind(output)
            .bind(claim.job.id.to_string())
            .bind(&*claim.token)
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        deliveries::add(
            self.dialect,
            &mut transaction,
            claim.job.id,
            &claim.job.request,
        )
        .await?;
        transaction.commit().await?;
        self.due.notify_one();
        Ok(true)
    }

    /// Fails the jobs that were begun as often as a job may be, and says how many.
    pub(crate) async fn fail_exhausted(&self) -> Result<usize, StoreError> {
        let rows = sqlx::query(self.dialect.sql(sql::EXHAUSTED))
            .bind(ATTEMPTS)
            .fetch_all(&self.pool)
            .await?;
        let reason = format!("the server was stopped {ATTEMPTS} times while working on it");
        let mut failed = 0;
        for row in rows {
            let id = row.try_get::<String, _>("id")?;
            let mut transaction = self.pool.begin().await?;
            let row = sqlx::query(self.dialect.sql(sql::FAIL_EXHAUSTED))
                .bind(failure(&reason))
                .bind(&*id)
                .bind(ATTEMPTS)
                .fetch_optional(&mut *transaction)
                .await?;
            // Another process may have been first.
            let Some(row) = row else { continue };
            let request = job::request(&row.try_get::<String, _>("request")?)?;
            let id = id
                .parse()
                .map_err(|error| StoreError(format!("the id of a job cannot be read: {error}")))?;
            deliveries::add(self.dialect, &mut transaction, id, &request).await?;
            transaction.commit().await?;
            failed += 1;
            self.due.notify_one();
        }
        Ok(failed)
    }
}

fn failure(reason: &str) -> String {
    json!({ "error": reason }).to_string()
}

pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}
