//! One lane: takes a job, works on it, takes the next.

use tokio::sync::watch;
use tokio::time::Instant;

use super::phase::{self, Phase};
use super::run::Run;
use super::{Timing, WorkerConfig};

pub(super) async fn work(config: WorkerConfig, timing: Timing, mut seen: watch::Receiver<Phase>) {
    while !phase::is_past(&seen, Phase::Finishing) {
        // Before the claim: the lease that the database counts cannot have begun earlier.
        let held_until = Instant::now() + timing.lease;
        match config.store.claim(timing.lease).await {
            Ok(Some(claim)) => {
                // There may be another job behind this one, and a lane that sleeps.
                config.store.wake();
                let run = Run {
                    config: &config,
                    timing: &timing,
                    claim: &claim,
                };
                run.until_end(held_until, &mut seen).await;
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "no job could be taken"),
        }
        tokio::select! {
            () = config.store.queued() => {}
            () = tokio::time::sleep(timing.poll) => {}
            () = phase::reached(&mut seen, Phase::Finishing) => {}
        }
    }
}
