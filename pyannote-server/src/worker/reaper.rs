//! Loop that fails jobs that have used up their attempts, and deletes expired outputs.

use chrono::Utc;
use tokio::time::Instant;

use super::Timing;
use crate::error::Chain;
use crate::shutdown::Shutdown;
use crate::store::Store;

pub(super) async fn run(store: Store, timing: Timing, shutdown: Shutdown) {
    let mut next_sweep = Instant::now();
    loop {
        if let Err(error) = store.fail_exhausted().await {
            tracing::warn!(error = %Chain(&error), "failed to end jobs without attempts left");
        }
        if Instant::now() >= next_sweep {
            next_sweep = Instant::now() + timing.sweep_interval;
            match store.expire_outputs(Utc::now()).await {
                Ok(0) => {}
                Ok(outputs) => tracing::info!(outputs, "deleted outputs older than 24 h"),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "failed to delete outputs older than 24 h");
                }
            }
        }
        tokio::select! {
            () = shutdown.abort.cancelled() => return,
            () = tokio::time::sleep(timing.poll_interval) => {}
        }
    }
}
