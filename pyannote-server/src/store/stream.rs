//! A stored live stream, and how it is read from its row.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::StoreError;
use super::job::{parse_id, parse_time};

/// A stored live stream.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stream {
    /// Unique id.
    pub id: Uuid,
    /// Status.
    pub status: StreamStatus,
    /// When the stream was created.
    pub created_at: DateTime<Utc>,
    /// When the first audio arrived.
    pub started_at: Option<DateTime<Utc>>,
    /// When the stream ended.
    pub completed_at: Option<DateTime<Utc>>,
}

/// Status of a live stream.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum StreamStatus {
    /// No audio has arrived yet.
    Created,
    /// Audio has arrived.
    Running,
    /// The client has ended the audio, and all events were sent.
    Done,
    /// It ended otherwise, or its URL was not used in time.
    Error,
}

impl StreamStatus {
    const ALL: [Self; 4] = [Self::Created, Self::Running, Self::Done, Self::Error];

    /// Returns the status's name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Done => "done",
            Self::Error => "error",
        }
    }

    fn parse(name: &str) -> Result<Self, StoreError> {
        let mut all = Self::ALL.into_iter();
        all.find(|status| status.as_str() == name)
            .ok_or_else(|| StoreError::invalid_job("status", format!("unknown status {name:?}")))
    }
}

impl Stream {
    pub(super) fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        let optional_time = |column| {
            let time = row.try_get::<Option<i64>, _>(column)?;
            time.map(|time| parse_time(column, time)).transpose()
        };
        Ok(Self {
            id: parse_id(&row.try_get::<String, _>("id")?)?,
            status: StreamStatus::parse(&row.try_get::<String, _>("status")?)?,
            created_at: parse_time("created_at", row.try_get::<i64, _>("created_at")?)?,
            started_at: optional_time("started_at")?,
            completed_at: optional_time("completed_at")?,
        })
    }
}
