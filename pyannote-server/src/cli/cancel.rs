//! The command `cancel`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use uuid::Uuid;

use super::{ServeError, queue};
use crate::error::Chain;
use crate::store::Cancellation;

/// Options of the command `cancel`.
#[derive(Args)]
#[group(skip)]
pub struct Cancel {
    /// Id of the job.
    #[arg(value_name = "JOB")]
    job: Uuid,
    /// Directory of the server's jobs, as for serve.
    #[arg(long, value_name = "DIR", required_unless_present = "database")]
    data_dir: Option<PathBuf>,
    /// Database of the server's jobs, as for serve.
    #[arg(
        long,
        value_name = "URL",
        env = "PYANNOTE_SERVER_DATABASE",
        hide_env_values = true
    )]
    database: Option<String>,
}

impl std::fmt::Debug for Cancel {
    /// Does not show the database, whose URL may have a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cancel")
            .field("job", &self.job)
            .finish_non_exhaustive()
    }
}

/// Cancels a job in the database of a server, whether the server is running or not. A server that processes the job stops
/// when it next renews its lease, within 5 s. Prints to standard output that the job is canceled.
///
/// # Errors
///
/// If there is no such job, it has ended, or the database cannot be written to.
pub async fn cancel(options: Cancel) -> Result<(), ServeError> {
    let store = queue::open_existing(options.database.as_deref(), options.data_dir.as_deref());
    let store = store.await?;
    let job = options.job;
    let canceled = store.cancel_of_any_team(job).await?;
    // The request may have contained secrets, which remain in the log of SQLite otherwise.
    if let Err(error) = store.purge().await {
        tracing::warn!(error = %Chain(&error), "failed to truncate the database log");
    }
    store.close().await;
    match canceled {
        Cancellation::Canceled => {
            let _ = writeln!(std::io::stdout(), "The job {job} is canceled.");
            Ok(())
        }
        Cancellation::AlreadyEnded(status) => {
            let status = status.as_str();
            Err(format!("the job {job} has already ended: its status is {status}").into())
        }
        Cancellation::NotFound => Err(format!("there is no job {job}").into()),
    }
}
