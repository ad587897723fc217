//! Store of jobs and live streams: an SQLite file, or PostgreSQL (feature `postgres`) for workers on several machines.
//!
//! A job's row is also its place in the queue. So one `INSERT` accepts and queues a job atomically, and a server that
//! is killed at any moment leaves no job outside the queue.
//!
//! # The queue
//!
//! A worker claims the oldest job with one statement, which writes a token of this claim (`claimed_by`) and a lease
//! (`lease_until`) into the row. It renews the lease while it processes the job. A job whose lease has expired is
//! claimed again. Every later write requires the token, so that a worker that has lost its claim cannot write anything.
//! Leases are measured by the database's clock, so that the clocks of the machines need not agree.
//!
//! A claim counts as an attempt of the job, and a job has three: one that brings down its worker, for example because it
//! needs more memory than there is, must not do so forever. So the claim itself counts it, before any work begins, and
//! whatever ends the claim while the process lives takes it back: a shutdown, a recording that cannot be fetched yet, a
//! place that longer jobs must leave, and a lease that was lost because the database was out of reach, even if another
//! worker has claimed the job since. What remains are the claims whose process died.
//!
//! A job that was returned to the queue waits as a new one does, and has its status. Jobs whose recordings were uploaded,
//! and those whose recordings are fetched from other hosts, have a queue each, so that neither waits behind the other.
//!
//! # Live streams
//!
//! A stream is bound to its connection: no other server can go on with it. Its row has a lease like that of a job, but a
//! stream whose lease has expired has failed. The token of its URL is stored as a hash, which is deleted when it is used.
//!
//! # Writes
//!
//! All statements go through `database.rs`, which reports success only after the commit was checked: a job is accepted,
//! processed or finished, and a webhook sent, only then.
//!
//! # Outputs
//!
//! An output is stored as the text that the engine returned, and is sent as stored, without parsing it. Large ones are
//! stored in parts, so that no response needs all of one in memory.
//!
//! # Secrets
//!
//! Requests contain voiceprints and secret URLs. The statement that ends a job also clears its request. SQLite
//! overwrites deleted data with zeros (`secure_delete`), and `retention.rs` truncates the write-ahead log.
//!
//! The secret that signs the URLs of uploaded media is in the database, so that they are valid after a restart, and on
//! all servers that share it (`secrets.rs`).
//!
//! # Why not apalis
//!
//! [`apalis`](https://docs.rs/apalis) 1.0 with `apalis-sqlite` and `apalis-postgres` can create a job and its task in
//! one transaction (`push_tasks` takes any executor), but does not fit for these reasons:
//!
//! - Heartbeats are per worker, not per task. The tasks of a worker that missed its heartbeat are queued again
//!   (`reenqueue_orphaned.sql`) while they are still running; the worker is not informed, and its next heartbeat
//!   succeeds. So a job would run twice at the same time.
//! - Locking does not check who holds the task: `lock.sql` (`lock_by_id.sql` on PostgreSQL) sets `lock_by` whenever the
//!   status is still `Queued`. So a worker that stalled between fetching and locking takes a task that another worker
//!   has fetched since.
//! - A `Pending` task is fetched no matter how many attempts it had, and an orphaned task becomes `Pending` again. So a
//!   job that crashes the server would crash it after every restart.
//! - Its tables would duplicate the state of each job, which would have to be kept in sync.
//!
//! Guarding against these needs a lease and a token in the job's row, which is all that this queue consists of.

mod cancel;
mod claim_filter;
mod claim_hold;
mod database;
mod deliveries;
mod dialect;
mod ended_jobs;
mod error;
mod first_connection;
mod job;
mod jobs;
mod migrations;
mod open;
mod outputs;
#[cfg(test)]
mod plan_tests;
mod processes;
mod queue;
mod retention;
mod secrets;
mod sql;
mod status;
mod stream;
mod streams;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;
use tokio::sync::{Notify, watch};

pub use cancel::Cancellation;
pub(crate) use claim_filter::{Busy, ClaimFilter, Sources, remote_host};
pub(crate) use deliveries::Delivery;
pub(crate) use ended_jobs::EndedJobs;
pub use error::StoreError;
pub(crate) use job::JobResult;
pub use job::{Job, ListedJob};
pub(crate) use jobs::QueueAges;
pub(crate) use outputs::json_before_output;
pub(crate) use queue::{Claim, LoadFailure, Outcome, Return, ReturnAfter};
pub use status::Status;
pub use stream::{Stream, StreamStatus};
pub(crate) use streams::StreamClaim;

use claim_hold::Holds;
use database::Database;

/// Job store. Clones share it.
///
/// ```
/// use pyannote_server::engine::JobKind;
/// use pyannote_server::store::{Status, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pyannote_server::store::StoreError> {
/// let store = Store::temporary().await?;
/// let job = store.create("local", JobKind::Diarize, Default::default()).await?;
/// assert_eq!(job.status, Status::Created);
/// assert!(store.cancel("local", job.id).await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    /// Wakes the workers of this process. Other processes poll.
    job_queued: Arc<Notify>,
    /// Wakes the webhook delivery loop of this process. Other processes poll.
    delivery_due: Arc<Notify>,
    /// Wakes the workers of this process after a job was canceled. Other processes notice it when they renew a lease.
    cancellations: watch::Sender<()>,
    claim_holds: Holds,
    ended_jobs: EndedJobs,
    /// Whether the write-ahead log may still contain data that were deleted.
    has_deleted: Arc<AtomicBool>,
    /// Directory of a temporary store, deleted with the last clone.
    _temp_dir: Option<Arc<TempDir>>,
}

impl Store {
    /// Waits until a job may have been queued by this process.
    pub(crate) async fn job_queued(&self) {
        self.job_queued.notified().await;
    }

    /// Wakes one worker of this process.
    pub(crate) fn notify_job_queued(&self) {
        self.job_queued.notify_one();
    }

    /// Notices jobs that are canceled by this process from now on.
    pub(crate) fn cancellations(&self) -> watch::Receiver<()> {
        self.cancellations.subscribe()
    }

    /// Waits until a webhook may have become due by this process.
    pub(crate) async fn delivery_due(&self) {
        self.delivery_due.notified().await;
    }

    /// Wakes the webhook delivery loop of this process.
    fn notify_delivery_due(&self) {
        self.delivery_due.notify_one();
    }

    /// Counts of the jobs that this process has ended.
    pub(crate) fn ended_jobs(&self) -> &EndedJobs {
        &self.ended_jobs
    }

    /// Keeps all other connections, also those of other processes, from writing until the result is dropped.
    #[cfg(test)]
    pub(crate) async fn block_writes(&self) -> impl Drop + use<> {
        self.database.begin().await.unwrap()
    }

    /// After this process has ended a job: it counts, its webhook is due, and its request was deleted.
    fn note_ended_job(&self, status: Status) {
        self.ended_jobs.count(status);
        self.notify_delivery_due();
        self.note_deletion();
    }

    /// Notes that the write-ahead log contains data that were deleted.
    pub(crate) fn note_deletion(&self) {
        self.has_deleted.store(true, Ordering::Relaxed);
    }
}
