//! The program `pyannote-local`: a server that speaks the pyannoteAI API.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
#[cfg(feature = "models")]
use pyannote_local::assets::{Assets, AssetsError, LICENCES};
use pyannote_local::store::Store;
use pyannote_local::{Limits, LocalServer, ScriptedEngine};
use tracing_subscriber::EnvFilter;

/// A server on your own machine that speaks the pyannoteAI API.
#[derive(Parser)]
#[command(
    name = "pyannote-local",
    version,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Name the open models and the sample recording, their sources, and the text of their licences.
    #[cfg(feature = "models")]
    #[arg(long)]
    licenses: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API until Ctrl-C.
    Serve(Serve),
    /// Fetch the open models and the sample recording now, unless they are there, and say where they are.
    #[cfg(feature = "models")]
    Assets,
}

#[derive(Args)]
struct Serve {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// The API key that clients must send.
    #[arg(long, env = "PYANNOTEAI_API_KEY", hide_env_values = true)]
    key: String,
    /// The folder for media and jobs; a temporary one unless given.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where jobs are kept, such as sqlite:jobs.sqlite or, where it was built with it, postgres://…; in the folder
    /// unless given.
    #[arg(long, env = "PYANNOTE_LOCAL_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// What webhooks are signed with; none are sent without.
    #[arg(long, env = "PYANNOTEAI_WEBHOOK_SECRET", hide_env_values = true)]
    webhook_secret: Option<String>,
    /// How many jobs are worked on at once.
    #[arg(long, default_value_t = 1)]
    concurrency: usize,
    /// Take any number of requests a minute; the API's own limits otherwise.
    #[arg(long)]
    no_rate_limits: bool,
    /// Fetch recordings from private and loopback addresses, too.
    #[arg(long)]
    allow_private_audio: bool,
    /// What works on the jobs.
    #[arg(long, value_enum, default_value_t = EngineName::Scripted)]
    engine: EngineName,
    /// Allow an address that other machines can reach, over plain http.
    #[arg(long)]
    allow_public_bind: bool,
    /// The origin under which clients reach the server, where it is not its own address.
    #[arg(long)]
    public_url: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum EngineName {
    /// Hears nothing, and gives plausible outputs.
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
    #[cfg(feature = "models")]
    if cli.licenses {
        let _ = write!(std::io::stdout(), "{LICENCES}");
        return ExitCode::SUCCESS;
    }
    let done = match cli.command {
        Some(Command::Serve(options)) => serve(options).await,
        #[cfg(feature = "models")]
        Some(Command::Assets) => assets().await,
        // It shows its help where it is told nothing.
        None => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a standard error there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "pyannote-local: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Serve) -> Result<(), Box<dyn std::error::Error>> {
    let EngineName::Scripted = options.engine;
    let mut builder = LocalServer::builder()
        .engine(ScriptedEngine::new())
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
        "pyannote-local listens at {url}\n\n    export PYANNOTEAI_BASE_URL={url}\n    export PYANNOTEAI_API_KEY=…  # the key given here\n\nCtrl-C stops it.",
        url = server.url()
    );
    interrupted().await;
    server.stop().await;
    Ok(())
}

/// Fetches what the models need, and shows the folder and the sums.
#[cfg(feature = "models")]
async fn assets() -> Result<(), Box<dyn std::error::Error>> {
    let shown = tokio::task::spawn_blocking(|| {
        let assets = Assets::locate()?;
        assets.ensure(&mut |progress| {
            let _ = writeln!(std::io::stderr(), "{progress}");
        })?;
        let mut shown = format!("{}\n", assets.folder().display());
        for file in assets.files().unwrap_or_default() {
            shown += &format!("{}  {}\n", file.sha256, file.name);
        }
        Ok::<_, AssetsError>(shown)
    });
    let _ = write!(std::io::stdout(), "{}", shown.await??);
    Ok(())
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
