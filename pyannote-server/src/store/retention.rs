//! Deletion of old outputs, jobs and streams.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::Row;
use tokio::time::{Instant, sleep, timeout};

use super::database::Write;
use super::queue::as_millis;
use super::{Store, StoreError, sql};

/// Maximum number of rows that one transaction changes: SQLite has one writer at a time, for which others wait.
const BATCH: i64 = 100;

/// Maximum number of parts of outputs that one transaction deletes: 8 MiB, which SQLite overwrites.
const PARTS_BATCH: i64 = 8;

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
        let expired = self.sweep(sql::EXPIRE_OUTPUTS, PARTS_BATCH, age).await?;
        // Without its first part, an output cannot be read. The others are deleted also if the process was stopped here.
        let unused = self.database.select(sql::LIST_UNUSED_PARTS);
        for row in self.database.all(unused).await? {
            let job: String = row.try_get("job_id")?;
            self.repeat(PARTS_BATCH, || self.delete_parts(&job)).await?;
        }
        Ok(expired)
    }

    /// Deletes the jobs that ended at least `age` ago, by the clock of the database. Jobs with pending webhooks stay.
    /// Returns how many were deleted.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be written to.
    pub async fn delete_jobs(&self, age: Duration) -> Result<u64, StoreError> {
        // A row without output is small.
        self.expire_outputs(age).await?;
        self.sweep(sql::DELETE_JOBS, BATCH, age).await
    }

    /// Deletes the live streams that ended at least `age` ago, by the clock of the database. Returns how many were deleted.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be written to.
    pub async fn delete_streams(&self, age: Duration) -> Result<u64, StoreError> {
        self.sweep(sql::DELETE_STREAMS, BATCH, age).await
    }

    /// Runs a statement for one batch after another. Returns the number of rows.
    async fn sweep(&self, statement: Write, batch: i64, age: Duration) -> Result<u64, StoreError> {
        self.repeat(batch, || self.sweep_batch(statement, batch, age))
            .await
    }

    async fn sweep_batch(
        &self,
        statement: Write,
        batch: i64,
        age: Duration,
    ) -> Result<u64, StoreError> {
        let sweep = self.database.statement(statement);
        let sweep = sweep.bind(as_millis(age)).bind(batch);
        self.database.write(sweep).await
    }

    /// Deletes a batch of the parts of a job's output. Returns how many.
    async fn delete_parts(&self, job: &str) -> Result<u64, StoreError> {
        let delete = self.database.statement(sql::DELETE_PARTS);
        let delete = delete.bind(job.to_owned()).bind(PARTS_BATCH);
        self.database.write(delete).await
    }

    /// Deletes batches until one is not full. Returns the number of rows.
    async fn repeat<F>(&self, batch: i64, delete: impl Fn() -> F) -> Result<u64, StoreError>
    where
        F: Future<Output = Result<u64, StoreError>>,
    {
        let mut total = 0;
        loop {
            let start = Instant::now();
            let deleted = delete().await?;
            total += deleted;
            if deleted > 0 {
                self.note_deletion();
            }
            if deleted < batch.unsigned_abs() {
                return Ok(total);
            }
            // Others that wait for SQLite look only from time to time whether it is free.
            sleep(start.elapsed()).await;
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

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::engine::JobKind;

    /// Creates a job with an output of `parts` parts after the first one. Returns its id.
    async fn ended_job(store: &Store, parts: usize) -> String {
        let created = store.create("ada", JobKind::Diarize, Map::new()).await;
        let id = created.unwrap().id.to_string();
        let claim = store.claim(Duration::from_secs(60)).await.unwrap();
        let output = json!({ "text": "a" }).into();
        let claim = claim.unwrap();
        assert!(store.finish(&claim, &Ok(output)).await.unwrap());
        for part in 1..=parts {
            let add = store.database.statement(sql::ADD_OUTPUT_PART);
            let add = add.bind(id.clone()).bind(part as i64).bind("a");
            store.database.write(add).await.unwrap();
        }
        id
    }

    async fn count(store: &Store, table: &'static str) -> i64 {
        let row = sqlx::query(table).fetch_one(store.database.pool());
        row.await.unwrap().get(0)
    }

    #[tokio::test]
    async fn outputs_are_deleted_in_small_transactions() {
        const PARTS: &str = "SELECT COUNT(*) FROM output_parts";
        const OUTPUTS: &str = "SELECT COUNT(*) FROM jobs WHERE output IS NOT NULL";

        let store = Store::temporary().await.unwrap();
        let large = ended_job(&store, 20).await;
        for _ in 0..9 {
            ended_job(&store, 1).await;
        }
        let expire = sql::EXPIRE_OUTPUTS;
        let expire = async || store.sweep_batch(expire, PARTS_BATCH, Duration::ZERO).await;
        assert_eq!(expire().await.unwrap(), 8);
        assert_eq!(store.delete_parts(&large).await.unwrap(), 8);
        assert_eq!(
            (count(&store, OUTPUTS).await, count(&store, PARTS).await),
            (2, 21)
        );
        // The process may have been stopped at this point.
        assert_eq!(store.expire_outputs(Duration::ZERO).await.unwrap(), 2);
        assert_eq!(
            (count(&store, OUTPUTS).await, count(&store, PARTS).await),
            (0, 0)
        );
    }

    #[tokio::test]
    async fn jobs_are_deleted_without_their_outputs() {
        let store = Store::temporary().await.unwrap();
        ended_job(&store, 20).await;
        let delete = async || {
            store
                .sweep_batch(sql::DELETE_JOBS, BATCH, Duration::ZERO)
                .await
        };
        assert_eq!(delete().await.unwrap(), 0);
        assert_eq!(store.delete_jobs(Duration::ZERO).await.unwrap(), 1);
        let parts = "SELECT COUNT(*) FROM output_parts";
        assert_eq!(count(&store, parts).await, 0);
    }

    #[tokio::test]
    async fn outputs_of_other_jobs_stay() {
        let store = Store::temporary().await.unwrap();
        let id = ended_job(&store, 3).await;
        let request: Map<String, Value> =
            serde_json::from_value(json!({ "webhook": "https://example.com" })).unwrap();
        store
            .create("ada", JobKind::Diarize, request)
            .await
            .unwrap();
        let claim = store.claim(Duration::from_secs(60)).await.unwrap().unwrap();
        let output = json!({ "text": "a".repeat(super::super::outputs::PART_BYTES) });
        assert!(store.finish(&claim, &Ok(output.into())).await.unwrap());
        assert_eq!(
            store.expire_outputs(Duration::from_secs(60)).await.unwrap(),
            0
        );
        let parts = "SELECT COUNT(*) FROM output_parts";
        assert_eq!(count(&store, parts).await, 4);
        assert_eq!(store.expire_outputs(Duration::ZERO).await.unwrap(), 1);
        assert_eq!(count(&store, parts).await, 1);
        assert_eq!(store.delete_parts(&id).await.unwrap(), 0);
    }
}
