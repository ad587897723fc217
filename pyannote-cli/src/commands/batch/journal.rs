//! The journal of a batch: what was done for each recording, on disk before the next step begins.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::error::{Failure, Result};

const FILE: &str = ".pyannote-batch.sqlite";
/// How often the lock is tried, and the delay in between.
const LOCK_ATTEMPTS: u32 = 10;
const LOCK_DELAY: Duration = Duration::from_millis(50);
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS items (
        key TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        request TEXT NOT NULL,
        state TEXT NOT NULL,
        job_id TEXT,
        submitted_at INTEGER,
        message TEXT,
        updated_at INTEGER NOT NULL
    ) STRICT";

/// How far a recording has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// Nothing was submitted.
    New,
    /// A submission was started, and its answer is not recorded: the job may exist.
    Submitting,
    /// The job exists.
    Accepted,
    /// The results are written.
    Done,
    /// The job failed, or the submission was refused.
    Failed,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Submitting => "submitting",
            Self::Accepted => "accepted",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Self::New,
            Self::Submitting,
            Self::Accepted,
            Self::Done,
            Self::Failed,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }
}

/// What the journal knows about a recording.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Entry {
    pub(super) state: State,
    /// Changes with the content of the file.
    pub(super) fingerprint: String,
    /// Digest of the options of the request.
    pub(super) request: String,
    /// When it was uploaded or changed last.
    pub(super) updated_at: DateTime<Utc>,
    pub(super) job_id: Option<String>,
    /// Start of the submission.
    pub(super) submitted_at: Option<DateTime<Utc>>,
}

impl Entry {
    /// The start of a submission whose answer is not in the journal: the job may exist.
    pub(super) fn open_since(&self) -> Option<DateTime<Utc>> {
        let is_open = matches!(
            (self.state, &self.job_id),
            (State::Submitting, _) | (State::Accepted, None)
        );
        is_open.then(|| self.submitted_at.unwrap_or(self.updated_at))
    }

    /// The job whose results are not written yet.
    pub(super) fn pending_job(&self) -> Option<&str> {
        self.job_id
            .as_deref()
            .filter(|_| self.state == State::Accepted)
    }
}

