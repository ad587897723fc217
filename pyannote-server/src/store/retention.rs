//! Deletion of old outputs, jobs and streams.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;

use super::database::Write;
use super::queue::as_millis;
use super::{Store, StoreError, sql};

/// Maximum number of rows that one transaction changes, so that the sweep of a large database does not block others.
const BATCH: i64 = 100;

/// How long [`Store::close`] waits.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

impl Store {
    /// Deletes the outputs of jobs that ended at least `age` ago, by the clock of the database. Outputs of pending
    /// webhooks stay. Returns how many were deleted.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be written to.
    pub async fn expire_outputs(&self, age: Duration) -> Result<u64, StoreError> {
        self.sweep(sql::EXPIRE_OUTPUTS, Some(sql::DELETE_OUTPUT_PARTS), age)
            .await
    }

    /// Deletes the jobs that ended at least `age` ago, by the clock of the database. Jobs with pending webhooks stay.
    /// Returns how many were deleted.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be written to.
    pub async fn delete_jobs(&self, age: Duration) -> Result<u64, StoreError> {
        self.sweep(sql::DELETE_JOBS, None, age).await
    }

    /// Deletes the live streams that ended at least `age` ago, by the clock of the database. Returns how many were deleted.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be written to.
    pub async fn delete_streams(&self, age: Duration) -> Result<u64, StoreError> {
        self.sweep(sql::DELETE_STREAMS, None, age).await
    }

    /// Runs a statement for one batch after another, and `then` after each, in the same transaction.
    async fn sweep(
        &self,
        statement: Write,
        then: Option<Write>,
        age: Duration,
    ) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let mut transaction = self.database.begin().await?;
            let sweep = self.database.statement(statement);
            let sweep = sweep.bind(as_millis(age)).bind(BATCH);
            let swept = transaction.execute(sweep).await?;
            if let Some(then) = then.filter(|_| swept > 0) {
                transaction.execute(self.database.statement(then)).await?;
            }
            transaction.commit().await?;
            total += swept;
            if swept > 0 {
                self.note_deletion();
            }
            if swept < BATCH.unsigned_abs() {
                return Ok(total);
            }
        }
    }

    /// Closes the store, for all of its clones. SQLite then deletes its write-ahead log, unless another process uses it: the
    /// file has all data. Waits 5 s at most for statements that are still running.
    ///
    /// ```
    /// use pyannote_server::store::Store;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let folder = tempfile::tempdir()?;
    /// let store = Store::open(folder.path().join("jobs.sqlite")).await?;
    /// store.close().await;
    /// assert!(!folder.path().join("jobs.sqlite-wal").exists());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn close(&self) {
        if timeout(CLOSE_TIMEOUT, self.database.close()).await.is_err() {
            tracing::warn!("the database is still in use; its log remains until the next start");
        }
    }

    /// Moves the write-ahead log of SQLite into the database file, even if nothing was deleted. Otherwise like
    /// [`purge`](Self::purge).
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        self.note_deletion();
        self.purge().await
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
