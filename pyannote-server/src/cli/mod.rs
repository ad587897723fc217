//! The command `serve` and its options, for programs that have it as one of their commands.
//!
//! The program `pyannote-server` is one of them, and shows how to use this module.

mod signals;
#[cfg(feature = "engine")]
mod transcription_model;

use std::error::Error;
use std::fmt;
use std::io::Write as _;
use std::net::SocketAddr;
#[cfg(feature = "engine")]
use std::num::NonZero;
#[cfg(feature = "engine")]
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
#[cfg(feature = "engine")]
use pyannote_engine::assets::{AssetFile, Assets, AssetsError, Progress};
#[cfg(feature = "engine")]
use pyannote_engine::audio::Ffmpeg;
#[cfg(feature = "engine")]
use pyannote_engine::transcription::Whisper;
#[cfg(feature = "engine")]
use pyannote_engine::{Diarizer, Engine, LiveOptions, LoadError};
use tracing_subscriber::EnvFilter;

use self::signals::{StopSignals, stopping_message};
#[cfg(feature = "engine")]
use self::transcription_model::TranscriptionModel;
#[cfg(feature = "engine")]
use crate::engine::DiarizerEngine;
use crate::error::Chain;
use crate::store::Store;
use crate::{LiveLimits, RateLimits, ScriptedEngine, Server, StartError};

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
    /// Address to listen on; port 0 selects a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Engine that processes jobs and live streams.
    #[arg(long, value_enum, default_value_t)]
    engine: EngineName,
    /// Number of threads of the open models, for all jobs together, at most 8 per processor [default: number of
    /// processors].
    #[cfg(feature = "engine")]
    #[arg(long)]
    threads: Option<NonZero<usize>>,
    /// Whisper model that transcribes: a folder in the layout of CTranslate2, such as faster-whisper-small;
    /// "whisper-base", which is downloaded on first use (134 MB); or "off" [default: whisper-base, if it was
    /// downloaded].
    #[cfg(feature = "engine")]
    #[arg(long, value_name = "DIR")]
    transcription_model: Option<TranscriptionModel>,
    /// Program to decode recordings with that the engine cannot decode, or "off" to run no other program [default:
    /// ffmpeg on the PATH].
    #[cfg(feature = "engine")]
    #[arg(
        long,
        value_name = "PROGRAM",
        env = "PYANNOTE_FFMPEG",
        hide_env_values = true
    )]
    ffmpeg: Option<Ffmpeg>,
    /// Number of jobs to process at the same time.
    #[arg(long, value_name = "JOBS", default_value_t = 1)]
    concurrency: usize,
    /// Directory for uploads and jobs [default: a temporary directory, deleted on exit].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Number of live streams at the same time; 0 disables them, and requests for them fail with status 403.
    #[arg(long, value_name = "STREAMS", default_value_t = 10)]
    live_streams: usize,
    /// Maximum duration of a live stream.
    #[arg(long, value_name = "TIME", default_value = "5h", value_parser = humantime::parse_duration)]
    live_duration: Duration,
    /// How much audio the open models may take to be sure of a live event, 200ms to 5s; more is more accurate.
    #[cfg(feature = "engine")]
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_latency)]
    live_latency: Duration,
    /// How long to keep a job or live stream after its end, such as 12h or 7d; the request of a job is deleted when it
    /// ends, its output after 24 h.
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = humantime::parse_duration)]
    retention: Duration,
    /// How long to wait for running jobs, requests and live streams when stopping; then jobs are returned to the queue.
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
    #[allow(rustdoc::bare_urls, reason = "the text is also the help on a terminal")]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum EngineName {
    /// Open models, on the CPU; downloaded on first use.
    #[cfg(feature = "engine")]
    #[default]
    Open,
    /// Ignores the audio and returns invented results immediately, to try out a client.
    #[cfg_attr(not(feature = "engine"), default)]
    Scripted,
}

impl fmt::Debug for Serve {
    /// Shows neither the API key, the webhook secret, nor the database, whose URL may have a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("listen", &self.listen)
            .field("engine", &self.engine)
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

/// How a server was stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stopped {
    /// By one signal, after which running jobs and requests had the grace period.
    Gracefully,
    /// By a second signal.
    AtOnce,
}

/// Formats an error and its causes, separated by colons. Skips a cause that the message before it repeats.
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    Chain(error).to_string()
}