/// The journal, which only one process at a time can open.
pub(super) struct Journal {
    connection: Mutex<Connection>,
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl Journal {
    /// Opens or creates the journal in the output folder.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| {
            Failure::failed(format!("cannot create {}: {error}", folder.display()))
        })?;
        let path = folder.join(FILE);
        let fail = |error: &dyn std::fmt::Display| {
            Failure::failed(format!(
                "cannot open the journal {}: {error}",
                path.display()
            ))
        };
        let fail_database = |error: rusqlite::Error| {
            fail(&error).with_hint(
                "if it is damaged, restore it; without it, recordings that have no results yet are submitted and \
                 billed again, also those of `pyannote jobs list`",
            )
        };
        let lock = private_file(&path.with_extension("lock")).map_err(|error| fail(&error))?;
        for attempt in 1.. {
            match lock.try_lock() {
                Ok(()) => break,
                // A process that was killed just now may still hold it.
                Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS => {
                    std::thread::sleep(LOCK_DELAY);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Failure::failed(format!(
                        "another batch is writing to {}",
                        folder.display()
                    )));
                }
                Err(TryLockError::Error(error)) => return Err(fail(&error)),
            }
        }
        // SQLite gives its own files the permissions of the database.
        private_file(&path).map_err(|error| fail(&error))?;
        let connection = Connection::open(&path).map_err(fail_database)?;
        // A commit is on disk before it returns.
        let configured = connection
            .pragma_update(None, "journal_mode", "wal")
            .and_then(|()| connection.pragma_update(None, "synchronous", "full"))
            .and_then(|()| connection.execute(SCHEMA, []));
        configured.map_err(fail_database)?;
        Ok(Self {
            connection: Mutex::new(connection),
            path,
            _lock: lock,
        })
    }

    fn with<T>(&self, run: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        run(&connection).map_err(|error| {
            Failure::failed(format!(
                "the journal {} failed: {error}",
                self.path.display()
            ))
        })
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.with(|connection| {
            connection
                .query_row(
                    "SELECT state, fingerprint, request, updated_at, job_id, submitted_at FROM items WHERE key = ?1",
                    [key],
                    entry,
                )
                .optional()
        })
    }

    /// Records that nothing has been submitted for a recording.
    pub(super) fn start(&self, key: &str, fingerprint: &str, request: &str) -> Result<()> {
        self.with(|connection| {
            connection.execute(
                "INSERT INTO items (key, fingerprint, request, state, updated_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (key) DO UPDATE SET fingerprint = ?2, request = ?3, state = ?4, updated_at = ?5,
                     job_id = NULL, submitted_at = NULL, message = NULL",
                params![key, fingerprint, request, State::New.as_str(), now()],
            )
        })
        .map(drop)
    }

    /// Records that a submission begins. Must be called before anything is sent.
    pub(super) fn submitting(&self, key: &str) -> Result<()> {
        self.with(|connection| {
            connection.execute(
                "UPDATE items SET state = ?2, submitted_at = ?3, updated_at = ?3, job_id = NULL WHERE key = ?1",
                params![key, State::Submitting.as_str(), now()],
            )
        })
        .and_then(|rows| self.changed(rows, key))
    }

    pub(super) fn accepted(&self, key: &str, job_id: &str) -> Result<()> {
        self.with(|connection| {
            connection.execute(
                "UPDATE items SET state = ?2, job_id = ?3, updated_at = ?4 WHERE key = ?1",
                params![key, State::Accepted.as_str(), job_id, now()],
            )
        })
        .and_then(|rows| self.changed(rows, key))
    }

    pub(super) fn done(&self, key: &str) -> Result<()> {
        self.end(key, State::Done, None)
    }

    pub(super) fn failed(&self, key: &str, message: &str) -> Result<()> {
        self.end(key, State::Failed, Some(message))
    }

    /// Records that a submission was certainly not accepted.
    pub(super) fn not_submitted(&self, key: &str) -> Result<()> {
        self.end(key, State::New, None)
    }

    fn end(&self, key: &str, state: State, message: Option<&str>) -> Result<()> {
        self.with(|connection| {
            connection.execute(
                "UPDATE items SET state = ?2, message = ?3, updated_at = ?4 WHERE key = ?1",
                params![key, state.as_str(), message, now()],
            )
        })
        .and_then(|rows| self.changed(rows, key))
    }

    fn changed(&self, rows: usize, key: &str) -> Result<()> {
        match rows {
            1 => Ok(()),
            _ => Err(Failure::failed(format!(
                "the journal {} has no entry of {key}",
                self.path.display()
            ))),
        }
    }

    /// The ids of all jobs in the journal.
    pub(super) fn job_ids(&self) -> Result<Vec<String>> {
        self.with(|connection| {
            let mut statement =
                connection.prepare("SELECT job_id FROM items WHERE job_id IS NOT NULL")?;
            let ids = statement.query_map([], |row| row.get(0))?;
            ids.collect()
        })
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let time = |milliseconds| DateTime::from_timestamp_millis(milliseconds).unwrap_or_default();
    let state: String = row.get(0)?;
    Ok(Entry {
        // Whatever a newer version writes, nothing is submitted for it again.
        state: State::parse(&state).unwrap_or(State::Submitting),
        fingerprint: row.get(1)?,
        request: row.get(2)?,
        updated_at: time(row.get(3)?),
        job_id: row.get(4)?,
        submitted_at: row.get::<_, Option<i64>>(5)?.map(time),
    })
}

fn now() -> i64 {
    Utc::now().timestamp_millis()
}

/// Opens or creates a file that only its owner can read.
fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        type Step = fn(&Journal) -> Result<()>;
        let steps: [(Step, State, Option<&str>); 7] = [
            (|journal| journal.start("a", "1", "r"), State::New, None),
            (|journal| journal.submitting("a"), State::Submitting, None),
            (|journal| journal.not_submitted("a"), State::New, None),
            (|journal| journal.submitting("a"), State::Submitting, None),
            (
                |journal| journal.accepted("a", "j1"),
                State::Accepted,
                Some("j1"),
            ),
            (
                |journal| journal.failed("a", "no speech"),
                State::Failed,
                Some("j1"),
            ),
            (|journal| journal.done("a"), State::Done, Some("j1")),
        ];
        for (step, state, job_id) in steps {
            // Each step in a process of its own, as it were.
            step(&Journal::open(folder.path()).unwrap()).unwrap();
            let journal = Journal::open(folder.path()).unwrap();
            let entry = journal.get("a").unwrap().unwrap();
            assert_eq!((entry.state, entry.job_id.as_deref()), (state, job_id));
        }
        let journal = Journal::open(folder.path()).unwrap();
        assert_eq!(journal.job_ids().unwrap(), ["j1"]);
        assert_eq!(journal.get("b").unwrap(), None);
        assert!(journal.submitting("b").is_err());
    }

    #[test]
    fn only_one_batch_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let error = Journal::open(folder.path()).err().unwrap();
        assert!(
            error.message.starts_with("another batch is writing to"),
            "{}",
            error.message
        );
        drop(journal);
        Journal::open(folder.path()).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        journal.start("a", "1", "r").unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        }
    }
}
