//! The options that `serve` and `work` share: how jobs are processed, and where they are.

use std::fmt;
#[cfg(feature = "engine")]
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
#[cfg(feature = "engine")]
use pyannote_engine::audio::Ffmpeg;
#[cfg(feature = "engine")]
use pyannote_engine::transcription::Whisper;
#[cfg(feature = "engine")]
use pyannote_engine::{Community1, Diarizer, Engine as OpenEngine, LoadError};

#[cfg(feature = "engine")]
use super::assets::{DownloadFailed, show_progress};
#[cfg(feature = "engine")]
use super::ffmpeg;
use super::places::{self, Role};
#[cfg(feature = "engine")]
use super::transcription_model::TranscriptionModel;
use super::{ServeError, queue, ranges, start_error};
use crate::config::MAX_LANES;
#[cfg(feature = "engine")]
use crate::engine::DiarizerEngine;
use crate::engine::{Engine, LiveOptions};
use crate::error::Chain;
use crate::media::MediaStore;
use crate::{ScriptedEngine, ServerBuilder};

/// How jobs are processed, and where they are.
#[derive(Args)]
#[group(skip)]
pub(super) struct WorkerOptions {
    /// Engine that computes the results.
    #[arg(long, value_enum, default_value_t)]
    pub(super) engine: EngineName,
    /// Number of threads of the open models, for all jobs together, at most 8 per processor [default: number of
    /// processors].
    #[cfg(feature = "engine")]
    #[arg(long, allow_negative_numbers = true, value_parser = ranges::number(1..=max_threads()))]
    pub(super) threads: Option<usize>,
    /// Diarize recordings with four times as many windows: more accurate in some, in two to three times the time. Live
    /// streams and community-1 are not affected.
    #[cfg(feature = "engine")]
    #[arg(long)]
    pub(super) accurate: bool,
    /// Folder of community-1, for requests with that model; others, and live streams, use the open models [default: that of
    /// the variable PYANNOTE_COMMUNITY_1, or else the one that `pyannote models add` has copied].
    #[cfg(feature = "engine")]
    #[arg(long, value_name = "DIR")]
    pub(super) models: Option<PathBuf>,
    /// Whisper model that transcribes: a folder in the layout of CTranslate2, such as faster-whisper-small;
    /// "whisper-base", which is downloaded on first use (134 MB); or "off" [default: whisper-base, if it was
    /// downloaded].
    #[cfg(feature = "engine")]
    #[arg(long, value_name = "DIR")]
    pub(super) transcription_model: Option<TranscriptionModel>,
    /// Program to decode recordings with that the engine cannot decode, or "off" to run no other program [default:
    /// ffmpeg on the PATH].
    #[cfg(feature = "engine")]
    #[arg(
        long,
        value_name = "PROGRAM",
        env = "PYANNOTE_FFMPEG",
        hide_env_values = true
    )]
    pub(super) ffmpeg: Option<Ffmpeg>,
    /// Number of jobs that compute at the same time; recordings of more than 10 minutes leave one to shorter ones
    /// [default: 2; 1 for the scripted engine].
    #[arg(long, value_name = "JOBS", allow_negative_numbers = true, value_parser = ranges::number(1..=MAX_LANES as u64))]
    pub(super) concurrency: Option<usize>,
    /// Directory for uploads and jobs [default: a temporary directory, deleted on exit].
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// How long to keep a job or live stream after its end, such as 12h or 7d; the request of a job is deleted when it
    /// ends, its output after 24 h.
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = ranges::duration(ranges::RETENTION))]
    pub(super) retention: Duration,
    /// How long to wait for running jobs, requests and live streams when stopping; then jobs are returned to the queue.
    #[arg(long, value_name = "TIME", default_value = "8s", value_parser = ranges::duration(ranges::GRACE_PERIOD))]
    pub(super) grace_period: Duration,
    /// Database for jobs: sqlite:PATH, or postgres://… if built with PostgreSQL support [default: a file in
    /// --data-dir].
    #[arg(
        long,
        value_name = "URL",
        env = "PYANNOTE_SERVER_DATABASE",
        hide_env_values = true
    )]
    pub(super) database: Option<String>,
    /// Bucket for uploads, s3://BUCKET/PREFIX, if built with S3 support; what is below the prefix is deleted after 48 h.
    /// AWS_… variables have the credentials and the endpoint [default: a folder in --data-dir].
    #[arg(long, value_name = "URL")]
    pub(super) media: Option<String>,
    /// Secret to sign webhooks with; without it, no webhooks are sent.
    #[arg(
        long,
        value_name = "SECRET",
        env = "PYANNOTEAI_WEBHOOK_SECRET",
        hide_env_values = true
    )]
    pub(super) webhook_secret: Option<String>,
    /// Fetch recordings from, and send webhooks to, loopback and private addresses, too; anyone with the key can then
    /// send requests to your network.
    #[arg(long)]
    pub(super) allow_private_networks: bool,
}

