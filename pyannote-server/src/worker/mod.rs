//! Workers that process the jobs of a store.
//!
//! Each of the `concurrency` claim loops claims the oldest job, processes it, and claims the next one. The reaper fails
//! jobs that have used up their attempts, and the delivery loop sends webhooks. Several servers can share one store.

mod audio_source;
mod claim_loop;
mod job_run;
mod reaper;
mod timing;

use std::sync::Arc;

use secrecy::SecretString;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::DropGuard;

pub use audio_source::{AudioSource, RecordingFuture};
pub use timing::Timing;

use crate::engine::Engine;
use crate::error::StartError;
use crate::faults::Faults;
use crate::shutdown::Shutdown;
use crate::store::Store;
use crate::webhook;

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
    /// Injected faults. Only webhook failures apply to workers.
    pub faults: Faults,
    /// Number of jobs to process at once; 0 processes no jobs.
    pub concurrency: usize,
}

/// Running workers.
///
/// Dropping them stops them immediately, without a grace period; [`stop`](Self::stop) stops them gracefully.
#[must_use = "dropping the workers stops them"]
pub struct Workers {
    shutdown: Shutdown,
    _abort_on_drop: DropGuard,
    claim_loops: Vec<JoinHandle<()>>,
    /// The reaper and the webhook delivery loop.
    background: Vec<JoinHandle<()>>,
    timing: Timing,
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
        let sender = webhook::Sender::new(
            config.webhook_secret.clone(),
            timing.webhook_timeout,
            config.faults.clone(),
        )
        .map_err(|error| StartError::HttpClient(error.into()))?;
        config.store.fail_exhausted().await?;
        let shutdown = Shutdown::new();
        let claim_loops = (0..config.concurrency)
            .map(|_| {
                tokio::spawn(claim_loop::run(
                    config.clone(),
                    timing.clone(),
                    shutdown.clone(),
                ))
            })
            .collect();
        let reaper = reaper::run(config.store.clone(), timing.clone(), shutdown.clone());
        let schedule = webhook::Schedule {
            poll_interval: timing.poll_interval,
            retry_delays: timing.webhook_retry_delays,
        };
        let deliveries = webhook::deliver(config.store, sender, schedule, shutdown.clone());
        Ok(Self {
            _abort_on_drop: shutdown.abort.clone().drop_guard(),
            shutdown,
            claim_loops,
            background: vec![tokio::spawn(reaper), tokio::spawn(deliveries)],
            timing,
        })
    }

    /// Stops the workers. They claim no new jobs, and finish the running ones; a job that is still running after
    /// [`Timing::grace_period`] is left for the next start. So are webhooks that have not been sent.
    pub async fn stop(self) {
        self.shutdown.drain.cancel();
        let mut drained = std::pin::pin!(join(self.claim_loops));
        if timeout(self.timing.grace_period, &mut drained)
            .await
            .is_err()
        {
            self.shutdown.abort.cancel();
            drained.await;
        }
        self.shutdown.abort.cancel();
        join(self.background).await;
    }
}

/// Waits until all tasks have ended. They do not panic, and nothing aborts them.
async fn join(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        let _ = task.await;
    }
}
