//! The command `work`: processes jobs without HTTP.

use std::fmt;
use std::io::Write as _;

use clap::Args;

use super::signals::{StopSignals, stopping_message};
use super::worker_options::{LoadedEngine, WorkerOptions};
use super::{ServeError, Stopped};
use crate::Server;
use crate::engine::LiveOptions;

/// Options of the command `work`. Its help is not part of them: each program describes its own command.
#[derive(Args, Debug)]
#[group(skip)]
pub struct Work {
    #[command(flatten)]
    worker: WorkerOptions,
}

/// Workers that are ready. Its `Display` says so.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Working<'a> {
    /// Human-readable description of the engine that processes jobs.
    pub engine: &'a str,
}

impl fmt::Display for Working<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = self.engine;
        write!(
            f,
            "Waiting for jobs\nEngine: {engine}\n\nPress Ctrl-C to stop."
        )
    }
}

/// Processes the jobs of servers that share the database and the uploaded media, until Ctrl-C or SIGTERM. Calls
/// `on_start` when it is ready.
///
/// `download_command` is the command of the program that downloads the models, for errors.
///
/// # Errors
///
/// If the models cannot be loaded, or the jobs cannot be reached. The messages name options of the command line.
pub async fn work(
    options: Work,
    download_command: &str,
    on_start: impl FnOnce(Working<'_>),
) -> Result<Stopped, ServeError> {
    options.worker.check_queue()?;
    if options.worker.media.is_none() && options.worker.data_dir.is_none() {
        tracing::warn!(
            "uploaded recordings cannot be read: pass the --media or the --data-dir of the servers"
        );
    }
    let loaded = options
        .worker
        .load_engine(LiveOptions::new(), download_command);
    let LoadedEngine {
        engine,
        description,
    } = loaded.await?;
    let builder = options.worker.configure(Server::builder()).await?;
    let workers = builder.shared_engine(engine).start_workers().await?;
    let mut signals = StopSignals::new()?;
    on_start(Working {
        engine: &description,
    });
    signals.next().await;
    if let Some(message) = stopping_message(workers.running_jobs(), 0) {
        let _ = writeln!(std::io::stderr(), "{message}");
    }
    let mut stopped = Stopped::Gracefully;
    let second_signal = async {
        signals.next().await;
        stopped = Stopped::AtOnce;
    };
    workers.stop_early(second_signal).await;
    Ok(stopped)
}