/// The name of an engine.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum EngineName {
    /// Open models, on the CPU; downloaded on first use.
    #[cfg(feature = "engine")]
    #[default]
    Open,
    /// Ignores the audio and returns invented results immediately, to try out a client.
    #[cfg_attr(not(feature = "engine"), default)]
    Scripted,
}

impl fmt::Debug for WorkerOptions {
    /// Shows neither the webhook secret nor the database, whose URL may have a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerOptions")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

/// community-1 cannot be loaded.
#[cfg(feature = "engine")]
#[derive(Debug, thiserror::Error)]
#[error("cannot use the folder of community-1 that {named_by} names")]
struct CommunityFailed {
    /// The option, variable or command.
    named_by: &'static str,
    source: LoadError,
}

/// An engine, and its description for users.
struct LoadedEngine {
    engine: Arc<dyn Engine>,
    description: String,
}

impl WorkerOptions {
    /// Loads the engine. Downloads the open models first if they are missing. `download_command` is the command that
    /// does so, for errors.
    async fn load_engine(
        &self,
        live: LiveOptions,
        download_command: &str,
    ) -> Result<LoadedEngine, ServeError> {
        match self.engine {
            #[cfg(feature = "engine")]
            EngineName::Open => self.load_models(live, download_command).await,
            EngineName::Scripted => {
                let _ = (live, download_command);
                Ok(LoadedEngine {
                    engine: Arc::new(ScriptedEngine::new()),
                    description: "scripted (no model runs, all results are invented)".to_owned(),
                })
            }
        }
    }

    #[cfg(feature = "engine")]
    async fn load_models(
        &self,
        live: LiveOptions,
        download_command: &str,
    ) -> Result<LoadedEngine, ServeError> {
        let threads = self.threads.and_then(NonZero::new);
        let transcription_model = self.transcription_model.clone();
        // First, since the open models may have to be downloaded.
        let folder = match &self.models {
            Some(folder) => Some((folder.clone(), "--models")),
            None => Community1::locate_with_source(),
        };
        let load = move || {
            let load = |(folder, named_by)| {
                Community1::load(folder).map_err(|source| CommunityFailed { named_by, source })
            };
            folder.map(load).transpose()
        };
        let community = tokio::task::spawn_blocking(load).await??;
        let load = move || load_models(threads, transcription_model);
        let (engine, whisper) = match tokio::task::spawn_blocking(load).await? {
            Err(LoadError::Assets(error)) => {
                return Err(Box::new(DownloadFailed {
                    download_command: download_command.to_owned(),
                    source: error,
                }));
            }
            result => result?,
        };
        let community = community.map(|models| models.share_threads_with(engine.diarizer()));
        let on_request = match &community {
            Some(_) => "community-1 on request",
            None => "no community-1, see --models",
        };
        let transcription = match &whisper {
            Some(whisper) => format!("transcription with {}", whisper.name()),
            None => "no transcription, see --transcription-model".to_owned(),
        };
        let models = engine.diarizer().models();
        let description = format!("open models ({models}), {on_request}, {transcription}");
        let mut engine = DiarizerEngine::from(engine)
            .accurate(self.accurate)
            .live_options(live);
        if let Some(community) = community {
            engine = engine.model(Community1::NAME, community);
        }
        if let Some(whisper) = whisper {
            engine = engine.transcriber(whisper);
        }
        Ok(LoadedEngine {
            engine: Arc::new(engine),
            description,
        })
    }

