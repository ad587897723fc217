//! Opening a store and updating its tables.

use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sqlx::Executor;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use tempfile::TempDir;
use tokio::sync::{Notify, watch};
use url::Url;

use super::claim_hold::Holds;
use super::database::Database;
use super::dialect::Dialect;
use super::{EndedJobs, Store, StoreError, first_connection, migrations};
use crate::private_files;

/// Maximum number of connections of a process. SQLite has one writer at a time anyway.
const MAX_CONNECTIONS: u32 = 4;
/// How often the migrations are tried. If two processes open a new file at the same time, one of them has to wait.
const MAX_MIGRATION_ATTEMPTS: u32 = 5;
/// Delay between two attempts.
const MIGRATION_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Whether tables that are missing are created, and the file of SQLite with them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tables {
    Create,
    #[cfg(feature = "cli")]
    MustExist,
}

impl Tables {
    pub(super) fn must_exist(self) -> bool {
        !matches!(self, Self::Create)
    }
}

impl Store {
    /// Opens the SQLite file at `path`, and creates it if it does not exist. On Unix, only the owner can read it.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the file cannot be opened, is not a database, or was written by a newer version of
    /// this crate.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_file(path.as_ref(), Tables::Create).await
    }

    async fn open_file(path: &Path, tables: Tables) -> Result<Self, StoreError> {
        Self::open_sqlite(path, None, tables)
            .await
            .map_err(|error| StoreError::Open {
                path: path.to_owned(),
                source: Box::new(error),
            })
    }

    /// Opens a new store in a temporary directory, which is deleted with the last clone. For tests and first steps.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the temporary directory cannot be created.
    pub async fn temporary() -> Result<Self, StoreError> {
        let temp_dir = tempfile::tempdir().map_err(StoreError::TempDir)?;
        let path = temp_dir.path().join("jobs.sqlite");
        Self::open_sqlite(&path, Some(temp_dir), Tables::Create).await
    }

    /// Opens the store at `url`: `sqlite:` followed by the path of a file, or `postgres://` (feature `postgres`).
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be opened, or the URL has another scheme. If PostgreSQL is not
    /// running, waits for it for 30 s.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_with(url, Tables::Create).await
    }

    /// Opens the store at `url` as [`connect`](Self::connect), but creates nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoJobs`] if no server has been started with this database.
    #[cfg(feature = "cli")]
    pub(crate) async fn connect_existing(url: &str) -> Result<Self, StoreError> {
        Self::connect_with(url, Tables::MustExist).await
    }

    /// Opens the SQLite file at `path` as [`open`](Self::open), but creates nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoJobs`] if no server has been started with this file.
    #[cfg(feature = "cli")]
    pub(crate) async fn open_existing(path: &Path) -> Result<Self, StoreError> {
        Self::open_file(path, Tables::MustExist).await
    }

    async fn connect_with(url: &str, tables: Tables) -> Result<Self, StoreError> {
        if let Some(path) = sqlite_path(url) {
            return Self::open_file(path, tables).await;
        }
        // Errors do not contain the URL, which may contain a password.
        match url.split_once(':').map_or("", |(scheme, _)| scheme) {
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => {
                Self::open_pool(Dialect::Postgres, url, None, tables).await
            }
            #[cfg(not(feature = "postgres"))]
            "postgres" | "postgresql" => Err(StoreError::PostgresDisabled),
            _ => Err(StoreError::UnsupportedUrl),
        }
    }

    async fn open_sqlite(
        path: &Path,
        temp_dir: Option<TempDir>,
        tables: Tables,
    ) -> Result<Self, StoreError> {
        if tables.must_exist() && !path.try_exists().map_err(StoreError::Path)? {
            return Err(StoreError::NoJobs);
        }
        if path.exists() && !path.is_file() {
            return Err(StoreError::NotAFile);
        }
        let absolute = std::path::absolute(path).map_err(StoreError::Path)?;
        // A file URL escapes all characters of the path.
        let url = Url::from_file_path(absolute).map_err(|()| {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "not the path of a file");
            StoreError::Path(error)
        })?;
        let url = format!("{}?mode=rwc", url.as_str().replacen("file:", "sqlite:", 1));
        // SQLite gives the write-ahead log and the shared memory the permissions of the file.
        private_files::create(path).map_err(StoreError::Path)?;
        for suffix in ["-wal", "-shm"] {
            let mut file = path.as_os_str().to_owned();
            file.push(suffix);
            private_files::restrict(Path::new(&file));
        }
        Self::open_pool(Dialect::Sqlite, &url, temp_dir, tables).await
    }

    /// Connects to the database and updates its tables.
    async fn open_pool(
        dialect: Dialect,
        url: &str,
        temp_dir: Option<TempDir>,
        tables: Tables,
    ) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let options = AnyConnectOptions::from_str(url)?;
        // A pool would try to connect for 30 s, whatever the reason.
        first_connection::check(dialect, &options, tables).await?;
        let pool = AnyPoolOptions::new()
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if let Some(settings) = dialect.settings() {
                        connection.execute(settings).await?;
                    }
                    Ok(())
                })
            })
            .max_connections(MAX_CONNECTIONS)
            .connect_lazy_with(options);
        let mut attempt = 1;
        while let Err(error) = migrations::migrator(dialect).run(&pool).await {
            let error = StoreError::from(error);
            if attempt == MAX_MIGRATION_ATTEMPTS || !matches!(error, StoreError::Migration(_)) {
                return Err(error);
            }
            attempt += 1;
            tokio::time::sleep(MIGRATION_RETRY_DELAY).await;
        }
        Ok(Self {
            database: Database::new(pool, dialect),
            job_queued: Arc::new(Notify::new()),
            cancellations: watch::Sender::new(()),
            delivery_due: Arc::new(Notify::new()),
            claim_holds: Holds::default(),
            ended_jobs: EndedJobs::default(),
            // A process that was killed may have left a log.
            has_deleted: Arc::new(AtomicBool::new(true)),
            _temp_dir: temp_dir.map(Arc::new),
        })
    }
}

