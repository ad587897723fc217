//! The commands `serve` and `work` and their options, for programs that have them among their commands.
//!
//! The program `pyannote-server` is one of them, and shows how to use this module.

#[cfg(feature = "engine")]
mod assets;
mod cancel;
#[cfg(feature = "engine")]
mod ffmpeg;
mod file_limit;
mod listen_address;
mod places;
mod queue;
mod ranges;
mod signals;
#[cfg(feature = "engine")]
mod transcription_model;
mod work;
mod worker_options;

use std::error::Error;
use std::fmt;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;
use tracing_subscriber::EnvFilter;

#[cfg(feature = "engine")]
#[cfg_attr(docsrs, doc(cfg(feature = "engine")))]
pub use self::assets::assets;
use self::places::Role;
use self::signals::StopSignals;
pub use self::work::{Work, Working, work};
use self::worker_options::WorkerOptions;
use crate::engine::LiveOptions;
use crate::error::Chain;
use crate::media::StorageLimits;
use crate::{ConnectionLimits, LiveLimits, RateLimits, Server, StartError};

pub use cancel::{Cancel, cancel};

/// What is logged by default. PostgreSQL notices that tables exist already.
const LOG_FILTER: &str = "info,sqlx=warn";

/// An error of the command. Causes are sources.
pub type ServeError = Box<dyn Error + Send + Sync>;

/// Options of the command `serve`. Its help is not part of them: each program describes its own command.
#[derive(Args)]
// The struct of another program that contains these options may have the same name.
#[group(skip)]
pub struct Serve {
    /// API key that clients must send: any text, such as test-key.
    #[arg(long, env = "PYANNOTEAI_API_KEY", hide_env_values = true)]
    key: String,
    /// Address to listen on, such as localhost:9000, or only a port; port 0 selects a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000", value_parser = listen_address::parse)]
    listen: SocketAddr,
    #[command(flatten)]
    worker: WorkerOptions,
    /// Accept jobs, but leave processing them and sending webhooks to `pyannote-server work`.
    #[arg(long, conflicts_with = "concurrency")]
    no_work: bool,
    /// Maximum size of all uploads in the data directory, such as 100GB; others are rejected with status 507 [default: no
    /// limit].
    #[arg(long, value_name = "SIZE", conflicts_with = "media", allow_negative_numbers = true,
        value_parser = ranges::size(ranges::MAX_UPLOADS))]
    max_uploads: Option<ByteSize>,
    /// Space that uploads leave free on the disk for jobs and their results, but at most a twentieth of the disk.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", allow_negative_numbers = true,
        value_parser = ranges::size(ranges::FREE_SPACE))]
    free_space: ByteSize,
    /// Number of live streams at the same time; 0 disables them, and requests for them fail with status 403.
    #[arg(long, value_name = "STREAMS", default_value = "10", allow_negative_numbers = true,
        value_parser = ranges::number(0..=1_000))]
    live_streams: usize,
    /// Maximum duration of a live stream.
    #[arg(long, value_name = "TIME", default_value = "5h", value_parser = ranges::duration(ranges::LIVE_DURATION))]
    live_duration: Duration,
    /// How much audio the open models may take to be sure of a live event, 200ms to 5s; more is more accurate.
    #[cfg(feature = "engine")]
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_latency)]
    live_latency: Duration,
    /// Key of the operator; with it, POST /operator/jobs/JOB/cancel cancels a job of any team [default: there is no such
    /// operation].
    #[arg(
        long,
        value_name = "KEY",
        env = "PYANNOTE_SERVER_OPERATOR_KEY",
        hide_env_values = true
    )]
    operator_key: Option<String>,
    /// Number of connections at the same time, without those of live streams; more wait until others end. At most a
    /// quarter of the files that the process may open.
    #[arg(long, value_name = "CONNECTIONS", default_value = "1000", allow_negative_numbers = true,
        value_parser = ranges::number(1..=100_000))]
    max_connections: usize,
    /// Disable rate limiting [default: the limits of the pyannoteAI API].
    #[arg(long)]
    no_rate_limits: bool,
    /// Allow an address for --listen that other machines can reach, over unencrypted http.
    #[arg(long)]
    allow_public_bind: bool,
    /// URL that clients use to reach the server behind a proxy, such as https://diarization.example [default: the
    /// listening address].
    #[allow(rustdoc::bare_urls, reason = "the text is also the help on a terminal")]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

impl fmt::Debug for Serve {
    /// Does not show the API key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("listen", &self.listen)
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}

/// Parses the latency of live events.
#[cfg(feature = "engine")]
fn parse_latency(text: &str) -> Result<Duration, String> {
    let latency = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match LiveOptions::new().latency(latency).check() {
        Ok(()) => Ok(latency),
        Err(_) => Err(format!(
            "must be {} to {}",
            humantime::format_duration(LiveOptions::MIN_LATENCY),
            humantime::format_duration(LiveOptions::MAX_LATENCY)
        )),
    }
}

