//! Ends jobs that no worker may take any more, and deletes outputs whose time is over.

use chrono::Utc;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Timing;
use super::phase::{self, Phase};
use crate::store::Store;

pub(super) async fn keep(store: Store, timing: Timing, mut seen: watch::Receiver<Phase>) {
    let mut sweep_at = Instant::now();
    loop {
        if let Err(error) = store.fail_exhausted().await {
            tracing::warn!(%error, "jobs that were begun too often were not failed");
        }
        if Instant::now() >= sweep_at {
            sweep_at = Instant::now() + timing.sweep;
            match store.expire_outputs(Utc::now()).await {
                Ok(0) => {}
                Ok(outputs) => tracing::info!(outputs, "outputs older than 24 h were deleted"),
                Err(error) => tracing::warn!(%error, "outputs older than 24 h were not deleted"),
            }
        }
        tokio::select! {
            () = phase::reached(&mut seen, Phase::Over) => return,
            () = tokio::time::sleep(timing.poll) => {}
        }
    }
}
