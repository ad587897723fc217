//! A job as it is kept, and how it is read from its row.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::{Status, StoreError};
use crate::engine::JobKind;

/// A job as it is kept.
#[derive(Clone)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// Whose it is: the name that the configuration gives the key.
    pub team: String,
    /// What kind it is.
    pub kind: JobKind,
    /// Where it stands.
    pub status: Status,
    /// The request, as it came.
    pub request: Map<String, Value>,
    /// The output, once it has ended; gone 24 h later.
    pub output: Option<Value>,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When a worker first took it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// How often a worker has taken it. More than once only where servers were stopped on the way.
    pub attempts: u32,
}

impl std::fmt::Debug for Job {
    /// Shows neither the request nor the output, which may hold voiceprints.
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
    pub(super) fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let text = |name: &str| row.try_get::<String, _>(name);
        let at = |name: &str| time(row.try_get::<i64, _>(name)?);
        let perhaps_at = |name: &str| {
            let time_or_null = row.try_get::<Option<i64>, _>(name)?;
            time_or_null.map(time).transpose()
        };
        let output = row.try_get::<Option<String>, _>("output")?;
        Ok(Self {
            id: text("id")?
                .parse()
                .map_err(|error| broken("the id", &error))?,
            team: text("team")?,
            kind: kind(&text("kind")?)?,
            status: Status::read(&text("status")?)?,
            request: request(&text("request")?)?,
            output: output.as_deref().map(json).transpose()?,
            created_at: at("created_at")?,
            updated_at: at("updated_at")?,
            started_at: perhaps_at("started_at")?,
            completed_at: perhaps_at("completed_at")?,
            attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
        })
    }
}

/// A request, as it was kept.
pub(super) fn request(text: &str) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(text).map_err(|error| broken("the request", &error))
}

/// An output, as it was kept.
pub(super) fn json(text: &str) -> Result<Value, StoreError> {
    serde_json::from_str(text).map_err(|error| broken("the output", &error))
}

fn time(milliseconds: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(milliseconds)
        .ok_or_else(|| broken("a time", &format!("{milliseconds} is out of range")))
}

fn kind(name: &str) -> Result<JobKind, StoreError> {
    [JobKind::Diarize, JobKind::Identify, JobKind::Voiceprint]
        .into_iter()
        .find(|kind| kind.as_str() == name)
        .ok_or_else(|| broken("the kind", &format!("{name:?} is unknown")))
}

fn broken(what: &str, why: &dyn std::fmt::Display) -> StoreError {
    StoreError(format!("{what} of a job cannot be read: {why}"))
}
