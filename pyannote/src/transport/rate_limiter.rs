//! The rate limiter of one endpoint: callers queue here, in order of arrival, until [`RateWindow`] admits them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use tokio::sync::Notify;

use super::clock::Clock;
use super::executor::with_deadline;
use super::rate_headers::RateHeaders;
use super::rate_limit::RateLimit;
use super::rate_window::{Admission, RateWindow};

/// The rate limiter of one endpoint. Clones share its state.
#[derive(Clone, Debug)]
pub(crate) struct RateLimiter {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Held by the first caller in the queue. tokio's mutex is fair, and a waiter that is dropped leaves its queue.
    queue: tokio::sync::Mutex<()>,
    /// Wakes the first caller in the queue when its wait may have become shorter.
    changed: Notify,
    /// Number of callers so far.
    callers: AtomicU64,
    /// Number of the last caller that was admitted, counted from 1.
    admitted: AtomicU64,
    /// Never held across an await.
    window: Mutex<RateWindow>,
}

impl Shared {
    fn window(&self) -> MutexGuard<'_, RateWindow> {
        // A panic cannot leave the counters inconsistent, so a poisoned lock is safe to use.
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Permission to send one request.
///
/// Until a response is [observed](Self::observe) or the permit is dropped, the request counts as in flight: the server's
/// count may not include it yet.
#[derive(Debug)]
#[must_use = "a permit represents one request in flight"]
pub(crate) struct Permit {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    in_flight: bool,
}

impl Permit {
    /// Updates the limits from the headers of the response, whatever its status, as soon as they arrive.
    pub(crate) fn observe(&mut self, headers: &HeaderMap) {
        let now = self.clock.now();
        let headers = RateHeaders::parse(headers, self.clock.wall());
        let mut window = self.shared.window();
        window.observe(&headers, now);
        if std::mem::take(&mut self.in_flight) {
            window.release(now);
        }
        drop(window);
        self.shared.changed.notify_one();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.in_flight {
            self.shared.window().release(self.clock.now());
            self.shared.changed.notify_one();
        }
    }
}

impl RateLimiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self {
            shared: Arc::new(Shared {
                queue: tokio::sync::Mutex::new(()),
                changed: Notify::new(),
                callers: AtomicU64::new(0),
                admitted: AtomicU64::new(0),
                window: Mutex::new(RateWindow::new(limit)),
            }),
        }
    }

    /// Waits for a permit, for `timeout` at most. Permits are granted in order of arrival; dropping the future leaves the
    /// queue.
    ///
    /// # Errors
    ///
    /// The time until it would have been the caller's turn.
    pub(crate) async fn acquire(
        &self,
        clock: &Arc<dyn Clock>,
        timeout: Option<Duration>,
    ) -> Result<Permit, Duration> {
        let number = 1 + self.shared.callers.fetch_add(1, Ordering::Relaxed);
        let end = timeout.map(|timeout| clock.now().saturating_add(timeout));
        let permit = self.queue(clock, end);
        let permit = match timeout {
            None => permit.await,
            // A manual clock must not skip the time that the requests before this one take.
            Some(timeout) => with_deadline(permit, clock.deadline(timeout))
                .await
                .flatten(),
        };
        let admitted = &self.shared.admitted;
        permit
            .inspect(|_| {
                admitted.fetch_max(number, Ordering::Relaxed);
            })
            .ok_or_else(|| {
                // Callers that have left count, too: if each tries again when it would have been its turn, all succeed.
                let ahead = number.saturating_sub(1 + admitted.load(Ordering::Relaxed));
                self.shared.window().time_until_turn(ahead, clock.now())
            })
    }

    /// Waits for a permit until `end`.
    async fn queue(&self, clock: &Arc<dyn Clock>, end: Option<Duration>) -> Option<Permit> {
        let _first_in_queue = self.shared.queue.lock().await;
        loop {
            let now = clock.now();
            let left = end.map(|end| end.checked_sub(now));
            if left == Some(None) {
                return None;
            }
            // A separate statement, so that the lock is released before the wait.
            let (admission, is_sending) = {
                let mut window = self.shared.window();
                (window.try_acquire(now), window.has_in_flight())
            };
            match admission {
                Admission::Ready => {
                    return Some(Permit {
                        shared: Arc::clone(&self.shared),
                        clock: Arc::clone(clock),
                        in_flight: true,
                    });
                }
                Admission::Wait(wait) => {
                    let left = left.flatten();
                    if left == Some(Duration::ZERO) {
                        return None;
                    }
                    let wait = left.map_or(wait, |left| wait.min(left));
                    // As above: a response may end the wait.
                    let timer = match is_sending {
                        true => clock.deadline(wait),
                        false => clock.sleep(wait),
                    };
                    with_deadline(self.shared.changed.notified(), timer).await;
                }
            }
        }
    }

    /// Requests per minute that are allowed at present; `None` if there is no limit.
    pub(crate) fn allowed(&self) -> Option<u32> {
        self.shared.window().allowed()
    }
}

#[cfg(test)]
mod tests;
