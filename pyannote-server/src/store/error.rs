//! Errors of the store.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// Error of a [`Store`](super::Store). The cause is in [`source`](Error::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A statement failed, or the database cannot be reached.
    #[error("database error")]
    Database(#[source] sqlx::Error),
    /// The database's disk is full, so nothing was written.
    #[error("no space left for the database")]
    Full(#[source] sqlx::Error),
    /// The tables cannot be created or updated.
    #[error("cannot update the database schema")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database file cannot be opened.
    #[error("cannot open the database {}", path.display())]
    Open {
        /// Path of the file.
        path: PathBuf,
        /// The cause.
        source: Box<StoreError>,
    },
    /// The path is not that of a file, or the current directory is unknown.
    #[error("invalid path")]
    Path(#[source] io::Error),
    /// The temporary directory cannot be created.
    #[error("cannot create a temporary directory")]
    TempDir(#[source] io::Error),
    /// The URL does not name a supported database.
    #[error("a database URL must start with `sqlite:` or `postgres://`")]
    UnsupportedUrl,
    /// The URL names a PostgreSQL database, which this build does not support.
    #[error("built without PostgreSQL support: enable the feature `postgres`")]
    PostgresDisabled,
    /// A stored job or stream has an invalid value.
    #[error("a stored job or stream has an invalid {field}")]
    InvalidJob {
        /// Name of the column.
        field: &'static str,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Codes of errors that mean that the disk is full: SQLITE_FULL and SQLITE_IOERR_SHMSIZE of SQLite, and `disk_full` of
/// PostgreSQL.
const FULL_CODES: [&str; 3] = ["13", "4874", "53100"];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code());
        match code.is_some_and(|code| FULL_CODES.contains(&&*code)) {
            true => Self::Full(error),
            false => Self::Database(error),
        }
    }
}

impl StoreError {
    /// Returns whether the disk is full. Trying again makes sense once space has been freed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    pub(super) fn invalid_job(
        field: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::InvalidJob {
            field,
            source: source.into(),
        }
    }
}
