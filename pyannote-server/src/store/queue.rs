//! Store operations of the workers: claim a job, renew its lease, finish it.

use std::time::Duration;

use serde_json::json;
use sqlx::Row;
use uuid::Uuid;

use super::database::Write;
use super::deliveries::NewDelivery;
use super::outputs::PART_BYTES;
use super::{Job, Status, Store, StoreError, deliveries, job, outputs, sql};
use crate::engine::JobOutput;

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
pub(crate) type Outcome = Result<JobOutput, String>;

impl Store {
    /// Claims the oldest job that is waiting, or whose lease has expired. Claims none while they are
    /// [held](Self::hold_claims).
    #[cfg(test)]
    pub(crate) async fn claim(&self, lease: Duration) -> Result<Option<Claim>, StoreError> {
        self.claim_up_to(lease, Duration::MAX).await
    }

    /// As [`claim`](Self::claim), but skips jobs whose recording is known to be longer than `max_audio`.
    pub(crate) async fn claim_up_to(
        &self,
        lease: Duration,
        max_audio: Duration,
    ) -> Result<Option<Claim>, StoreError> {
        let max_audio_ms = as_millis(max_audio);
        let can_claim = self.database.select(sql::CAN_CLAIM);
        let can_claim = can_claim.bind(MAX_ATTEMPTS).bind(max_audio_ms);
        if self.are_claims_held() || self.database.first(can_claim).await?.is_none() {
            return Ok(None);
        }
        let token = Uuid::new_v4().to_string();
        let claim = self.database.statement(sql::CLAIM);
        let claim = claim
            .bind(&*token)
            .bind(as_millis(lease))
            .bind(MAX_ATTEMPTS)
            .bind(max_audio_ms);
        let row = self.database.write_returning(claim).await?;
        let Some(row) = row else { return Ok(None) };
        let job = Job::from_row(&row)?;
        Ok(Some(Claim { job, token }))
    }

    /// Extends the lease to `lease` from now. Returns `false` if the job is no longer claimed.
    pub(crate) async fn renew(&self, claim: &Claim, lease: Duration) -> Result<bool, StoreError> {
        let renew = self.database.statement(sql::RENEW);
        let renew = renew
            .bind(as_millis(lease))
            .bind(claim.job.id.to_string())
            .bind(&*claim.token);
        Ok(self.database.write(renew).await? == 1)
    }

    /// Returns the job to the queue, without counting the attempt.
    pub(crate) async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.release_with(sql::RELEASE, claim).await?;
        self.notify_job_queued();
        Ok(())
    }

    /// Returns the job to the queue, without counting the attempt, because other long jobs come first. Records the
    /// duration of its recording.
    pub(crate) async fn put_back(&self, claim: &Claim, audio: Duration) -> Result<(), StoreError> {
        let put_back = self.database.statement(sql::PUT_BACK);
        let put_back = put_back
            .bind(claim.job.id.to_string())
            .bind(&*claim.token)
            .bind(as_millis(audio));
        self.database.write(put_back).await?;
        Ok(())
    }

    /// Returns the job to the queue when its lease expires, without counting the attempt: the engine is still running.
    pub(crate) async fn release_after_lease(&self, claim: &Claim) -> Result<(), StoreError> {
        self.release_with(sql::RELEASE_AFTER_LEASE, claim).await
    }

    async fn release_with(&self, statement: Write, claim: &Claim) -> Result<(), StoreError> {
        let release = self.database.statement(statement);
        let release = release.bind(claim.job.id.to_string()).bind(&*claim.token);
        self.database.write(release).await?;
        Ok(())
    }

    /// Ends the job and queues its webhook, atomically. Returns `false`, and writes nothing, if the job is no longer
    /// claimed.
    pub(crate) async fn finish(
        &self,
        claim: &Claim,
        outcome: &Outcome,
    ) -> Result<bool, StoreError> {
        let error;
        let (status, output) = match outcome {
            Ok(output) => (Status::Succeeded, output.as_json()),
            Err(message) => {
                error = error_output(message);
                (Status::Failed, &*error)
            }
        };
        let (first, rest) = outputs::split(output, PART_BYTES);
        let job = &claim.job;
        let finish = self.database.statement(sql::FINISH);
        let finish = finish
            .bind(status.as_str())
            .bind(first)
            .bind(job.id.to_string())
            .bind(&*claim.token);
        let mut transaction = self.database.begin().await?;
        let is_finished = transaction.execute(finish).await? == 1;
        if is_finished {
            outputs::add_parts(&self.database, &mut transaction, job.id, rest).await?;
            let delivery = NewDelivery::from_request(&job.request);
            deliveries::add(&self.database, &mut transaction, job.id, delivery).await?;
        }
        transaction.commit().await?;
        if is_finished {
            self.note_ended_job(status);
        }
        Ok(is_finished)
    }

    /// Fails the jobs whose lease has expired at the last attempt. Returns how many.
    pub(crate) async fn fail_exhausted(&self) -> Result<usize, StoreError> {
        let exhausted = self.database.select(sql::LIST_EXHAUSTED);
        let rows = self.database.all(exhausted.bind(MAX_ATTEMPTS)).await?;
        let message =
            format!("the server was stopped {MAX_ATTEMPTS} times while processing the job");
        let mut failed = 0;
        for row in rows {
            let id = job::parse_id(&row.try_get::<String, _>("id")?)?;
            let mut transaction = self.database.begin().await?;
            let delivery = deliveries::of_job(&self.database, &mut transaction, id).await?;
            let fail = self.database.statement(sql::FAIL_EXHAUSTED);
            let fail = fail
                .bind(error_output(&message))
                .bind(id.to_string())
                .bind(MAX_ATTEMPTS);
            // Another process may have failed it first.
            let is_failed = transaction.execute(fail).await? == 1;
            if is_failed {
                deliveries::add(&self.database, &mut transaction, id, delivery).await?;
                failed += 1;
            }
            transaction.commit().await?;
            if is_failed {
                tracing::warn!(job = %id, error = message, "the job failed");
                self.note_ended_job(Status::Failed);
            }
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
