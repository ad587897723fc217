//! The rate limiter of one endpoint: callers queue here, in order of arrival, until [`RateWindow`] admits them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

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
/// Drop it once the response was observed or the request failed. Until then the request counts as in flight: the
/// server's count may not include it yet.
#[derive(Debug)]
#[must_use = "a permit represents one request in flight"]
pub(crate) struct Permit {
    shared: Arc<Shared>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.window().release();
        self.shared.changed.notify_one();
    }
}

impl RateLimiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self {
            shared: Arc::new(Shared {
                queue: tokio::sync::Mutex::new(()),
                changed: Notify::new(),
                window: Mutex::new(RateWindow::new(limit)),
            }),
        }
    }

    /// Waits for a permit. Permits are granted in order of arrival; dropping the future leaves the queue.
    pub(crate) async fn acquire(&self, clock: &dyn Clock) -> Permit {
        let _first_in_queue = self.shared.queue.lock().await;
        loop {
            // A separate statement, so that the lock is released before the wait.
            let admission = self.shared.window().try_acquire(clock.now());
            match admission {
                Admission::Ready => {
                    return Permit {
                        shared: Arc::clone(&self.shared),
                    };
                }
                Admission::Wait(wait) => {
                    with_deadline(self.shared.changed.notified(), clock.sleep(wait)).await;
                }
            }
        }
    }

    /// Time until the endpoint admits another request, or `None` if it would admit one now. Does not use up a slot.
    pub(crate) fn retry_after(&self, clock: &dyn Clock) -> Option<Duration> {
        let wait = self.shared.window().time_until_ready(clock.now());
        (!wait.is_zero()).then_some(wait)
    }

    /// Updates the limits from the headers of a response, whatever its status. `now` and `wall` are the clock's times
    /// at its arrival.
    pub(crate) fn observe(&self, headers: &HeaderMap, now: Duration, wall: SystemTime) {
        let headers = RateHeaders::parse(headers, wall);
        self.shared.window().observe(&headers, now);
        self.shared.changed.notify_one();
    }
}

#[cfg(test)]
mod tests;
