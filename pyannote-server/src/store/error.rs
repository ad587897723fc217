//! Errors of the store.

use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::path::PathBuf;

use sqlx::migrate::MigrateError;

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
    /// The file is not a database, or is damaged.
    #[error(
        "the file is not a database, or is damaged: restore it from a backup, or move it away to start without jobs"
    )]
    Damaged(#[source] sqlx::Error),
    /// PostgreSQL is not running, or not at this address.
    #[error("cannot reach the database: check its URL, and that it is running")]
    Unreachable(#[source] sqlx::Error),
    /// PostgreSQL rejected the user, the password or the name of the database.
    #[error(
        "the database rejected the connection: check the user, password and database name of its URL"
    )]
    Rejected(#[source] sqlx::Error),
    /// PostgreSQL stores text in an encoding that does not have all characters. With its name.
    #[error("the encoding of the database is {0}: create one with the encoding UTF8")]
    Encoding(String),
    /// The tables cannot be created or updated.
    #[error("cannot update the database schema")]
    Migration(#[source] MigrateError),
    /// The database was written by a newer version of this crate.
    #[error("the database was written by a newer version: update this program")]
    Newer(#[source] MigrateError),
    /// The database file cannot be opened.
    #[error("cannot open the database {}", path.display())]
    Open {
        /// Path of the file.
        path: PathBuf,
        /// The cause.
        source: Box<StoreError>,
    },
    /// No server has been started with the database, which was required.
    #[error("no server has been started with this database")]
    NoJobs,
    /// The file cannot be created or read, or the current directory is unknown.
    #[error("cannot access the file")]
    Path(#[source] io::Error),
    /// The path is that of a directory or a device.
    #[error("it is not a file: move it away, or use another path")]
    NotAFile,
    /// The temporary directory cannot be created.
    #[error("cannot create a temporary directory")]
    TempDir(#[source] io::Error),
    /// The URL does not name a supported database.
    #[error(
        "a database URL must be `sqlite:` with the path of a file, or start with `postgres://`"
    )]
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

/// Codes of errors that mean that the file is damaged: SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_CORRUPT_SEQUENCE and
/// SQLITE_CORRUPT_INDEX.
const DAMAGED_CODES: [&str; 4] = ["11", "26", "523", "779"];

/// Codes of errors that mean that PostgreSQL does not accept the URL: `invalid_authorization_specification`,
/// `invalid_password`, `invalid_catalog_name` and `insufficient_privilege`.
const REJECTED_CODES: [&str; 4] = ["28000", "28P01", "3D000", "42501"];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match code(&error) {
            code if FULL_CODES.contains(&&*code) => Self::Full(error),
            code if DAMAGED_CODES.contains(&&*code) => Self::Damaged(error),
            _ => Self::Database(error),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(_) => Self::Newer(error),
            MigrateError::Execute(cause) if is_specific(&cause) => cause.into(),
            MigrateError::ExecuteMigration(cause, _) if is_specific(&cause) => cause.into(),
            error => Self::Migration(error),
        }
    }
}

/// The code of a database error. Empty for other errors.
fn code(error: &sqlx::Error) -> Cow<'_, str> {
    let code = error.as_database_error().and_then(|error| error.code());
    code.unwrap_or_default()
}

/// Whether an error says more than that a migration failed.
fn is_specific(error: &sqlx::Error) -> bool {
    let code = code(error);
    FULL_CODES.contains(&&*code) || DAMAGED_CODES.contains(&&*code)
}

impl StoreError {
    /// Returns whether the disk is full. Trying again makes sense once space has been freed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// The error of a connection that cannot be opened.
    pub(super) fn from_connecting(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(_) => Self::Unreachable(error),
            error if REJECTED_CODES.contains(&&*code(&error)) => Self::Rejected(error),
            error => error.into(),
        }
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
