//! A running server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;
use url::Url;
use uuid::Uuid;

use crate::api::{AppState, Schemas, router};
use crate::api_key::ApiKeys;
use crate::builder::ServerBuilder;
use crate::config::Config;
use crate::connections::{Connections, Listener};
use crate::error::StartError;
use crate::faults::Faults;
use crate::live::{Live, LiveConfig};
use crate::media::{MediaStore, UrlSigner};
use crate::metrics::Metrics;
use crate::rate_limit::RateLimiter;
use crate::request_log::{RecordedRequest, RequestLog};
use crate::setup::Setup;
use crate::shutdown::Shutdown;
use crate::store::{Cancellation, StoreError};
use crate::worker::{JobInProgress, WorkerConfig, Workers};

/// A free port of this machine.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// How often expired media are deleted.
const MEDIA_SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// A server in this process.
///
/// Dropping it stops it at once; [`stop`](Self::stop) waits for the requests and jobs in progress.
#[must_use = "dropping the server stops it"]
pub struct Server {
    state: Arc<AppState>,
    url: String,
    api_key: String,
    /// They also have the connections. Dropping them stops everything.
    workers: Workers,
}

impl Server {
    /// Creates a builder.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    pub(crate) async fn start(mut config: Config) -> Result<Self, StartError> {
        if config.engine.is_none() {
            return Err(StartError::MissingEngine);
        }
        let first_key = config.keys.first().ok_or(StartError::MissingKey)?;
        let api_key = first_key.secret().to_owned();
        config.validate()?;
        let listener = Listener::bind(config.listen.unwrap_or(DEFAULT_ADDRESS)).await?;
        let url = listener.url.clone();
        let Setup {
            media,
            workers,
            timing,
            resources,
        } = Setup::new(&mut config).await?;
        let WorkerConfig {
            store,
            engine,
            faults,
            webhook_secret,
            concurrency,
            ..
        } = workers.clone();
        let shutdown = Shutdown::new();
        let workers = Workers::start_sharing(workers, timing, shutdown.clone())
            .await?
            .keep(resources);
        let connections = Connections::new(config.connection_limits);
        let lanes = workers.lanes().clone();
        let metrics = Arc::new(Metrics::new(lanes.metrics(), store.ended_jobs()));
        let live = Live::new(LiveConfig {
            limits: config.live_limits,
            store: store.clone(),
            engine: Arc::clone(&engine),
            metrics: Arc::clone(&metrics),
            connections: connections.clone(),
            shutdown: shutdown.clone(),
        });
        // `validate` has checked it.
        let public_url = config
            .public_url
            .as_deref()
            .and_then(|url| Url::parse(url).ok());
        let origin =
            public_url.map_or_else(|| url.clone(), |url| url.origin().ascii_serialization());
        let state = Arc::new(AppState {
            keys: ApiKeys::new(config.keys),
            operator_keys: ApiKeys::new(config.operator_key.into_iter().collect()),
            rate_limiter: RateLimiter::new(config.rate_limits),
            faults,
            request_log: RequestLog::new(config.max_recorded_requests),
            metrics,
            lanes,
            live: Arc::new(live.await),
            media: media.clone(),
            url_signer: UrlSigner::new(store.media_url_secret().await?),
            store,
            schemas: Schemas::new(),
            large_bodies: Arc::new(Semaphore::new(processors())),
            engine,
            origin,
            connection_limits: config.connection_limits,
            allow_private_networks: config.allow_private_networks,
            max_body_bytes: config.max_body_bytes,
            max_media_bytes: config.max_media_bytes,
            presigned_url_lifetime: config.presigned_url_lifetime,
            // Without workers, other processes send them, and may have a secret.
            drops_webhooks: webhook_secret.is_none() && concurrency > 0,
        });
        let router = router(Arc::clone(&state));
        tokio::spawn(sweep_media(media, shutdown));
        Ok(Self {
            state,
            url,
            api_key,
            workers: workers.serve(listener, connections, router),
        })
    }

    /// Returns the base URL for clients, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the first API key that was added to the builder.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Returns the injected faults, to add more.
    ///
    /// ```
    /// use pyannote_server::{Fault, Operation, ScriptedEngine, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), pyannote_server::StartError> {
    /// let server = Server::builder().engine(ScriptedEngine::new()).key("key").start().await?;
    /// server.faults().inject(Operation::Diarize, 1, Fault::Reset);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.state.faults
    }

    /// Returns the latest requests that were received, newest last, including rejected ones.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state.request_log.to_vec()
    }

    /// Returns the uploaded media.
    #[must_use]
    pub fn media(&self) -> &MediaStore {
        &self.state.media
    }

    /// Cancels a job of any team. If this server processes the job, it stops at once.
    ///
    /// Its status is then `canceled`, it has no output, and its webhook says so. The API has no operation for this.
    ///
    /// # Errors
    ///
    /// If the database cannot be written to.
    ///
    /// ```
    /// use pyannote_server::store::Cancellation;
    /// use pyannote_server::{ScriptedEngine, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().engine(ScriptedEngine::new()).key("key").start().await?;
    /// let id = "00000000-0000-4000-8000-000000000000".parse()?;
    /// assert_eq!(server.cancel(id).await?, Cancellation::NotFound);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn cancel(&self, job: Uuid) -> Result<Cancellation, StoreError> {
        self.state.store.cancel_of_any_team(job).await
    }

    /// Returns the jobs that this server is processing, with their progress, in the order in which it took them.
    ///
    /// ```
    /// use pyannote_server::{ScriptedEngine, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), pyannote_server::StartError> {
    /// let server = Server::builder().engine(ScriptedEngine::new()).key("key").start().await?;
    /// for job in server.jobs_in_progress() {
    ///     println!("{} {} {:.0} %", job.id, job.stage.as_str(), 100.0 * job.progress);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn jobs_in_progress(&self) -> Vec<JobInProgress> {
        self.state.lanes.jobs()
    }

    /// Returns the number of jobs that are being processed.
    #[must_use]
    pub fn running_jobs(&self) -> usize {
        self.workers.running_jobs()
    }

    /// Returns the number of live streams that are connected.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.state.metrics.open_streams()
    }

    /// Returns the number of open connections, including idle ones and those of live streams.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.workers.open_connections()
    }

    /// Stops the server: accepts no new connections and jobs, and finishes the requests and jobs in progress. Live streams
    /// take no more audio, send the events of the audio so far, and are closed with the code 1001.
    ///
    /// What has not been finished after the [grace period](ServerBuilder::grace_period) is aborted: connections are
    /// closed, and jobs are returned to the queue for the next start, without counting the attempt.
    pub async fn stop(self) {
        self.stop_early(std::future::pending()).await;
    }

    /// Stops the server like [`stop`](Self::stop), but ends the grace period early when `now` completes.
    ///
    /// ```
    /// use pyannote_server::{ScriptedEngine, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), pyannote_server::StartError> {
    /// let server = Server::builder().engine(ScriptedEngine::new()).key("key").start().await?;
    /// server.stop_early(async { /* a second signal */ }).await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stop_early(self, now: impl Future<Output = ()>) {
        self.workers.stop_early(now).await;
    }

    /// Returns what has to be stopped: the workers with the connections.
    #[cfg(feature = "cli")]
    pub(crate) fn into_workers(self) -> Workers {
        self.workers
    }
}

impl std::fmt::Debug for Server {
    /// Shows neither the API key nor the requests.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Number of processors that the server may use.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Deletes expired media from time to time, until the shutdown aborts.
async fn sweep_media(media: MediaStore, shutdown: Shutdown) {
    let mut ticks = tokio::time::interval(MEDIA_SWEEP_INTERVAL);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shutdown.abort.cancelled() => return,
        }
        match media.delete_expired(SystemTime::now()).await {
            Ok(deleted) => tracing::debug!(deleted, "deleted expired media"),
            Err(error) => tracing::warn!(%error, "failed to delete expired media"),
        }
    }
}
