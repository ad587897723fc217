//! Deletion of old outputs, jobs and streams.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::database::Write;
use super::queue::as_millis;
use super::{Store, StoreError, sql};

/// Maximum number of rows that one transaction changes, so that the sweep of a large database does not block others.
const BATCH: i64 = 100;

impl Store {
    /// Deletes the outputs of jobs that ended at least `age` ago, by the clock of the database. Outputs of pending
    /// webhooks stay. Returns how many were deleted.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be written to.
    pub async fn expire_outputs(&self, age: Duration) -> Result<u64, StoreError> {
        self.sweep(sql::EXPIRE_OUTPUTS, age).await
    }

    /// Deletes the jobs that ended at least `age` ago, by the clock of the database. Jobs with pending webhooks stay.
    /// Returns how many were deleted.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be written to.
    pub async fn delete_jobs(&self, age: Duration) -> Result<u64, StoreError> {
        self.sweep(sql::DELETE_JOBS, age).await
    }

    /// Deletes the live streams that ended at least `age` ago, by the clock of the database. Returns how many were deleted.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be written to.
    pub async fn delete_streams(&self, age: Duration) -> Result<u64, StoreError> {
        self.sweep(sql::DELETE_STREAMS, age).await
    }

    async fn sweep(&self, statement: Write, age: Duration) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let sweep = self.database.statement(statement);
            let swept = self.database.write(sweep.bind(as_millis(age)).bind(BATCH));
            let swept = swept.await?;
            total += swept;
            if swept > 0 {
                self.note_deletion();
            }
            if swept < BATCH.unsigned_abs() {
                return Ok(total);
            }
        }
    }

    /// Removes deleted data from the write-ahead log of SQLite, if something was deleted since the last time. Does
    /// nothing while another process is using the log. PostgreSQL removes deleted data by itself (`VACUUM`).
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be written to.
    pub async fn purge(&self) -> Result<(), StoreError> {
        if !self.has_deleted.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let result = self.database.truncate_log().await;
        if !matches!(result, Ok(true)) {
            self.note_deletion();
        }
        result.map(drop)
    }
}
