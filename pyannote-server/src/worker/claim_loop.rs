//! Loop that claims jobs and processes them, one at a time.

use tokio::time::Instant;

use super::job_run::JobRun;
use super::{Timing, WorkerConfig};
use crate::error::Chain;
use crate::shutdown::Shutdown;

pub(super) async fn run(config: WorkerConfig, timing: Timing, shutdown: Shutdown) {
    while !shutdown.drain.is_cancelled() {
        // Taken before the claim, so that it is never later than the end of the lease in the database.
        let lease_end = Instant::now() + timing.lease;
        match config.store.claim(timing.lease).await {
            Ok(Some(claim)) => {
                // Wakes another idle loop, in case more jobs are queued.
                config.store.notify_job_queued();
                let run = JobRun {
                    config: &config,
                    timing: &timing,
                    claim: &claim,
                    shutdown: &shutdown,
                };
                run.run(lease_end).await;
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(error = %Chain(&error), "failed to claim a job"),
        }
        tokio::select! {
            () = config.store.job_queued() => {}
            () = tokio::time::sleep(timing.poll_interval) => {}
            () = shutdown.drain.cancelled() => {}
        }
    }
}
