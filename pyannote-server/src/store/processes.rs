//! The processes that use a store, and their engines.

use std::time::Duration;

use sqlx::Row;
use uuid::Uuid;

use super::queue::as_millis;
use super::{Store, StoreError, sql};

impl Store {
    /// Records that a process is running, with the name of its engine.
    pub(crate) async fn note_process(&self, id: Uuid, engine: &str) -> Result<(), StoreError> {
        let note = self.database.statement(sql::NOTE_PROCESS);
        self.database
            .write(note.bind(id.to_string()).bind(engine))
            .await?;
        Ok(())
    }

    /// Returns the names of other engines that were recorded within `age`, sorted.
    pub(crate) async fn other_engines(
        &self,
        engine: &str,
        age: Duration,
    ) -> Result<Vec<String>, StoreError> {
        let others = self.database.select(sql::OTHER_ENGINES);
        let others = others.bind(engine).bind(as_millis(age));
        let rows = self.database.all(others).await?;
        let names = rows.iter().map(|row| row.try_get("engine"));
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// Deletes the record of a process, and those that are older than `age`, of processes that were killed.
    pub(crate) async fn forget_process(&self, id: Uuid, age: Duration) -> Result<(), StoreError> {
        let forget = self.database.statement(sql::FORGET_PROCESS);
        self.database
            .write(forget.bind(id.to_string()).bind(as_millis(age)))
            .await?;
        Ok(())
    }
}