/// A server that is ready. Its `Display` says how to use it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Started<'a> {
    /// The base URL for clients.
    pub url: &'a str,
    /// Human-readable description of the engine that processes jobs.
    pub engine: &'a str,
}

impl fmt::Display for Started<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, engine } = self;
        // The key is a secret and is not printed.
        write!(
            f,
            "Listening on {url}\nEngine: {engine}\n\n    export PYANNOTEAI_BASE_URL={url}\n    export \
             PYANNOTEAI_API_KEY=…  # the value of --key\n\nPress Ctrl-C to stop."
        )
    }
}

/// How a server or workers were stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stopped {
    /// By one signal, after which running jobs and requests had the grace period; or while it was starting.
    Gracefully,
    /// By a second signal.
    AtOnce,
}

/// Formats an error and its causes, separated by colons. Skips a cause that the message before it repeats.
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    Chain(error).to_string()
}

/// Writes log messages to standard error. The variable `RUST_LOG` selects them. They have colors only on a terminal, and
/// not if the variable `NO_COLOR` is set.
pub fn init_logging() {
    let variable = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let (filter, invalid) = match EnvFilter::try_new(&variable) {
        _ if variable.is_empty() => (EnvFilter::new(LOG_FILTER), None),
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new(LOG_FILTER), Some(error)),
    };
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal() && !no_color)
        .with_writer(std::io::stderr)
        .init();
    if let Some(error) = invalid {
        tracing::warn!(%error, "RUST_LOG is invalid and has no effect: use a level or targets, such as warn or pyannote_server=debug");
    }
}

/// Runs a server until Ctrl-C or SIGTERM. Calls `on_start` when it is ready.
///
/// `download_command` is the command of the program that downloads the models, for errors.
///
/// # Errors
///
/// If the models cannot be loaded or the server cannot be started. The messages name options of the command line.
pub async fn serve(
    options: Serve,
    download_command: &str,
    on_start: impl FnOnce(Started<'_>),
) -> Result<Stopped, ServeError> {
    // Before anything that takes time.
    let mut signals = StopSignals::new()?;
    file_limit::raise();
    let started = signals.unless_stopped(start(options, download_command));
    let Some(started) = started.await else {
        return Ok(Stopped::Gracefully);
    };
    let (server, engine) = started?;
    on_start(Started {
        url: server.url(),
        engine: &engine,
    });
    Ok(signals.stop(server.into_workers()).await)
}

/// Starts a server. Also returns the description of its engine.
async fn start(options: Serve, download_command: &str) -> Result<(Server, String), ServeError> {
    let role = match options.no_work {
        true => Role::Server,
        false => Role::ServerAndWorkers,
    };
    #[cfg(feature = "engine")]
    let live = LiveOptions::new().latency(options.live_latency);
    #[cfg(not(feature = "engine"))]
    let live = LiveOptions::new();
    let mut builder = Server::builder()
        .key(options.key)
        .listen(options.listen)
        .storage_limits(StorageLimits {
            team_bytes: options.max_uploads.map_or(u64::MAX, |size| size.as_u64()),
            free_bytes: options.free_space.as_u64(),
        })
        .live_limits(LiveLimits {
            streams_per_team: options.live_streams,
            streams: options.live_streams,
            duration: options.live_duration,
            ..LiveLimits::default()
        })
        .connection_limits(ConnectionLimits {
            connections: options.max_connections,
            ..ConnectionLimits::default()
        })
        .max_recorded_requests(0);
    if options.no_work {
        builder = builder.no_work();
    }
    if let Some(url) = options.public_url {
        builder = builder.public_url(url);
    }
    if let Some(key) = options.operator_key {
        builder = builder.operator_key(key);
    }
    if options.no_rate_limits {
        builder = builder.rate_limits(RateLimits::off());
    }
    if options.allow_public_bind {
        builder = builder.allow_public_bind();
    }
    let worker = options.worker;
    let builder = worker.configure(role, builder).await?;
    let (builder, engine) = worker.load(role, builder, live, download_command).await?;
    let server = builder.start().await.map_err(start_error)?;
    Ok((server, engine))
}

/// Converts a start error. Its message names options of the command line instead of methods of the builder.
fn start_error(error: StartError) -> ServeError {
    match error {
        StartError::PublicAddress(address) => format!(
            "{address} is reachable from other machines over plain http: pass --allow-public-bind to allow this"
        )
        .into(),
        error @ StartError::InvalidKey => format!("invalid --key: {error}").into(),
        error @ StartError::InvalidOperatorKey => format!("invalid --operator-key: {error}").into(),
        StartError::DuplicateKey => "--operator-key is the same as --key: use another one".into(),
        error @ StartError::EmptyWebhookSecret => format!("invalid --webhook-secret: {error}").into(),
        error @ StartError::InvalidPublicUrl => format!("invalid --public-url: {error}").into(),
        error @ StartError::Listen { .. } => {
            format!("{} (--listen selects another address)", Chain(&error)).into()
        }
        error => error.into(),
    }
}