/// The path in the URL of an SQLite database.
fn sqlite_path(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    (!path.is_empty()).then_some(Path::new(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Chain;

    /// The file of a database without jobs.
    async fn database() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.sqlite");
        Store::open(&path).await.unwrap().close().await;
        std::fs::read(path).unwrap()
    }

    #[tokio::test]
    async fn a_damaged_file_is_named_with_the_remedy() {
        let database = database().await;
        let half = database[..database.len() / 2].to_vec();
        let mut first_page_only = database.clone();
        first_page_only[4096..].fill(7);
        for (kind, content) in [
            ("text", b"a letter, and no database".repeat(50)),
            ("short text", b"a letter".to_vec()),
            ("bytes", vec![7; 20_000]),
            ("half", half),
            ("header", database[..100].to_vec()),
            ("first page only", first_page_only),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("jobs.sqlite");
            std::fs::write(&path, &content).unwrap();
            let error = Store::open(&path).await.expect_err(kind);
            let text = Chain(&error).to_string();
            let start = format!(
                "cannot open the database {}: the file is not a database, or is damaged: restore it from a backup",
                path.display()
            );
            assert!(text.starts_with(&start), "{kind}: {text}");
            // The user may still want to repair it.
            assert!(std::fs::read(&path).unwrap() == content, "{kind}");
        }
    }

    #[tokio::test]
    async fn a_folder_is_not_a_database() {
        let folder = tempfile::tempdir().unwrap();
        let error = Store::open(folder.path()).await.unwrap_err();
        let path = folder.path().display();
        let expected = format!(
            "cannot open the database {path}: it is not a file: move it away, or use another path"
        );
        assert_eq!(Chain(&error).to_string(), expected);
    }

    #[tokio::test]
    async fn a_database_of_a_newer_version_asks_for_an_update() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.sqlite");
        let store = Store::open(&path).await.unwrap();
        let newer = sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
            VALUES (1000, 'newer', 1, x'00', 0)",
        );
        newer.execute(store.database.pool()).await.unwrap();
        store.close().await;
        let error = Store::open(&path).await.unwrap_err();
        let text = Chain(&error).to_string();
        let start = format!(
            "cannot open the database {}: the database was written by a newer version: update this program",
            path.display()
        );
        assert!(text.starts_with(&start), "{text}");
    }

    #[tokio::test]
    async fn urls_name_a_file_or_a_supported_database() {
        for url in [
            "",
            "sqlite:",
            "sqlite://",
            "jobs.sqlite",
            "mysql://localhost",
        ] {
            let error = Store::connect(url).await.unwrap_err();
            assert!(
                matches!(error, StoreError::UnsupportedUrl),
                "{url}: {error}"
            );
        }
    }

    #[cfg(feature = "cli")]
    #[tokio::test]
    async fn a_database_without_jobs_is_not_created() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.sqlite");
        let is_without_jobs = async || {
            let error = Store::open_existing(&path).await.unwrap_err();
            let StoreError::Open { source, .. } = error else {
                panic!("{error}");
            };
            assert!(matches!(*source, StoreError::NoJobs), "{source}");
        };
        is_without_jobs().await;
        assert!(!path.exists());
        std::fs::write(&path, "").unwrap();
        is_without_jobs().await;
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        Store::open(&path).await.unwrap().close().await;
        Store::open_existing(&path).await.unwrap();
    }
}
