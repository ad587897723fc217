//! Cancellation of jobs.

use sqlx::Row;
use uuid::Uuid;

use super::{Status, Store, StoreError, deliveries, sql};

/// What [`Store::cancel_of_any_team`] has done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cancellation {
    /// The job was canceled.
    Canceled,
    /// The job had ended before, with this status.
    AlreadyEnded(Status),
    /// There is no such job.
    NotFound,
}

impl Store {
    /// Cancels a job of a team. Returns `false` if there is no such job, or it has ended.
    ///
    /// The job has ended when this returns: nothing that a worker does later changes it, and its webhook is due. A worker
    /// of this process stops at once, and one of another process when it next renews its lease, within 5 s.
    ///
    /// The API has no operation for this: it is for programs that embed the server.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be written to.
    pub async fn cancel(&self, team: &str, id: Uuid) -> Result<bool, StoreError> {
        self.cancel_in(Some(team), id).await
    }

    /// Cancels a job of any team, for the operator of the server, as [`cancel`](Self::cancel).
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be written to.
    ///
    /// ```
    /// use pyannote_server::engine::JobKind;
    /// use pyannote_server::store::{Cancellation, Status, Store};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), pyannote_server::store::StoreError> {
    /// let store = Store::temporary().await?;
    /// let job = store.create("local", JobKind::Diarize, Default::default()).await?;
    /// assert_eq!(store.cancel_of_any_team(job.id).await?, Cancellation::Canceled);
    /// let again = store.cancel_of_any_team(job.id).await?;
    /// assert_eq!(again, Cancellation::AlreadyEnded(Status::Canceled));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn cancel_of_any_team(&self, id: Uuid) -> Result<Cancellation, StoreError> {
        if self.cancel_in(None, id).await? {
            return Ok(Cancellation::Canceled);
        }
        let status = self.status(id).await?;
        Ok(status.map_or(Cancellation::NotFound, Cancellation::AlreadyEnded))
    }

    /// Returns the status of a job of any team, if there is such a job.
    pub(crate) async fn status(&self, id: Uuid) -> Result<Option<Status>, StoreError> {
        let status = self.database.select(sql::STATUS).bind(id.to_string());
        let Some(row) = self.database.first(status).await? else {
            return Ok(None);
        };
        Ok(Some(Status::parse(&row.try_get::<String, _>("status")?)?))
    }

    async fn cancel_in(&self, team: Option<&str>, id: Uuid) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        let delivery = deliveries::of_job(&self.database, &mut transaction, id).await?;
        let cancel = self.database.statement(sql::CANCEL);
        let cancel = cancel
            .bind(id.to_string())
            .bind(team.unwrap_or_default())
            .bind(i64::from(team.is_none()));
        let is_canceled = transaction.execute(cancel).await? == 1;
        if is_canceled {
            deliveries::add(&self.database, &mut transaction, id, delivery).await?;
        }
        transaction.commit().await?;
        if is_canceled {
            tracing::info!(job = %id, "the job was canceled");
            self.note_ended_job(Status::Canceled);
            self.cancellations.send_replace(());
        }
        Ok(is_canceled)
    }
}
