//! Where the jobs are: the options `--database` and `--data-dir`.

use std::path::Path;

use super::ServeError;
use super::places::Role;
use super::worker_options::WorkerOptions;
use crate::data_dir::DataDir;
use crate::error::{Chain, StartError};
use crate::private_files;
use crate::store::{Store, StoreError};

/// Opens the jobs of a process: those of a server for workers, and for servers the database, if it is not that of the data
/// directory. Creates the directory of a server.
///
/// # Errors
///
/// If the database or the directory cannot be opened, or workers have no jobs.
pub(super) async fn open(role: Role, options: &WorkerOptions) -> Result<Option<Store>, ServeError> {
    let (database, data_dir) = (options.database.as_deref(), options.data_dir.as_deref());
    if role == Role::Workers {
        return open_existing(database, data_dir).await.map(Some);
    }
    if let Some(path) = data_dir {
        private_files::create_dir(path).map_err(|error| StartError::data_dir(path, error))?;
    }
    let Some(url) = database else {
        return Ok(None);
    };
    let store = Store::connect(url).await;
    store.map(Some).map_err(|error| of_database(&error))
}

/// Opens the jobs of a server in a database, or else in a data directory.
///
/// # Errors
///
/// If no server has been started with it: a mistyped path would otherwise be a new and empty database.
pub(super) async fn open_existing(
    database: Option<&str>,
    data_dir: Option<&Path>,
) -> Result<Store, ServeError> {
    let opened = match (database, data_dir) {
        (Some(url), _) => Store::connect_existing(url).await,
        (None, Some(path)) => Store::open_existing(&DataDir::database_in(path)).await,
        (None, None) => {
            return Err(
                "there are no jobs: pass the --database or the --data-dir of a server".into(),
            );
        }
    };
    opened.map_err(|error| match missing(&error) {
        Some(file) => {
            let place = match database {
                Some(_) => file.map_or_else(|| "the database".to_owned(), display),
                None => data_dir.map(display).unwrap_or_default(),
            };
            format!(
                "there are no jobs in {place}: pass the --database or the --data-dir of a server that has been started"
            )
            .into()
        }
        None if database.is_some() => of_database(&error),
        None => error.into(),
    })
}

/// Whether no server has been started with the database, and its path if it is a file.
fn missing(error: &StoreError) -> Option<Option<&Path>> {
    match error {
        StoreError::NoJobs => Some(None),
        StoreError::Open { path, source } => missing(source).map(|_| Some(path.as_path())),
        _ => None,
    }
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

/// An error of `--database`.
fn of_database(error: &StoreError) -> ServeError {
    format!("--database: {}", Chain(error)).into()
}
