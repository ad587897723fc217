//! Works on the jobs of the store.
//!
//! Each of the `concurrency` lanes takes the oldest job, works on it, and takes the next. Beside them a keeper ends what
//! nobody can finish, and a sender delivers webhooks. Several servers may work on one store.

mod audio;
mod keeper;
mod lane;
pub(crate) mod phase;
mod run;
mod timing;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use audio::{AudioSource, RecordingFuture};
pub use timing::Timing;

use crate::engine::Engine;
use crate::faults::Faults;
use crate::store::{Store, StoreError};
use crate::webhook;
use phase::Phase;

/// What workers need.
#[derive(Clone)]
pub struct WorkerConfig {
    /// Where the jobs are.
    pub store: Store,
    /// What works on them.
    pub engine: Arc<dyn Engine>,
    /// Where recordings come from; none for an engine that needs none.
    pub audio: Option<Arc<dyn AudioSource>>,
    /// What webhooks are signed with; none are sent without.
    pub webhook_secret: Option<secrecy::SecretString>,
    /// What goes wrong on demand with webhooks.
    pub faults: Faults,
    /// How many jobs are worked on at once. None is worked on where it is 0.
    pub concurrency: usize,
}

/// Workers that are running. Dropped, they stop at once, as if the grace time were over.
#[must_use = "workers stop when this is dropped"]
pub struct Workers {
    phase: watch::Sender<Phase>,
    lanes: Vec<JoinHandle<()>>,
    /// The keeper and the sender of webhooks.
    others: Vec<JoinHandle<()>>,
    timing: Timing,
}

impl Workers {
    /// Starts the workers, with the usual [`Timing`]. They first take up what a stopped server left behind.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read, or the HTTP client for webhooks cannot be made.
    pub async fn start(config: WorkerConfig) -> Result<Self, StoreError> {
        Self::start_with(config, Timing::default()).await
    }

    /// Starts the workers.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_with(config: WorkerConfig, timing: Timing) -> Result<Self, StoreError> {
        let sender = webhook::Sender::new(
            config.webhook_secret.clone(),
            &timing,
            config.faults.clone(),
        )?;
        config.store.fail_exhausted().await?;
        let (phase, seen) = watch::channel(Phase::Working);
        let lanes = (0..config.concurrency)
            .map(|_| tokio::spawn(lane::work(config.clone(), timing.clone(), seen.clone())))
            .collect();
        let keeper = keeper::keep(config.store.clone(), timing.clone(), seen.clone());
        let sending = webhook::send_all(config.store, sender, timing.clone(), seen);
        Ok(Self {
            phase,
            lanes,
            others: vec![tokio::spawn(keeper), tokio::spawn(sending)],
            timing,
        })
    }

    /// Stops: no new job is begun. Those under way are finished, or left for the next start once the grace time is
    /// over. Webhooks not yet sent are left as well.
    pub async fn stop(self) {
        self.phase.send_replace(Phase::Finishing);
        let over = async {
            tokio::time::sleep(self.timing.grace).await;
            self.phase.send_replace(Phase::Over);
            std::future::pending::<()>().await;
        };
        let ended = async {
            for lane in self.lanes {
                // A lane does not panic, and nobody aborts it.
                let _ = lane.await;
            }
        };
        tokio::select! {
            () = ended => {}
            () = over => {}
        }
        self.phase.send_replace(Phase::Over);
        for other in self.others {
            let _ = other.await;
        }
    }
}
