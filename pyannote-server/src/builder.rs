//! Builder of a [`Server`].

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::api::worker_router;
use crate::api_key::ApiKey;
use crate::config::Config;
use crate::connections::{ConnectionLimits, Connections, Listener};
use crate::engine::Engine;
use crate::error::StartError;
use crate::live::LiveLimits;
use crate::media::{MediaStore, StorageLimits};
use crate::rate_limit::RateLimits;
use crate::server::Server;
use crate::setup::Setup;
use crate::store::Store;
use crate::worker::{AudioSource, Workers};

/// Builder of a [`Server`]. An engine and a key are required; everything else has a default.
///
/// ```
/// use pyannote_server::{ApiKey, RateLimits, Scope, ScriptedEngine, Server};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pyannote_server::StartError> {
/// let server = Server::builder()
///     .engine(ScriptedEngine::new())
///     .key("test-key")
///     .api_key(ApiKey::new("reader").scopes([Scope::JobsRead]))
///     .rate_limits(RateLimits::off())
///     .start()
///     .await?;
/// # server.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
#[must_use = "the server runs only after `.start().await`"]
pub struct ServerBuilder {
    config: Config,
}

impl ServerBuilder {
    /// Sets the engine that processes jobs. Required.
    pub fn engine(mut self, engine: impl Engine) -> Self {
        self.config.engine = Some(Arc::new(engine));
        self
    }

    /// Sets the engine, as [`engine`](Self::engine).
    #[cfg(feature = "cli")]
    pub(crate) fn shared_engine(mut self, engine: Arc<dyn Engine>) -> Self {
        self.config.engine = Some(engine);
        self
    }

    /// Sets where recordings come from, for an engine that needs audio. The function receives the server's
    /// uploaded media. Default: uploaded media and http(s) URLs (feature `engine`).
    pub fn audio_source(
        mut self,
        create: impl FnOnce(MediaStore) -> Arc<dyn AudioSource> + Send + 'static,
    ) -> Self {
        self.config.audio_source = Some(Box::new(create));
        self
    }

    /// Allows recordings to be fetched from private and loopback addresses, and webhooks to be sent there. Anyone with an
    /// API key can then make the server send requests to hosts on its own network.
    pub fn allow_private_networks(mut self) -> Self {
        self.config.allow_private_networks = true;
        self
    }

    /// Sets whether, and which, `ffmpeg` decodes recordings that the engine cannot decode. Default:
    /// [`Ffmpeg::default`](pyannote_engine::audio::Ffmpeg::default).
    #[cfg(feature = "engine")]
    pub fn ffmpeg(mut self, ffmpeg: pyannote_engine::audio::Ffmpeg) -> Self {
        self.config.ffmpeg = ffmpeg;
        self
    }

    /// Sets the job store. Default: an SQLite file in the data directory.
    pub fn store(mut self, store: Store) -> Self {
        self.config.store = Some(store);
        self
    }

    /// Sets where uploaded media are stored. Default: a folder in the data directory.
    pub fn media(mut self, media: MediaStore) -> Self {
        self.config.media = Some(media);
        self
    }

    /// Sets the job store, and closes it at the end.
    #[cfg(feature = "cli")]
    pub(crate) fn own_store(mut self, store: Store) -> Self {
        self.config.owns_store = true;
        self.store(store)
    }

    /// Checks what can be checked before the engine is loaded, which takes time: the options, and whether the address is
    /// free.
    #[cfg(feature = "cli")]
    pub(crate) async fn check(&self) -> Result<(), StartError> {
        self.config.validate()?;
        if let Some(address) = self.config.listen {
            Listener::bind(address).await?;
        }
        Ok(())
    }

    /// Adds an API key of the team `local` with all scopes. [`Server::api_key`] returns the first key that was added.
    pub fn key(self, key: impl Into<SecretString>) -> Self {
        self.api_key(ApiKey::new(key))
    }

    /// Adds an API key with its own team and scopes.
    pub fn api_key(mut self, key: ApiKey) -> Self {
        self.config.keys.push(key);
        self
    }

    /// Sets the key of the operator, and enables `POST /operator/jobs/{id}/cancel`, which cancels a job of any team:
    ///
    /// ```sh
    /// curl -X POST -H "Authorization: Bearer $OPERATOR_KEY" $URL/operator/jobs/$JOB_ID/cancel
    /// ```
    ///
    /// The key is no API key. Default: no key, and no such operation.
    pub fn operator_key(mut self, key: impl Into<SecretString>) -> Self {
        self.config.operator_key = Some(ApiKey::new(key));
        self
    }

