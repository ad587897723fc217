//! The command `work`: processes jobs without the API.

use std::fmt;
use std::net::SocketAddr;

use clap::Args;

use super::places::Role;
use super::signals::StopSignals;
use super::worker_options::WorkerOptions;
use super::{ServeError, Stopped, file_limit, listen_address, start_error};
use crate::Server;
use crate::engine::LiveOptions;
use crate::worker::Workers;

/// Options of the command `work`. Its help is not part of them: each program describes its own command.
#[derive(Args, Debug)]
#[group(skip)]
pub struct Work {
    #[command(flatten)]
    worker: WorkerOptions,
    /// Address for GET /healthz and GET /metrics, such as localhost:9000, or only a port [default: none].
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address::parse)]
    listen: Option<SocketAddr>,
    /// Allow an address for --listen that other machines can reach.
    #[arg(long, requires = "listen")]
    allow_public_bind: bool,
}

/// Workers that are ready. Its `Display` says so.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Working<'a> {
    /// Human-readable description of the engine that processes jobs.
    pub engine: &'a str,
    /// The base URL of health and metrics, if they are served.
    pub url: Option<&'a str>,
}

impl fmt::Display for Working<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { engine, url } = self;
        writeln!(f, "Waiting for jobs")?;
        if let Some(url) = url {
            writeln!(f, "Health and metrics: {url}/healthz, {url}/metrics")?;
        }
        write!(f, "Engine: {engine}\n\nPress Ctrl-C to stop.")
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
    // Before anything that takes time.
    let mut signals = StopSignals::new()?;
    file_limit::raise();
    let started = signals.unless_stopped(start(options, download_command));
    let Some(started) = started.await else {
        return Ok(Stopped::Gracefully);
    };
    let (workers, engine) = started?;
    on_start(Working {
        engine: &engine,
        url: workers.url(),
    });
    Ok(signals.stop(workers).await)
}

/// Starts workers. Also returns the description of their engine.
async fn start(options: Work, download_command: &str) -> Result<(Workers, String), ServeError> {
    let mut builder = Server::builder();
    if let Some(address) = options.listen {
        builder = builder.listen(address);
    }
    if options.allow_public_bind {
        builder = builder.allow_public_bind();
    }
    let worker = options.worker;
    let builder = worker.configure(Role::Workers, builder).await?;
    let loaded = worker.load(Role::Workers, builder, LiveOptions::new(), download_command);
    let (builder, engine) = loaded.await?;
    let workers = builder.start_workers().await.map_err(start_error)?;
    Ok((workers, engine))
}
