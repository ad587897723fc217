//! Workers that process the jobs of a store.
//!
//! The intake claims jobs. Each claimed job has a run of its own: its recording is fetched and decoded, it waits for one of
//! the `concurrency` lanes, and the engine processes it. `schedule` decides what is claimed and which job comes next. The
//! reaper fails jobs that have used up their attempts, and the delivery loop sends webhooks. Several servers can share
//! one store.

mod audio_source;
mod intake;
mod job_run;
mod lanes;
mod lease;
mod load_retry;
mod loading;
mod metrics;
mod peers;
mod reaper;
mod schedule;
mod timing;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use secrecy::SecretString;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::DropGuard;

pub use audio_source::{AudioSource, ChannelsFuture, DurationFuture, LoadError, RecordingFuture};
pub use lanes::JobInProgress;
pub(crate) use lanes::Lanes;
pub(crate) use metrics::WorkMetrics;
#[cfg(feature = "engine")]
pub(crate) use schedule::MAX_SHORT;
pub use schedule::Stage;
pub use timing::Timing;

use crate::connections::{Connections, Listener};
use crate::engine::Engine;
use crate::error::{Chain, StartError};
use crate::faults::Faults;
use crate::setup::Resources;
use crate::shutdown::{self, Shutdown};
use crate::store::Store;
use crate::webhook;

/// How long the database may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// What [`Workers`] need.
#[derive(Clone)]
pub struct WorkerConfig {
    /// Store of the jobs.
    pub store: Store,
    /// Engine that processes them.
    pub engine: Arc<dyn Engine>,
    /// Source of recordings; `None` for an engine that needs no audio.
    pub audio: Option<Arc<dyn AudioSource>>,
    /// Secret that signs webhooks; `None` sends no webhooks.
    pub webhook_secret: Option<SecretString>,
    /// Whether webhooks may be sent to private and loopback addresses.
    pub allow_private_networks: bool,
    /// Injected faults. Only webhook failures apply to workers.
    pub faults: Faults,
    /// Number of lanes: how many jobs compute at once. Recordings are fetched and decoded beside them. 0 processes no jobs
    /// and sends no webhooks, which is left to other processes.
    pub concurrency: usize,
}

/// Running workers.
///
/// Dropping them stops them immediately, without a grace period; [`stop`](Self::stop) stops them gracefully.
#[must_use = "dropping the workers stops them"]
pub struct Workers {
    shutdown: Shutdown,
    _abort_on_drop: DropGuard,
    intake: Option<JoinHandle<()>>,
    delivery_loop: Option<JoinHandle<()>>,
    reaper: JoinHandle<()>,
    peers: JoinHandle<()>,
    lanes: Lanes,
    store: Store,
    timing: Timing,
    /// Connections of HTTP, and the URL for clients, if there is a listener.
    http: Option<(Connections, String)>,
    resources: Resources,
}

impl Workers {
    /// Starts workers with the default [`Timing`]. They also resume the jobs of a server that was killed.
    ///
    /// # Errors
    ///
    /// Returns [`StartError`] if the store cannot be read, or the HTTP client for webhooks cannot be created.
    pub async fn start(config: WorkerConfig) -> Result<Self, StartError> {
        Self::start_with(config, Timing::default()).await
    }

    /// Starts workers with a given [`Timing`].
    ///
    /// # Errors
    ///
    /// See [`start`](Self::start).
    pub async fn start_with(config: WorkerConfig, timing: Timing) -> Result<Self, StartError> {
        Self::start_sharing(config, timing, Shutdown::new()).await
    }

