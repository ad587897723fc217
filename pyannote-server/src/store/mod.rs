//! Where jobs are kept: one SQLite file, or PostgreSQL (feature `postgres`) where several machines work together.
//!
//! The job's row is its place in the queue as well. So a job is accepted and queued by one `INSERT`, both or neither,
//! and a kill at any moment leaves no job outside the queue.
//!
//! # The queue
//!
//! A worker claims the oldest job with one statement, which writes a token of this claim (`claimed_by`) and a lease
//! (`lease_until`) into the row. It renews the lease while it works. A job whose lease ran out is claimed again.
//! Every later write names the token, so a worker that lost its claim can write nothing. Leases are measured by the
//! clock of the database, so machines need not agree on the time.
//!
//! # Why not apalis
//!
//! `apalis` with `apalis-sqlite` and `apalis-postgres` 1.0 was looked at first. Creating the job and its task in one
//! transaction works there (`push_tasks` takes any executor). These do not:
//!
//! - Its heartbeat belongs to the worker and not to the task. A worker that missed it is not told: its tasks are queued
//!   anew (`reenqueue_orphaned.sql`) while they go on running, and its next heartbeat succeeds. A job would then run
//!   twice at once.
//! - Its lock does not ask who holds the task: `lock.sql` (`lock_by_id.sql` on PostgreSQL) sets `lock_by` wherever the
//!   status is still `Queued`. So a worker that stalled between fetching and locking takes a task which another has
//!   fetched since.
//! - A `Pending` task is fetched however many attempts it had, and an orphan is `Pending` again. A job that kills the
//!   server would kill it after every restart.
//! - Its own tables would hold each job's state a second time, to be kept in step.
//!
//! Guarding against these takes a lease and a token in the job's row, which is all that this queue is.

mod deliveries;
mod dialect;
mod error;
mod job;
mod jobs;
mod open;
mod queue;
mod schema;
mod sql;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sqlx::AnyPool;
use tempfile::TempDir;
use tokio::sync::Notify;

pub(crate) use deliveries::Delivery;
pub use error::StoreError;
pub use job::Job;
pub(crate) use queue::{Claim, Outcome};
pub use status::Status;

use dialect::Dialect;

/// The store. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    pool: AnyPool,
    dialect: Dialect,
    /// Wakes workers of this process at once. Those of others poll.
    queued: Arc<Notify>,
    /// Wakes the sender of webhooks of this process at once.
    due: Arc<Notify>,
    /// Of a store for tests: its folder, which goes with the last clone.
    _folder: Option<Arc<TempDir>>,
}

impl Store {
    /// Ends when a job may have been queued in this process.
    pub(crate) async fn queued(&self) {
        self.queued.notified().await;
    }

    /// Wakes one more worker: there may be another job behind the one that was claimed.
    pub(crate) fn wake(&self) {
        self.queued.notify_one();
    }

    /// Ends when a webhook may have become due in this process.
    pub(crate) async fn due(&self) {
        self.due.notified().await;
    }
}