    /// Fails if an option of the open models was used with another engine.
    #[cfg(feature = "engine")]
    fn check_engine(&self) -> Result<(), ServeError> {
        if matches!(self.engine, EngineName::Open) {
            return Ok(());
        }
        let used = [
            ("--models", self.models.is_some()),
            ("--transcription-model", self.transcription_model.is_some()),
            ("--accurate", self.accurate),
            ("--threads", self.threads.is_some()),
        ];
        match used.into_iter().find(|(_, is_used)| *is_used) {
            None => Ok(()),
            Some((option, _)) => {
                Err(format!("{option} has no effect on --engine scripted: remove it").into())
            }
        }
    }

    /// Passes the options to a builder, except for the engine and the database, and checks all of them, before the engine
    /// is loaded.
    pub(super) async fn configure(
        &self,
        role: Role,
        mut builder: ServerBuilder,
    ) -> Result<ServerBuilder, ServeError> {
        places::check(role, self)?;
        #[cfg(feature = "engine")]
        self.check_engine()?;
        builder = builder
            .job_retention(self.retention)
            .grace_period(self.grace_period);
        if let Some(jobs) = self.concurrency {
            builder = builder.concurrency(jobs);
        }
        if let Some(secret) = &self.webhook_secret {
            builder = builder.webhook_secret(&**secret);
        }
        if self.allow_private_networks {
            builder = builder.allow_private_networks();
        }
        if let Some(data_dir) = &self.data_dir {
            builder = builder.data_dir(data_dir);
        }
        #[cfg(feature = "engine")]
        {
            let decodes = matches!(self.engine, EngineName::Open) && role != Role::Server;
            ffmpeg::check(self.ffmpeg.clone(), decodes).await?;
            if let Some(ffmpeg) = &self.ffmpeg {
                builder = builder.ffmpeg(ffmpeg.clone());
            }
        }
        builder.check().await.map_err(start_error)?;
        if let Some(url) = &self.media {
            let bucket = MediaStore::bucket(url).await;
            let bucket = bucket.map_err(|error| format!("--media: {}", Chain(&error)))?;
            builder = builder.media(bucket);
        }
        // Not open while the engine is loaded, so that a start that is interrupted leaves nothing behind.
        if let Some(store) = queue::open(role, self).await? {
            store.close().await;
        }
        places::warn(role, self);
        Ok(builder)
    }

    /// Loads the engine, and passes it and the database to a builder. Returns the description of the engine, too.
    pub(super) async fn load(
        self,
        role: Role,
        mut builder: ServerBuilder,
        live: LiveOptions,
        download_command: &str,
    ) -> Result<(ServerBuilder, String), ServeError> {
        let LoadedEngine {
            engine,
            description,
        } = self.load_engine(live, download_command).await?;
        if let Some(store) = queue::open(role, &self).await? {
            builder = builder.own_store(store);
        }
        Ok((builder.shared_engine(engine), description))
    }
}

/// Maximum number of threads, as of the engine.
#[cfg(feature = "engine")]
fn max_threads() -> u64 {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    8 * processors as u64
}

/// Loads the open models, and the transcription model if there is one.
#[cfg(feature = "engine")]
fn load_models(
    threads: Option<NonZero<usize>>,
    transcription_model: Option<TranscriptionModel>,
) -> Result<(OpenEngine, Option<Whisper>), LoadError> {
    let mut builder = OpenEngine::builder().on_download(show_progress);
    if let Some(threads) = threads {
        builder = builder.threads(threads);
    }
    let engine = builder.load()?;
    let folder = TranscriptionModel::folder(transcription_model, &mut show_progress)?;
    let load = |folder| Whisper::load_beside(folder, engine.diarizer());
    let whisper = folder.map(load).transpose()?;
    Ok((engine, whisper))
}
