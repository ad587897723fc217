//! Loop that claims jobs, and starts their runs.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::job_run::JobRun;
use super::lanes::Lanes;
use super::schedule::{Admission, MAX_SHORT};
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
        let max_audio = match lanes.admission() {
            Admission::Nothing => None,
            Admission::NotLong => Some(MAX_SHORT),
            Admission::Anything => Some(Duration::MAX),
        };
        if let Some(max_audio) = max_audio {
            // Both before the claim, so that the lease never ends later here than in the database, and no cancellation
            // is missed.
            let claimed_at = Instant::now();
            let cancellations = store.cancellations();
            match store.claim_up_to(timing.lease, max_audio).await {
                Ok(Some(claim)) => {
                    backoff.reset();
                    let run = JobRun::new(&config, &timing, &shutdown, &lanes, claim);
                    runs.spawn(run.run(claimed_at, cancellations));
                    continue;
                }
                Ok(None) => backoff.reset(),
                // The claim was not committed, so the job is not processed.
                Err(error) => {
                    tracing::error!(error = %Chain(&error), "failed to claim a job");
                    wait = backoff.next_delay();
                }
            }
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
