//! Loop that claims jobs, and starts their runs.

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::job_run::JobRun;
use super::lanes::Lanes;
use super::{Timing, WorkerConfig};
use crate::backoff::Backoff;
use crate::error::Chain;
use crate::shutdown::Shutdown;

pub(super) async fn run(config: WorkerConfig, timing: Timing, shutdown: Shutdown, lanes: Lanes) {
    let store = config.store.clone();
    let mut runs = JoinSet::new();
    let mut backoff = Backoff::new(timing.poll_interval);
    while !shutdown.drain.is_cancelled() {
        while runs.try_join_next().is_some() {}
        let mut wait = timing.poll_interval;
        let mut has_claimed = false;
        for filter in lanes.admission() {
            // Both before the claim, so that the lease never ends later here than in the database, and no cancellation
            // is missed.
            let claimed_at = Instant::now();
            let cancellations = store.cancellations();
            match store.claim_with(timing.lease, &filter).await {
                Ok(Some(claim)) => {
                    backoff.reset();
                    has_claimed = true;
                    let run = JobRun::new(&config, &timing, &shutdown, &lanes, claim);
                    runs.spawn(run.run(claimed_at, cancellations));
                }
                Ok(None) => backoff.reset(),
                // The claim was not committed, so the job is not processed.
                Err(error) => {
                    tracing::error!(error = %Chain(&error), "failed to claim a job");
                    wait = backoff.next_delay();
                }
            }
        }
        if has_claimed {
            continue;
        }
        tokio::select! {
            () = store.job_queued() => {}
            () = lanes.changed() => {}
            () = tokio::time::sleep(wait) => {}
            () = shutdown.drain.cancelled() => {}
        }
    }
    while runs.join_next().await.is_some() {}
}
