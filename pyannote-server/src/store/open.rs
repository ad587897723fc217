//! Opens a store, and brings its tables up to date.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, Executor};
use tempfile::TempDir;
use tokio::sync::Notify;

use super::dialect::Dialect;
use super::{Store, StoreError, schema};

/// How many connections a process holds at most. SQLite has one writer at a time anyway.
const CONNECTIONS: u32 = 4;
/// How often opening is tried. Of two processes that open a new file at the same moment, one has to wait.
const TRIES: u32 = 5;
/// How long between two of them.
const PAUSE: Duration = Duration::from_millis(200);

impl Store {
    /// Opens the SQLite file at `path`, and creates it where there is none.
    ///
    /// # Errors
    ///
    /// Where it cannot be opened, is no database, or was written by a newer version of this crate.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let unusable =
            |why: &str| StoreError(format!("{} cannot be opened: {why}", path.display()));
        let absolute = std::path::absolute(path).map_err(|error| unusable(&error.to_string()))?;
        // By way of a file URL, which escapes whatever the name holds.
        let url =
            Url::from_file_path(absolute).map_err(|()| unusable("it is no path of a file"))?;
        let url = format!("{}?mode=rwc", url.as_str().replacen("file:", "sqlite:", 1));
        let pool = AnyPoolOptions::new().after_connect(|connection, _| {
            Box::pin(async move {
                connection
                    .execute("PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON")
                    .await?;
                Ok(())
            })
        });
        Self::ready(Dialect::Sqlite, pool, &url, None)
            .await
            .map_err(|error| unusable(&error.0))
    }

    /// A store of its own in a temporary folder, deleted with the last clone. For tests and first steps.
    ///
    /// # Errors
    ///
    /// Where the folder for temporary files cannot be written to.
    pub async fn memory() -> Result<Self, StoreError> {
        let folder = tempfile::tempdir()
            .map_err(|error| StoreError(format!("there is no temporary folder: {error}")))?;
        let mut store = Self::open(folder.path().join("jobs.db")).await?;
        store._folder = Some(Arc::new(folder));
        Ok(store)
    }

    /// Opens the store at `url`: `sqlite:` and the path of a file, or `postgres://` (feature `postgres`).
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), or where the URL is of another kind.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Self::open(path.strip_prefix("//").unwrap_or(path)).await;
        }
        // The URL is not repeated in the error: there may be a password in it.
        match url.split_once(':').map_or("", |(scheme, _)| scheme) {
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => {
                Self::ready(Dialect::Postgres, AnyPoolOptions::new(), url, None).await
            }
            #[cfg(not(feature = "postgres"))]
            "postgres" | "postgresql" => Err(StoreError(
                "this server was built without PostgreSQL: build it with the feature `postgres`"
                    .into(),
            )),
            _ => Err(StoreError(
                "the URL of a store starts with sqlite: or postgres://".into(),
            )),
        }
    }

    async fn ready(
        dialect: Dialect,
        pool: AnyPoolOptions,
        url: &str,
        folder: Option<Arc<TempDir>>,
    ) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let options = AnyConnectOptions::from_str(url)?;
        let pool = pool.max_connections(CONNECTIONS).connect_lazy_with(options);
        let mut tries = 1;
        while let Err(error) = prepare(dialect, &pool).await {
            if tries == TRIES {
                return Err(error);
            }
            tries += 1;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(Self {
            pool,
            dialect,
            queued: Arc::new(Notify::new()),
            due: Arc::new(Notify::new()),
            _folder: folder,
        })
    }
}

async fn prepare(dialect: Dialect, pool: &AnyPool) -> Result<(), StoreError> {
    match dialect {
        // Readers and the writer do not wait for each other. The file remembers it.
        Dialect::Sqlite => pool.execute("PRAGMA journal_mode = WAL").await?,
        #[cfg(feature = "postgres")]
        Dialect::Postgres => Default::default(),
    };
    Ok(schema::migrator(dialect).run(pool).await?)
}