    /// Sets the address to listen on. Default: a free port of 127.0.0.1.
    ///
    /// [Workers without a server](Self::start_workers) listen only if it is set. They respond to `GET /healthz` and
    /// `GET /metrics`, and nothing else.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.config.listen = Some(address);
        self
    }

    /// Allows an address that is reachable from other machines. API keys and recordings then cross the network
    /// unencrypted, unless a reverse proxy adds TLS.
    pub fn allow_public_bind(mut self) -> Self {
        self.config.allow_public_bind = true;
        self
    }

    /// Sets the origin that clients use to reach the server, for pre-signed URLs and those of live streams. Default: the
    /// listening address.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.config.public_url = Some(url.into());
        self
    }

    /// Sets the directory for uploads, jobs and temporary files. Default: a temporary directory that is deleted with the
    /// server; temporary files are then in that of the system.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.data_dir = Some(path.into());
        self
    }

    /// Sets the rate limits. Default: the limits of the pyannoteAI API.
    pub fn rate_limits(mut self, limits: RateLimits) -> Self {
        self.config.rate_limits = limits;
        self
    }

    /// Sets the limits of connections. Default: 1,000 connections, and up to 30 s for a client that does nothing.
    pub fn connection_limits(mut self, limits: ConnectionLimits) -> Self {
        self.config.connection_limits = limits;
        self
    }

    /// Sets the maximum size of a request body, in bytes. Uploads have their own limit. Default: 2 MiB.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.config.max_body_bytes = bytes;
        self
    }

    /// Sets the maximum size of an upload, in bytes. Default: 1 GiB.
    pub fn max_media_bytes(mut self, bytes: u64) -> Self {
        self.config.max_media_bytes = bytes;
        self
    }

    /// Sets the limits on the storage that uploads use; others are rejected with status 507. Default: no limit for a team,
    /// and 1 GiB of free space, or a twentieth of a small disk. A [bucket](MediaStore::bucket) has no limits.
    pub fn storage_limits(mut self, limits: StorageLimits) -> Self {
        self.config.storage_limits = limits;
        self
    }

    /// Sets how long pre-signed URLs are valid, in whole seconds; zero makes them expire immediately. Default: 1 h.
    pub fn presigned_url_lifetime(mut self, lifetime: Duration) -> Self {
        self.config.presigned_url_lifetime = lifetime;
        self
    }

    /// Sets the secret that signs webhooks. Without it, no webhooks are sent.
    pub fn webhook_secret(mut self, secret: impl Into<SecretString>) -> Self {
        self.config.webhook_secret = Some(secret.into());
        self
    }

    /// Sets how many jobs compute at once, 1 to 64. Default: 2 if the engine needs audio, otherwise 1, so that jobs end in
    /// the order of their submission.
    ///
    /// Jobs with recordings of more than 10 minutes leave one of them to shorter jobs, unless there is only one. Of the
    /// jobs that wait, those with short recordings compute first, and those that have waited for long. Recordings are
    /// fetched and decoded beside the computation.
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.config.concurrency = Some(jobs);
        self
    }

    /// Leaves jobs and their webhooks to [workers](Self::start_workers) in other processes, which share the store and the
    /// uploaded media.
    ///
    /// The server needs the engine nevertheless: to check requests, and for live streams.
    pub fn no_work(mut self) -> Self {
        self.config.work = false;
        self
    }

    /// Sets how long [`Server::stop`] waits for requests, streams and jobs in progress. Default: 8 s, since service
    /// managers often kill a process 10 s after they have asked it to stop.
    pub fn grace_period(mut self, grace_period: Duration) -> Self {
        self.config.grace_period = grace_period;
        self
    }

    /// Sets how long a job or a live stream is kept after its end. The request of a job is deleted as soon as it ends, and
    /// its output after 24 h. Default: 30 days.
    pub fn job_retention(mut self, retention: Duration) -> Self {
        self.config.job_retention = retention;
        self
    }

    /// Sets the limits of live streams, or disables them. Default: those of the pyannoteAI API.
    pub fn live_limits(mut self, limits: LiveLimits) -> Self {
        self.config.live_limits = limits;
        self
    }

    /// Sets how many of the latest requests [`Server::requests`] keeps in memory, with their bodies; 0 keeps none.
    /// Default: 1,000.
    pub fn max_recorded_requests(mut self, requests: usize) -> Self {
        self.config.max_recorded_requests = requests;
        self
    }

    /// Starts the server in the background of the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns [`StartError`] if the engine or the key is missing, an option is invalid, the address is in use, or the
    /// data directory or the store cannot be opened.
    pub async fn start(self) -> Result<Server, StartError> {
        Server::start(self.config).await
    }

    /// Starts workers without a server, in the background of the current Tokio runtime. They process the jobs that a
    /// server in another process accepts, and send the webhooks. They need the server's store and uploaded media: its
    /// data directory, or a shared [`store`](Self::store) and [`media`](Self::media). No key is needed. With
    /// [`listen`](Self::listen), they have a health check and metrics.
    ///
    /// ```
    /// use pyannote_server::store::Store;
    /// use pyannote_server::{ScriptedEngine, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), pyannote_server::StartError> {
    /// let store = Store::temporary().await?;
    /// let builder = || Server::builder().engine(ScriptedEngine::new()).store(store.clone());
    /// let server = builder().key("test-key").no_work().start().await?;
    /// let workers = builder().start_workers().await?;
    /// # server.stop().await;
    /// # workers.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`StartError`] if the engine is missing, an option is invalid, the address is in use, there is neither a
    /// store nor a data directory, or one of them cannot be opened.
    pub async fn start_workers(mut self) -> Result<Workers, StartError> {
        if self.config.store.is_none() && self.config.data_dir.is_none() {
            return Err(StartError::MissingQueue);
        }
        self.config.validate()?;
        self.config.work = true;
        let listener = match self.config.listen {
            Some(address) => Some(Listener::bind(address).await?),
            None => None,
        };
        let setup = Setup::new(&mut self.config).await?;
        let store = setup.workers.store.clone();
        let workers = Workers::start_with(setup.workers, setup.timing)
            .await?
            .keep(setup.resources);
        let Some(listener) = listener else {
            return Ok(workers);
        };
        let router = worker_router(store, workers.lanes().clone());
        let connections = Connections::new(self.config.connection_limits);
        Ok(workers.serve(listener, connections, router))
    }
}

impl std::fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("listen", &self.config.listen)
            .field("rate_limits", &self.config.rate_limits)
            .finish_non_exhaustive()
    }
}