    /// Starts workers that also stop when `shutdown` says so.
    pub(crate) async fn start_sharing(
        config: WorkerConfig,
        timing: Timing,
        shutdown: Shutdown,
    ) -> Result<Self, StartError> {
        let sender = webhook::Sender::new(
            config.webhook_secret.clone(),
            timing.webhook_timeout,
            config.allow_private_networks,
            config.faults.clone(),
        )
        .map_err(|error| StartError::HttpClient(error.into()))?;
        config.store.fail_exhausted().await?;
        let lanes = Lanes::new(config.concurrency, config.engine.needs_audio());
        let store = config.store.clone();
        let sends_webhooks = config.concurrency > 0;
        let peers = peers::run(store.clone(), config.engine.name(), shutdown.clone());
        let intake = intake::run(config, timing.clone(), shutdown.clone(), lanes.clone());
        let reaper = reaper::run(store.clone(), timing.clone(), shutdown.clone());
        let schedule = webhook::Schedule {
            poll_interval: timing.poll_interval,
            retry_delays: timing.webhook_retry_delays,
        };
        let deliveries = webhook::deliver(store.clone(), sender, schedule, shutdown.clone());
        let delivery_loop = sends_webhooks.then(|| tokio::spawn(deliveries));
        Ok(Self {
            _abort_on_drop: shutdown.abort.clone().drop_guard(),
            shutdown,
            intake: Some(tokio::spawn(intake)),
            delivery_loop,
            reaper: tokio::spawn(reaper),
            peers: tokio::spawn(peers),
            lanes,
            store,
            timing,
            http: None,
            resources: Resources::default(),
        })
    }

    /// Releases resources at the end.
    pub(crate) fn keep(mut self, resources: Resources) -> Self {
        self.resources = resources;
        self
    }

    /// Serves connections until the workers stop.
    pub(crate) fn serve(
        mut self,
        listener: Listener,
        connections: Connections,
        router: Router,
    ) -> Self {
        self.http = Some((connections.clone(), listener.url.clone()));
        tokio::spawn(connections.serve(listener, router, self.shutdown.clone()));
        self
    }

    /// Returns the URL of the [listener](crate::ServerBuilder::listen), without a trailing slash, if there is one.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.http.as_ref().map(|(_, url)| &**url)
    }

    /// Returns the number of open connections to the listener, including idle ones.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.http
            .as_ref()
            .map_or(0, |(connections, _)| connections.count())
    }

    /// Returns the number of jobs that these workers have claimed.
    #[must_use]
    pub fn running_jobs(&self) -> usize {
        self.lanes.len()
    }

    /// Returns the jobs that these workers have claimed, with their progress, in the order of their claims.
    #[must_use]
    pub fn jobs_in_progress(&self) -> Vec<JobInProgress> {
        self.lanes.jobs()
    }

    pub(crate) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// Stops the workers. They claim no new jobs, and finish those that compute. One that still computes after
    /// [`Timing::grace_period`] is returned to the queue, without counting the attempt; others are returned at once. Webhooks that have not been sent
    /// are left for the next start.
    pub async fn stop(self) {
        self.stop_early(std::future::pending()).await;
    }

    /// Stops the workers like [`stop`](Self::stop), but ends the grace period early when `now` completes.
    pub async fn stop_early(mut self, now: impl Future<Output = ()>) {
        self.shutdown.drain.cancel();
        let grace_period = self.timing.grace_period;
        let shutdown = self.shutdown.clone();
        let http = self.http.take();
        let drained = async {
            let closed = async {
                if let Some((connections, _)) = http {
                    connections.closed().await;
                }
            };
            tokio::join!(self.drain(), closed);
        };
        let deadline = async {
            tokio::select! {
                () = sleep(grace_period) => {}
                () = now => {}
            }
        };
        shutdown::finish(&shutdown, drained, deadline).await;
        self.close().await;
    }

    /// Waits until the running jobs have ended and their webhooks were sent. Both end early if the shutdown aborts.
    async fn drain(&mut self) {
        if let Some(intake) = self.intake.take() {
            // The task does not panic, and nothing aborts it.
            let _ = intake.await;
        }
        self.shutdown.jobs_done.cancel();
        if let Some(delivery_loop) = &mut self.delivery_loop {
            let _ = delivery_loop.await;
        }
    }

    /// Ends what is left after the shutdown has aborted.
    async fn close(self) {
        let close = async {
            let _ = tokio::join!(self.reaper, self.peers);
            if let Err(error) = self.store.flush().await {
                tracing::warn!(error = %Chain(&error), "failed to truncate the database log");
            }
            if let Some(store) = self.resources.store {
                store.close().await;
            }
        };
        if timeout(CLOSE_TIMEOUT, close).await.is_err() {
            tracing::warn!("the database did not respond in time, and was not closed");
        }
    }
}