/// Writes log messages to standard error. The variable `RUST_LOG` selects them.
pub fn init_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
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
    let mut builder = Server::builder();
    let engine = match options.engine {
        #[cfg(feature = "engine")]
        EngineName::Open => {
            let loaded = load_engine(
                options.threads,
                options.transcription_model,
                download_command,
            );
            let (engine, whisper) = loaded.await?;
            let transcription = match &whisper {
                Some(whisper) => format!("transcription with {}", whisper.name()),
                None => "no transcription, see --transcription-model".to_owned(),
            };
            let name = format!(
                "open models ({}), {transcription}",
                engine.diarizer().models()
            );
            let live = LiveOptions::new().latency(options.live_latency);
            let mut engine = DiarizerEngine::from(engine).live_options(live);
            if let Some(whisper) = whisper {
                engine = engine.transcriber(whisper);
            }
            builder = builder.engine(engine);
            name
        }
        EngineName::Scripted => {
            #[cfg(not(feature = "engine"))]
            let _ = download_command;
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
        .live_limits(LiveLimits {
            streams_per_team: options.live_streams,
            streams: options.live_streams,
            duration: options.live_duration,
            ..LiveLimits::default()
        })
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
    #[cfg(feature = "engine")]
    if let Some(ffmpeg) = options.ffmpeg {
        builder = builder.ffmpeg(ffmpeg);
    }
    let server = builder.start().await.map_err(start_error)?;
    let mut signals = StopSignals::new()?;
    on_start(Started {
        url: server.url(),
        engine: &engine,
    });
    signals.next().await;
    if let Some(message) = stopping_message(server.running_jobs(), server.open_connections()) {
        let _ = writeln!(std::io::stderr(), "{message}");
    }
    let mut stopped = Stopped::Gracefully;
    let second_signal = async {
        signals.next().await;
        stopped = Stopped::AtOnce;
    };
    server.stop_early(second_signal).await;
    Ok(stopped)
}

/// Converts a start error. Its message names the option of the command line instead of the method of the builder.
fn start_error(error: StartError) -> ServeError {
    match error {
        StartError::PublicAddress(address) => format!(
            "{address} is reachable from other machines over plain http: pass --allow-public-bind to allow this"
        )
        .into(),
        error => error.into(),
    }
}

/// The models cannot be downloaded.
#[cfg(feature = "engine")]
#[derive(Debug, thiserror::Error)]
#[error("cannot download the models (to try again, run `{download_command}`)")]
struct DownloadFailed {
    download_command: String,
    source: AssetsError,
}

/// Loads the open models and the transcription model, if there is one. Downloads the files of the open models first if
/// they are missing.
#[cfg(feature = "engine")]
async fn load_engine(
    threads: Option<NonZero<usize>>,
    transcription_model: Option<TranscriptionModel>,
    download_command: &str,
) -> Result<(Engine, Option<Whisper>), ServeError> {
    let load = move || {
        let mut builder = Engine::builder().on_download(show_progress);
        if let Some(threads) = threads {
            builder = builder.threads(threads);
        }
        let engine = builder.load()?;
        let folder = TranscriptionModel::folder(transcription_model, &mut show_progress)?;
        let load = |folder| Whisper::load_beside(folder, engine.diarizer());
        let whisper = folder.map(load).transpose()?;
        Ok((engine, whisper))
    };
    match tokio::task::spawn_blocking(load).await? {
        Err(LoadError::Assets(error)) => Err(Box::new(DownloadFailed {
            download_command: download_command.to_owned(),
            source: error,
        })),
        result => Ok(result?),
    }
}

/// Downloads the models and the sample recording unless they are there, and prints their folder and checksums to
/// standard output; with `transcription`, also the transcription model. `download_command` is as for [`serve`].
///
/// # Errors
///
/// If they cannot be downloaded.
#[cfg(feature = "engine")]
pub async fn assets(transcription: bool, download_command: &str) -> Result<(), ServeError> {
    let download = move || {
        let assets = Assets::locate()?;
        assets.ensure(&mut show_progress)?;
        let mut text = listing(assets.folder(), assets.files());
        if transcription {
            let whisper = assets.whisper();
            whisper.ensure(&mut show_progress)?;
            text += &listing(whisper.folder(), whisper.files());
        }
        Ok::<_, AssetsError>(text)
    };
    let text = tokio::task::spawn_blocking(download)
        .await?
        .map_err(|source| DownloadFailed {
            download_command: download_command.to_owned(),
            source,
        })?;
    let _ = write!(std::io::stdout(), "{text}");
    Ok(())
}

/// A folder, and the checksums of its files.
#[cfg(feature = "engine")]
fn listing(folder: &Path, files: Option<Vec<AssetFile>>) -> String {
    let mut text = format!("{}\n", folder.display());
    for file in files.into_iter().flatten() {
        text += &format!("{}  {}\n", file.sha256, file.name);
    }
    text
}

/// Shows the progress of a download on standard error.
#[cfg(feature = "engine")]
fn show_progress(progress: Progress) {
    let _ = writeln!(std::io::stderr(), "{progress}");
}
