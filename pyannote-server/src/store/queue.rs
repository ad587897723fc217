//! Store operations of the workers: claim a job, renew its lease, finish it.

use std::time::Duration;

use serde_json::json;
use sqlx::Row;
use uuid::Uuid;

use super::claim_filter::{ClaimFilter, Sources};
use super::deliveries::NewDelivery;
use super::outputs::PART_BYTES;
use super::{Job, Status, Store, StoreError, deliveries, job, outputs, sql};
use crate::engine::JobOutput;
use crate::error::Chain;

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

/// How a job is returned to the queue.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Return {
    /// When it may be claimed again.
    pub(crate) after: ReturnAfter,
    /// Duration of its recording, if it was learned.
    pub(crate) audio: Option<Duration>,
    /// What has failed, if that is why.
    pub(crate) failure: Option<LoadFailure>,
}

/// When a job that was returned to the queue may be claimed again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ReturnAfter {
    /// After this time.
    Delay(Duration),
    /// When its lease expires: the engine is still running.
    Lease,
}

impl Default for ReturnAfter {
    fn default() -> Self {
        Self::Delay(Duration::ZERO)
    }
}

/// Why loading a recording failed, in a way that may be temporary.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LoadFailure {
    /// Its host has failed.
    Fetch,
    /// This machine, or the storage of uploaded media, has failed.
    Storage,
}

impl Store {
    /// Claims the oldest job that is waiting, or whose lease has expired. Claims none while they are
    /// [held](Self::hold_claims).
    #[cfg(test)]
    pub(crate) async fn claim(&self, lease: Duration) -> Result<Option<Claim>, StoreError> {
        self.claim_with(lease, &ClaimFilter::default()).await
    }

    /// As [`claim`](Self::claim), but only a job that the filter lets pass.
    pub(crate) async fn claim_with(
        &self,
        lease: Duration,
        filter: &ClaimFilter,
    ) -> Result<Option<Claim>, StoreError> {
        let (statements, busy) = match &filter.sources {
            Sources::Any => (sql::CLAIM, None),
            Sources::Stored => (sql::CLAIM_STORED, None),
            Sources::Remote(busy) => (sql::CLAIM_REMOTE, Some(busy.to_text())),
        };
        let max_audio_ms = as_millis(filter.max_audio);
        let can_claim = self.database.select(statements.can_claim);
        let mut can_claim = can_claim.bind(MAX_ATTEMPTS).bind(max_audio_ms);
        if let Some(busy) = &busy {
            can_claim = can_claim.bind(busy.clone());
        }
        if self.are_claims_held() || self.database.first(can_claim).await?.is_none() {
            return Ok(None);
        }
        let token = Uuid::new_v4().to_string();
        let claim = self.database.statement(statements.claim);
        let mut claim = claim
            .bind(MAX_ATTEMPTS)
            .bind(max_audio_ms)
            .bind(&*token)
            .bind(as_millis(lease));
        if let Some(busy) = busy {
            claim = claim.bind(busy);
        }
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

    /// Returns the job to the queue, unless another worker has claimed it since, and does not count the attempt.
    pub(crate) async fn give_back(&self, claim: &Claim, how: &Return) -> Result<(), StoreError> {
        let after_ms = match how.after {
            ReturnAfter::Delay(delay) => as_millis(delay),
            ReturnAfter::Lease => -1,
        };
        let count = |failure| i64::from(how.failure == Some(failure));
        let give_back = self.database.statement(sql::RETURN);
        let give_back = give_back
            .bind(claim.job.id.to_string())
            .bind(&*claim.token)
            .bind(after_ms)
            .bind(how.audio.map_or(-1, as_millis))
            .bind(count(LoadFailure::Fetch))
            .bind(count(LoadFailure::Storage));
        self.database.write(give_back).await?;
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

    /// Fails the jobs whose lease has expired at the last attempt. Returns how many. A job that cannot be failed, for
    /// example because its row is invalid, does not keep the others from it: the error is logged.
    pub(crate) async fn fail_exhausted(&self) -> Result<usize, StoreError> {
        let exhausted = self.database.select(sql::LIST_EXHAUSTED);
        let rows = self.database.all(exhausted.bind(MAX_ATTEMPTS)).await?;
        let mut failed = 0;
        for row in rows {
            let id = row.try_get::<String, _>("id")?;
            match self.fail_exhausted_job(&id).await {
                Ok(is_failed) => failed += usize::from(is_failed),
                Err(error) => {
                    let error = Chain(&error);
                    tracing::warn!(job = id, %error, "failed to end a job without attempts left");
                }
            }
        }
        Ok(failed)
    }

    /// Returns `false` if another process has failed the job first.
    async fn fail_exhausted_job(&self, id: &str) -> Result<bool, StoreError> {
        let id = job::parse_id(id)?;
        let message =
            format!("the server was stopped {MAX_ATTEMPTS} times while processing the job");
        let mut transaction = self.database.begin().await?;
        let delivery = deliveries::of_job(&self.database, &mut transaction, id).await?;
        let fail = self.database.statement(sql::FAIL_EXHAUSTED);
        let fail = fail
            .bind(error_output(&message))
            .bind(id.to_string())
            .bind(MAX_ATTEMPTS);
        let is_failed = transaction.execute(fail).await? == 1;
        if is_failed {
            deliveries::add(&self.database, &mut transaction, id, delivery).await?;
        }
        transaction.commit().await?;
        if is_failed {
            tracing::warn!(job = %id, error = message, "the job failed");
            self.note_ended_job(Status::Failed);
        }
        Ok(is_failed)
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
