//! The program `pyannote-server`.

mod signals;

use std::io::Write;
use std::net::SocketAddr;
#[cfg(feature = "engine")]
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[cfg(feature = "engine")]
use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
#[cfg(feature = "engine")]
use pyannote_engine::assets::{Assets, AssetsError, LICENSES, Progress};
#[cfg(feature = "engine")]
use pyannote_engine::{Diarizer, Engine, LoadError};
#[cfg(feature = "engine")]
use pyannote_server::engine::DiarizerEngine;
use pyannote_server::store::Store;
use pyannote_server::{RateLimits, ScriptedEngine, Server, StartError};
use signals::{StopSignals, stopping_message};
use tracing_subscriber::EnvFilter;

/// A server that implements the pyannoteAI API on your own machine: speaker diarization and identification.
#[derive(Parser)]
#[command(
    name = "pyannote-server",
    version,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print the sources and licenses of the open models and the sample recording.
    #[cfg(feature = "engine")]
    #[arg(long)]
    licenses: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server until it is interrupted with Ctrl-C; a second Ctrl-C does not wait for running jobs.
    Serve(Box<Serve>),
    /// Download the open models and a sample recording, and print where they are (82 MB, requires pip).
    ///
    /// `serve` also downloads them when it first needs them. They are stored in the directory PYANNOTE_ASSETS_DIR, or
    /// else in the user's cache directory.
    #[cfg(feature = "engine")]
    Assets,
}

#[derive(Args)]
struct Serve {
    /// API key that clients must send: any text, such as test-key.
    #[arg(long, env = "PYANNOTEAI_API_KEY", hide_env_values = true)]
    key: String,
    /// Address to listen on; port 0 selects a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Engine that processes jobs.
    #[arg(long, value_enum, default_value_t)]
    engine: EngineName,
    /// Number of threads of the open models, for all jobs together, at most 8 per processor [default: number of
    /// processors].
    #[cfg(feature = "engine")]
    #[arg(long)]
    threads: Option<NonZero<usize>>,
    /// Number of jobs to process at the same time.
    #[arg(long, value_name = "JOBS", default_value_t = 1)]
    concurrency: usize,
    /// Directory for uploads and jobs [default: a temporary directory, deleted on exit].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// How long to keep a job after its end, such as 12h or 7d; its request is deleted when it ends, its output after
    /// 24 h.
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = humantime::parse_duration)]
    retention: Duration,
    /// How long to wait for running jobs and requests when stopping; then jobs are returned to the queue.
    #[arg(long, value_name = "TIME", default_value = "8s", value_parser = humantime::parse_duration)]
    grace_period: Duration,
    /// Database for jobs: sqlite:PATH, or postgres://… if built with PostgreSQL support [default: a file in
    /// --data-dir].
    #[arg(
        long,
        value_name = "URL",
        env = "PYANNOTE_SERVER_DATABASE",
        hide_env_values = true
    )]
    database: Option<String>,
    /// Secret to sign webhooks with; without it, no webhooks are sent.
    #[arg(
        long,
        value_name = "SECRET",
        env = "PYANNOTEAI_WEBHOOK_SECRET",
        hide_env_values = true
    )]
    webhook_secret: Option<String>,
    /// Disable rate limiting [default: the limits of the pyannoteAI API].
    #[arg(long)]
    no_rate_limits: bool,
    /// Fetch recordings from loopback and private addresses, too; anyone with the key can then send requests to your
    /// network.
    #[arg(long)]
    allow_private_networks: bool,
    /// Allow an address for --listen that other machines can reach, over unencrypted http.
    #[arg(long)]
    allow_public_bind: bool,
    /// URL that clients use to reach the server behind a proxy, such as https://diarization.example [default: the
    /// listening address].
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum EngineName {
    /// Open models, on the CPU; downloaded on first use.
    #[cfg(feature = "engine")]
    #[default]
    Open,
    /// Ignores the recording and returns invented results immediately, to try out a client.
    #[cfg_attr(not(feature = "engine"), default)]
    Scripted,
}

/// Exit code of a program that was stopped by two signals, as after an unhandled Ctrl-C.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run());
    // Does not wait for an engine that is still computing.
    runtime.shutdown_background();
    code
}

async fn run() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let cli = Cli::parse();
    #[cfg(feature = "engine")]
    if cli.licenses {
        let _ = write!(std::io::stdout(), "{LICENSES}");
        return ExitCode::SUCCESS;
    }
    let result = match cli.command {
        Some(Command::Serve(options)) => serve(*options).await,
        #[cfg(feature = "engine")]
        Some(Command::Assets) => assets().await.map(|()| ExitCode::SUCCESS),
        // clap prints the help if there are no arguments.
        None => Ok(ExitCode::SUCCESS),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// Formats an error and its causes. Skips a cause that the message before it repeats, as messages of sqlx do.
fn with_causes(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.ends_with(&cause) {
            text += ": ";
            text += &cause;
        }
    }
    text
}

