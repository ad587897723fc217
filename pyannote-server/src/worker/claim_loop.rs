//! Loop that claims jobs and processes them, one at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::Instant;

use super::job_run::JobRun;
use super::{Timing, WorkerConfig};
use crate::backoff::Backoff;
use crate::error::Chain;
use crate::shutdown::Shutdown;

pub(super) async fn run(
    config: WorkerConfig,
    timing: Timing,
    shutdown: Shutdown,
    running: Arc<AtomicUsize>,
) {
    let mut backoff = Backoff::new(timing.poll_interval);
    while !shutdown.drain.is_cancelled() {
        // Taken before the claim, so that it is never later than the end of the lease in the database.
        let lease_end = Instant::now() + timing.lease;
        let mut wait = timing.poll_interval;
        match config.store.claim(timing.lease).await {
            Ok(Some(claim)) => {
                backoff.reset();
                // Wakes another idle loop, in case more jobs are queued.
                config.store.notify_job_queued();
                let run = JobRun {
                    config: &config,
                    timing: &timing,
                    claim: &claim,
                    shutdown: &shutdown,
                };
                running.fetch_add(1, Ordering::Relaxed);
                run.run(lease_end).await;
                running.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            Ok(None) => backoff.reset(),
            // The claim was not committed, so the job is not processed.
            Err(error) => {
                tracing::error!(error = %Chain(&error), "failed to claim a job");
                wait = backoff.next_delay();
            }
        }
        tokio::select! {
            () = config.store.job_queued() => {}
            () = tokio::time::sleep(wait) => {}
            () = shutdown.drain.cancelled() => {}
        }
    }
}
