//! Loop that fails jobs that have used up their attempts and streams that were lost, and deletes what is no longer kept.

use tokio::time::Instant;

use super::Timing;
use crate::error::Chain;
use crate::shutdown::Shutdown;
use crate::store::{Store, StoreError};

pub(super) async fn run(store: Store, timing: Timing, shutdown: Shutdown) {
    let mut next_sweep = Instant::now();
    let mut next_purge = Instant::now();
    loop {
        if let Err(error) = store.fail_exhausted().await {
            tracing::warn!(error = %Chain(&error), "failed to end jobs without attempts left");
        }
        match store.fail_lost_streams().await {
            Ok(0) => {}
            Ok(streams) => tracing::info!(streams, "ended live streams that were lost or not used"),
            Err(error) => tracing::warn!(error = %Chain(&error), "failed to end lost streams"),
        }
        if Instant::now() >= next_sweep {
            next_sweep = Instant::now() + timing.sweep_interval;
            if let Err(error) = sweep(&store, &timing).await {
                tracing::warn!(error = %Chain(&error), "failed to delete old outputs, jobs and streams");
            }
        }
        if Instant::now() >= next_purge {
            next_purge = Instant::now() + timing.purge_interval;
            purge(&store).await;
        }
        tokio::select! {
            () = shutdown.abort.cancelled() => return,
            () = tokio::time::sleep(timing.poll_interval) => {}
        }
    }
}

async fn sweep(store: &Store, timing: &Timing) -> Result<(), StoreError> {
    let outputs = store.expire_outputs(timing.output_retention).await?;
    let jobs = store.delete_jobs(timing.job_retention).await?;
    let streams = store.delete_streams(timing.job_retention).await?;
    if outputs + jobs + streams > 0 {
        tracing::info!(
            outputs,
            jobs,
            streams,
            "deleted old outputs, jobs and streams"
        );
    }
    Ok(())
}

/// Removes deleted data from the database's log. Logs a warning if that fails.
async fn purge(store: &Store) {
    if let Err(error) = store.purge().await {
        tracing::warn!(error = %Chain(&error), "failed to truncate the database log");
    }
}