async fn serve(options: Serve) -> anyhow::Result<ExitCode> {
    let mut builder = Server::builder();
    let engine = match options.engine {
        #[cfg(feature = "engine")]
        EngineName::Open => {
            let engine = load_engine(options.threads).await?;
            let name = format!("open models ({})", engine.diarizer().models());
            builder = builder.engine(DiarizerEngine::from(engine));
            name
        }
        EngineName::Scripted => {
            builder = builder.engine(ScriptedEngine::new());
            "scripted (no model runs, all results are invented)".to_owned()
        }
    };
    builder = builder
        .key(options.key)
        .listen(options.listen)
        .concurrency(options.concurrency)
        .job_retention(options.retention)
        .grace_period(options.grace_period)
        .max_recorded_requests(0);
    if let Some(data_dir) = options.data_dir {
        builder = builder.data_dir(data_dir);
    }
    if let Some(url) = options.public_url {
        builder = builder.public_url(url);
    }
    if let Some(database) = options.database {
        builder = builder.store(Store::connect(&database).await?);
    }
    if let Some(secret) = options.webhook_secret {
        builder = builder.webhook_secret(secret);
    }
    if options.no_rate_limits {
        builder = builder.rate_limits(RateLimits::off());
    }
    if options.allow_private_networks {
        builder = builder.allow_private_networks();
    }
    if options.allow_public_bind {
        builder = builder.allow_public_bind();
    }
    let server = builder.start().await.map_err(start_error)?;
    let mut signals = StopSignals::new()?;
    // The key is a secret and is not printed.
    let _ = writeln!(
        std::io::stdout(),
        "Listening on {url}\nEngine: {engine}\n\n    export PYANNOTEAI_BASE_URL={url}\n    export PYANNOTEAI_API_KEY=…  # the value of --key\n\nPress Ctrl-C to stop.",
        url = server.url()
    );
    signals.next().await;
    if let Some(message) = stopping_message(server.running_jobs(), server.open_connections()) {
        let _ = writeln!(std::io::stderr(), "{message}");
    }
    let mut code = ExitCode::SUCCESS;
    let second_signal = async {
        signals.next().await;
        code = ExitCode::from(INTERRUPTED);
    };
    server.stop_early(second_signal).await;
    Ok(code)
}

/// Converts a start error. Its message names the option of the command line instead of the method of the builder.
fn start_error(error: StartError) -> anyhow::Error {
    match error {
        StartError::PublicAddress(address) => anyhow::anyhow!(
            "{address} is reachable from other machines over plain http: pass --allow-public-bind to allow this"
        ),
        error => error.into(),
    }
}

/// The message of an error of [`Assets::ensure`]; the cause follows.
#[cfg(feature = "engine")]
const DOWNLOAD_FAILED: &str =
    "cannot download the models (to try again, run `pyannote-server assets`)";

/// Loads the open models, and downloads their files first if they are missing.
#[cfg(feature = "engine")]
async fn load_engine(threads: Option<NonZero<usize>>) -> anyhow::Result<Engine> {
    let load = move || {
        let mut builder = Engine::builder().on_download(show_progress);
        if let Some(threads) = threads {
            builder = builder.threads(threads);
        }
        builder.load()
    };
    match tokio::task::spawn_blocking(load).await? {
        Err(LoadError::Assets(error)) => Err(error).context(DOWNLOAD_FAILED),
        result => Ok(result?),
    }
}

/// Downloads the assets, and prints their directory and checksums.
#[cfg(feature = "engine")]
async fn assets() -> anyhow::Result<()> {
    let assets = download_assets().await?;
    let mut text = format!("{}\n", assets.folder().display());
    let files = tokio::task::spawn_blocking(move || assets.files()).await?;
    for file in files.into_iter().flatten() {
        text += &format!("{}  {}\n", file.sha256, file.name);
    }
    let _ = write!(std::io::stdout(), "{text}");
    Ok(())
}

/// Downloads the assets that are missing.
#[cfg(feature = "engine")]
async fn download_assets() -> anyhow::Result<Assets> {
    let download = || {
        let assets = Assets::locate()?;
        assets.ensure(&mut show_progress)?;
        Ok::<_, AssetsError>(assets)
    };
    let assets = tokio::task::spawn_blocking(download).await?;
    assets.context(DOWNLOAD_FAILED)
}

#[cfg(feature = "engine")]
fn show_progress(progress: Progress) {
    let _ = writeln!(std::io::stderr(), "{progress}");
}
