//! The lease of a stream, which shows other servers that this one is still alive.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::task::AbortOnDropHandle;

use crate::error::Chain;
use crate::store::{Store, StreamClaim};

/// Renews the lease of a stream until it is dropped.
pub(super) struct Lease {
    has_audio: watch::Sender<bool>,
    task: AbortOnDropHandle<()>,
}

impl Lease {
    pub(super) fn start(store: Store, claim: StreamClaim, lease: Duration) -> Self {
        let (has_audio, changes) = watch::channel(false);
        let task = tokio::spawn(renew(store, claim, lease, changes));
        Self {
            has_audio,
            task: AbortOnDropHandle::new(task),
        }
    }

    /// Records that the first audio has arrived, in the background.
    pub(super) fn set_has_audio(&self) {
        self.has_audio
            .send_if_modified(|has_audio| !std::mem::replace(has_audio, true));
    }

    /// Stops renewing it, and waits until that has ended.
    pub(super) async fn stop(self) {
        drop(self.has_audio);
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn renew(
    store: Store,
    claim: StreamClaim,
    lease: Duration,
    mut has_audio: watch::Receiver<bool>,
) {
    let period = (lease / 3).max(Duration::from_millis(1));
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            changed = has_audio.changed() => if changed.is_err() { return },
        }
        let has_audio = *has_audio.borrow_and_update();
        match store.renew_stream(&claim, has_audio, lease).await {
            Ok(true) => {}
            // The database could not be reached for too long. That does not end the stream of the client.
            Ok(false) => {
                return tracing::warn!(stream = %claim.id, "the stream counts as lost, and goes on");
            }
            Err(error) => {
                tracing::warn!(stream = %claim.id, error = %Chain(&error), "failed to renew the lease of a stream")
            }
        }
    }
}
