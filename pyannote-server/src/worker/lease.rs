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
}

impl<'a> Lease<'a> {
    /// The lease of a claim that was made at `claimed_at`, or later. `cancellations` must be older than the claim.
    pub(super) fn new(
        store: &'a Store,
        claim: &'a Claim,
        duration: Duration,
        claimed_at: Instant,
        cancellations: watch::Receiver<()>,
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
        }
    }

    /// Waits for `work`, at most until `limit` or the shutdown `stop`, and renews the lease meanwhile. Calls `on_renewal`
    /// after each renewal.
    pub(super) async fn hold<T>(
        &mut self,
        work: impl Future<Output = T>,
        limit: Option<Instant>,
        stop: &CancellationToken,
        mut on_renewal: impl FnMut(),
    ) -> Result<T, Interrupt> {
        let mut work = std::pin::pin!(work);
        let timed_out = async {
            match limit {
                Some(limit) => sleep_until(limit).await,
                None => std::future::pending().await,
            }
        };
        let mut timed_out = std::pin::pin!(timed_out);
        loop {
            tokio::select! {
                biased;
                result = &mut work => return Ok(result),
                () = &mut timed_out => return Err(Interrupt::TimedOut),
                () = stop.cancelled() => return Err(Interrupt::ShuttingDown),
                // A database that does not respond keeps nothing of the above waiting.
                is_held = self.next_renewal() => match is_held {
                    true => on_renewal(),
                    false => return Err(Interrupt::LeaseLost),
                },
            }
        }
    }

    /// Waits until the lease is due to be renewed, or a job was canceled, and renews it. Returns `false` if it was lost.
    async fn next_renewal(&mut self) -> bool {
        // Gives up before the lease ends, since aborting the engine takes time.
        let deadline = self.end - self.duration / 6;
        let renewal = async {
            tokio::select! {
                // The store outlives its receivers.
                Ok(()) = self.cancellations.changed() => {}
                _ = self.renewals.tick() => {}
            }
            let renewed_at = Instant::now();
            let renewed = self.store.renew(self.claim, self.duration).await;
            (renewed_at, renewed)
        };
        match timeout_at(deadline, renewal).await {
            Ok((renewed_at, Ok(true))) => self.end = renewed_at + self.duration,
            Ok((_, Ok(false))) | Err(_) => return false,
            Ok((_, Err(error))) => {
                tracing::warn!(error = %Chain(&error), "failed to renew a lease");
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::engine::JobKind;

    /// Another process writes, so that a renewal waits up to 10 s.
    #[tokio::test]
    async fn a_renewal_that_waits_for_the_database_keeps_nothing_else_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.sqlite");
        let (store, other) = (
            Store::open(&path).await.unwrap(),
            Store::open(&path).await.unwrap(),
        );
        let created = store.create("ada", JobKind::Diarize, Default::default());
        created.await.unwrap();
        let duration = Duration::from_secs(5);
        let (claimed_at, cancellations) = (Instant::now(), store.cancellations());
        let claim = store.claim(duration).await.unwrap().unwrap();
        let writing = other.block_writes().await;
        let mut lease = Lease::new(&store, &claim, duration, claimed_at, cancellations);
        let soon = || tokio::time::sleep(Duration::from_millis(50));
        let stop = CancellationToken::new();
        let never = CancellationToken::new();
        // Due at once.
        lease.renewals.reset_immediately();
        let stopping = async {
            soon().await;
            stop.cancel();
        };
        let held = lease.hold(pending::<()>(), None, &stop, || ());
        let (held, ()) = tokio::join!(held, stopping);
        assert_eq!(held, Err(Interrupt::ShuttingDown));
        lease.renewals.reset_immediately();
        let held = lease.hold(soon(), None, &never, || ()).await;
        assert_eq!(held, Ok(()));
        lease.renewals.reset_immediately();
        let limit = Some(Instant::now() + Duration::from_millis(50));
        let held = lease.hold(pending::<()>(), limit, &never, || ()).await;
        assert_eq!(held, Err(Interrupt::TimedOut));
        drop(writing);
    }
}
