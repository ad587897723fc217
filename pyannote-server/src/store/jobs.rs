//! Store operations of the API: create, read and list jobs.

use std::time::Duration;

use serde_json::{Map, Value};
use sqlx::Row;
use uuid::Uuid;

use super::outputs::OutputText;
use super::{Job, JobResult, ListedJob, Status, Store, StoreError, remote_host, sql};
use crate::engine::{JobKind, JobOutput};

/// How long the oldest jobs that wait have been waiting.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct QueueAges {
    pub(crate) uploaded: Duration,
    pub(crate) remote: Duration,
}

impl Store {
    /// Stores a new job and queues it, atomically.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be written to, for example because its disk is full. The job is then
    /// not accepted.
    pub async fn create(
        &self,
        team: &str,
        kind: JobKind,
        request: Map<String, Value>,
    ) -> Result<Job, StoreError> {
        let host = remote_host(&request).unwrap_or_default();
        let create = self.database.statement(sql::CREATE);
        let create = create
            .bind(Uuid::new_v4().to_string())
            .bind(team)
            .bind(kind.as_str())
            .bind(Value::Object(request).to_string())
            // The empty text is none.
            .bind(host);
        let row = self.database.write_returning(create).await?;
        self.notify_job_queued();
        Job::from_row(&row.ok_or(sqlx::Error::RowNotFound)?)
    }

    /// Returns a job of a team, with its whole output.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be read.
    pub async fn get(&self, team: &str, id: Uuid) -> Result<Option<Job>, StoreError> {
        let get = self.database.select(sql::GET);
        let get = get.bind(id.to_string()).bind(team);
        let Some(row) = self.database.first(get).await? else {
            return Ok(None);
        };
        let mut job = Job::from_row(&row)?;
        if let Some(output) = OutputText::from_row(&self.database, id, &row)? {
            let output = JobOutput::from_text(output.read_after(String::new()).await?);
            let output = output.map_err(|error| StoreError::invalid_job("output", error))?;
            job.output = Some(output);
        }
        Ok(Some(job))
    }

    /// Returns what the API returns of a job of a team: neither its request, nor more than a part of its output.
    pub(crate) async fn result(
        &self,
        team: &str,
        id: Uuid,
    ) -> Result<Option<JobResult>, StoreError> {
        let get = self.database.select(sql::GET_RESULT);
        let get = get.bind(id.to_string()).bind(team);
        let row = self.database.first(get).await?;
        row.map(|row| JobResult::from_row(&self.database, &row))
            .transpose()
    }

    /// Lists the jobs of a team, newest first: at most `limit` of those older than the job `after`, with the given
    /// status. [`get`](Self::get) returns their requests and outputs.
    ///
    /// Jobs are in the order in which they were accepted, even within the same millisecond, so no job is on two pages. No
    /// job is older than an unknown one.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be read.
    pub async fn list(
        &self,
        team: &str,
        limit: usize,
        after: Option<Uuid>,
        status: Option<&str>,
    ) -> Result<Vec<ListedJob>, StoreError> {
        let mut before = i64::MAX;
        if let Some(after) = after {
            let position = self.database.select(sql::POSITION);
            let position = position.bind(after.to_string()).bind(team);
            match self.database.first(position).await? {
                Some(row) => before = row.try_get("seq")?,
                None => return Ok(Vec::new()),
            }
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let list = |statement| {
            let list = self.database.select(statement);
            list.bind(team).bind(before).bind(limit)
        };
        let list = match status {
            None => list(sql::LIST),
            Some(status) => list(sql::LIST_WITH_STATUS).bind(status),
        };
        let rows = self.database.all(list).await?;
        rows.iter().map(ListedJob::from_row).collect()
    }

    /// Counts the jobs of all teams, by status.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be read.
    pub async fn counts(&self) -> Result<Vec<(Status, u64)>, StoreError> {
        let mut counts = Status::ALL.map(|status| (status, 0)).to_vec();
        let rows = self.database.all(self.database.select(sql::COUNT));
        for row in rows.await? {
            let status = Status::parse(&row.try_get::<String, _>("status")?)?;
            let jobs = row.try_get::<i64, _>("jobs")?.unsigned_abs();
            for count in counts.iter_mut().filter(|count| count.0 == status) {
                count.1 = jobs;
            }
        }
        Ok(counts)
    }

    /// Returns for how long the oldest jobs that wait have been waiting: of those with uploaded recordings, and of those
    /// with recordings of other hosts. Zero if none waits.
    pub(crate) async fn queue_ages(&self) -> Result<QueueAges, StoreError> {
        let age = async |statement| {
            let oldest = self.database.select(statement);
            let Some(row) = self.database.first(oldest).await? else {
                return Ok(Duration::ZERO);
            };
            let age_ms = row.try_get::<i64, _>("age_ms")?;
            Ok::<_, StoreError>(Duration::from_millis(age_ms.max(0).unsigned_abs()))
        };
        Ok(QueueAges {
            uploaded: age(sql::OLDEST_STORED).await?,
            remote: age(sql::OLDEST_REMOTE).await?,
        })
    }
}
