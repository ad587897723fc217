//! The queue in front of one endpoint: callers wait here for [`Window`] to admit them, in the order in which they came.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use tokio::sync::Notify;

use super::clock::Clock;
use super::rate_headers::RateHeaders;
use super::rate_limit::RateLimit;
use super::window::{Admission, Window};

/// The rate limiter of one endpoint. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Limiter {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Whoever holds it is first in line. tokio's mutex hands it on first come, first served, and a waiter that is
    /// dropped leaves the line.
    turn: tokio::sync::Mutex<()>,
    /// Tells the first in line that things have changed: its wait may be over sooner.
    changed: Notify,
    /// Held for moments only, never across an await.
    window: Mutex<Window>,
}

impl Shared {
    fn window(&self) -> MutexGuard<'_, Window> {
        // Counts are whole at every point where a panic could come from: they can be used further.
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave to send one request. To be dropped once its answer was observed, or it failed: until then it counts as a
/// request that the server may not have counted.
#[derive(Debug)]
#[must_use = "a permit stands for one request under way"]
pub(crate) struct Permit {
    shared: Arc<Shared>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.window().finish();
        self.shared.changed.notify_one();
    }
}

impl Limiter {
    pub(crate) fn new(policy: RateLimit) -> Self {
        Self {
            shared: Arc::new(Shared {
                turn: tokio::sync::Mutex::new(()),
                changed: Notify::new(),
                window: Mutex::new(Window::new(policy)),
            }),
        }
    }

    /// Waits for leave to send one request, behind those who asked before. A future that is dropped gives up its place.
    pub(crate) async fn acquire(&self, clock: &dyn Clock) -> Permit {
        let _turn = self.shared.turn.lock().await;
        loop {
            // A statement of its own, so that the lock is free again before the wait.
            let admission = self.shared.window().poll(clock.now());
            let wait = match admission {
                Admission::Ready => {
                    return Permit {
                        shared: Arc::clone(&self.shared),
                    };
                }
                Admission::Wait(wait) => wait,
            };
            self.change_or(clock.sleep(wait)).await;
        }
    }

    /// How long the endpoint is closed, if it is: for whoever gave up waiting.
    pub(crate) fn closed_for(&self, clock: &dyn Clock) -> Option<Duration> {
        let mut window = self.shared.window();
        match window.poll(clock.now()) {
            Admission::Wait(wait) => Some(wait),
            Admission::Ready => {
                window.finish();
                None
            }
        }
    }

    /// Learns from an answer's headers, on a success as on a 429. `now` and `wall` are the clock's at its arrival.
    pub(crate) fn observe(&self, headers: &HeaderMap, now: Duration, wall: SystemTime) {
        let seen = RateHeaders::read(headers, wall);
        self.shared.window().observe(&seen, now);
        self.shared.changed.notify_one();
    }

    /// Waits for a change or the end of the sleep, whichever is first.
    async fn change_or(&self, mut sleep: super::clock::Sleep) {
        let mut changed = std::pin::pin!(self.shared.changed.notified());
        std::future::poll_fn(|cx| {
            // A change before the sleep: it may make the sleep needless.
            if changed.as_mut().poll(cx).is_ready() {
                return std::task::Poll::Ready(());
            }
            sleep.as_mut().poll(cx)
        })
        .await;
    }
}

#[cfg(test)]
mod tests;
