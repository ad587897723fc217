//! A stored job, and how it is read from its row.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::database::Database;
use super::outputs::OutputText;
use super::{Status, StoreError};
use crate::engine::{JobKind, JobOutput};

/// A stored job.
#[derive(Clone)]
pub struct Job {
    /// Unique id.
    pub id: Uuid,
    /// Team of the API key that submitted the job.
    pub team: String,
    /// Kind of the job.
    pub kind: JobKind,
    /// Status.
    pub status: Status,
    /// The validated request. Empty once the job has ended, since it may contain voiceprints and secret URLs.
    pub request: Map<String, Value>,
    /// Output of a job that has ended; deleted after 24 h.
    pub output: Option<JobOutput>,
    /// When the job was accepted.
    pub created_at: DateTime<Utc>,
    /// When the job's status last changed.
    pub updated_at: DateTime<Utc>,
    /// When a worker first claimed the job.
    pub started_at: Option<DateTime<Utc>>,
    /// When the job ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// How often the job was claimed, without the claims that ended while their server lived. More than once only if a
    /// server was killed while it processed the job.
    pub attempts: u32,
    /// Duration of the recording, if a worker has learned it and put the job back, because other long jobs came first.
    pub audio: Option<Duration>,
    /// How often fetching the recording from its host has failed.
    pub fetch_failures: u32,
    /// How often loading the recording has failed because of this machine or the storage of uploaded media.
    pub storage_failures: u32,
}

/// A job in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListedJob {
    /// Unique id.
    pub id: Uuid,
    /// Status.
    pub status: Status,
    /// When the job was accepted.
    pub created_at: DateTime<Utc>,
}

impl ListedJob {
    pub(super) fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: parse_id(&row.try_get::<String, _>("id")?)?,
            status: Status::parse(&row.try_get::<String, _>("status")?)?,
            created_at: parse_time("created_at", row.try_get::<i64, _>("created_at")?)?,
        })
    }
}

/// What the API returns of a job.
pub(crate) struct JobResult {
    pub(crate) id: Uuid,
    pub(crate) status: Status,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    /// Output of a job that has ended.
    pub(crate) output: Option<OutputText>,
}

impl JobResult {
    pub(super) fn from_row(database: &Database, row: &AnyRow) -> Result<Self, StoreError> {
        let id = parse_id(&row.try_get::<String, _>("id")?)?;
        let time = |column| parse_time(column, row.try_get::<i64, _>(column)?);
        Ok(Self {
            id,
            status: Status::parse(&row.try_get::<String, _>("status")?)?,
            created_at: time("created_at")?,
            updated_at: time("updated_at")?,
            output: OutputText::from_row(database, id, row)?,
        })
    }
}

impl std::fmt::Debug for Job {
    /// Hides the request and the output, which may contain voiceprints.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id)
            .field("team", &self.team)
            .field("kind", &self.kind)
            .field("status", &self.status)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

impl Job {
    /// Reads a row. The output is not part of it: see [`OutputText`].
    pub(super) fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        let text = |column: &str| row.try_get::<String, _>(column);
        let time = |column| parse_time(column, row.try_get::<i64, _>(column)?);
        let optional_time = |column| {
            let time = row.try_get::<Option<i64>, _>(column)?;
            time.map(|time| parse_time(column, time)).transpose()
        };
        let count = |column| {
            u32::try_from(row.try_get::<i64, _>(column)?)
                .map_err(|error| StoreError::invalid_job(column, error))
        };
        Ok(Self {
            id: parse_id(&text("id")?)?,
            team: text("team")?,
            kind: parse_kind(&text("kind")?)?,
            status: Status::parse(&text("status")?)?,
            request: parse_request(&text("request")?)?,
            output: None,
            created_at: time("created_at")?,
            updated_at: time("updated_at")?,
            started_at: optional_time("started_at")?,
            completed_at: optional_time("completed_at")?,
            attempts: count("attempts")?,
            audio: row
                .try_get::<Option<i64>, _>("audio_ms")?
                .map(|audio_ms| Duration::from_millis(audio_ms.unsigned_abs())),
            fetch_failures: count("fetch_failures")?,
            storage_failures: count("storage_failures")?,
        })
    }
}

pub(super) fn parse_id(text: &str) -> Result<Uuid, StoreError> {
    text.parse()
        .map_err(|error: uuid::Error| StoreError::invalid_job("id", error))
}

pub(super) fn parse_request(text: &str) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::invalid_job("request", error))
}

pub(super) fn parse_time(column: &'static str, unix_ms: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(unix_ms)
        .ok_or_else(|| StoreError::invalid_job(column, format!("{unix_ms} is out of range")))
}

fn parse_kind(name: &str) -> Result<JobKind, StoreError> {
    [JobKind::Diarize, JobKind::Identify, JobKind::Voiceprint]
        .into_iter()
        .find(|kind| kind.as_str() == name)
        .ok_or_else(|| StoreError::invalid_job("kind", format!("unknown kind {name:?}")))
}
