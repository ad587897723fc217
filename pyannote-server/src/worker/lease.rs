//! Keeping the claim of a job while something else is awaited.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::error::Chain;
use crate::store::{Claim, Store};

/// Why waiting was interrupted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Interrupt {
    /// The time limit was exceeded.
    TimedOut,
    /// The job was canceled, or the lease was lost or could not be renewed in time.
    LeaseLost,
    /// The server is shutting down.
    ShuttingDown,
}

/// The lease of a claim, which is renewed while waiting.
pub(super) struct Lease<'a> {
    store: &'a Store,
    claim: &'a Claim,
    duration: Duration,
    end: Instant,
    renewals: Interval,
    /// Tells when to check whether the job was canceled.
    cancellations: watch::Receiver<()>,
    abort: CancellationToken,
}

impl<'a> Lease<'a> {
    /// The lease of a claim that was made at `claimed_at`, or later. `cancellations` must be older than the claim.
    pub(super) fn new(
        store: &'a Store,
        claim: &'a Claim,
        duration: Duration,
        claimed_at: Instant,
        cancellations: watch::Receiver<()>,
        abort: CancellationToken,
    ) -> Self {
        let interval = (duration / 3).max(Duration::from_millis(1));
        let mut renewals = interval_at(Instant::now() + interval, interval);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            store,
            claim,
            duration,
            end: claimed_at + duration,
            renewals,
            cancellations,
            abort,
        }
    }

    /// Waits for `work`, at most until `limit`, and renews the lease meanwhile. Calls `on_renewal` from time to time.
    pub(super) async fn hold<T>(
        &mut self,
        work: impl Future<Output = T>,
        limit: Option<Instant>,
        mut on_renewal: impl FnMut(),
    ) -> Result<T, Interrupt> {
        let mut work = std::pin::pin!(work);
        let abort = self.abort.clone();
        let timed_out = async {
            match limit {
                Some(limit) => sleep_until(limit).await,
                None => std::future::pending().await,
            }
        };
        let mut timed_out = std::pin::pin!(timed_out);
        loop {
            // Gives up before the lease ends, since aborting the engine takes time.
            let deadline = self.end - self.duration / 6;
            tokio::select! {
                biased;
                result = &mut work => return Ok(result),
                () = &mut timed_out => return Err(Interrupt::TimedOut),
                () = abort.cancelled() => return Err(Interrupt::ShuttingDown),
                () = sleep_until(deadline) => return Err(Interrupt::LeaseLost),
                // The store outlives its receivers.
                Ok(()) = self.cancellations.changed() => {}
                _ = self.renewals.tick() => on_renewal(),
            }
            let renewed_at = Instant::now();
            let renewal = self.store.renew(self.claim, self.duration);
            match timeout_at(deadline, renewal).await {
                Ok(Ok(true)) => self.end = renewed_at + self.duration,
                Ok(Ok(false)) | Err(_) => return Err(Interrupt::LeaseLost),
                Ok(Err(error)) => {
                    tracing::warn!(error = %Chain(&error), "failed to renew a lease");
                }
            }
        }
    }
}
