//! The one seam for time, sleep and randomness.
#![allow(
    unreachable_pub,
    reason = "public only where the feature test-util re-exports it"
)]

use std::fmt::Debug;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// A sleep under way.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where time, sleep and randomness come from.
pub trait Clock: Debug + Send + Sync {
    /// Time since an arbitrary start. Never goes back; says nothing about the date.
    fn now(&self) -> Duration;

    /// The date and time of day. May jump: only for comparison with dates that others send.
    fn wall(&self) -> SystemTime;

    /// Waits for this long, counted from the call.
    fn sleep(&self, duration: Duration) -> Sleep;

    /// A random number from 0 to 1.
    fn random(&self) -> f64;
}

/// The machine's clock and tokio's timer.
#[derive(Clone, Debug)]
pub struct SystemClock {
    // tokio's instant and not the standard library's: where a test pauses tokio's time, `now` and `sleep` still agree.
    start: tokio::time::Instant,
}

impl SystemClock {
    /// A clock that starts now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: tokio::time::Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        // tokio takes any duration: one too long for its timer becomes one of decades.
        Box::pin(tokio::time::sleep(duration))
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_never_goes_back_and_random_stays_in_range() {
        let clock = SystemClock::new();
        let mut last = clock.now();
        for _ in 0..1_000 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
            assert!((0.0..=1.0).contains(&clock.random()));
        }
    }

    #[tokio::test]
    async fn the_longest_sleep_does_not_panic() {
        let clock = SystemClock::default();
        let mut sleep = clock.sleep(Duration::MAX);
        let polled =
            std::future::poll_fn(|cx| std::task::Poll::Ready(sleep.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
        clock.sleep(Duration::ZERO).await;
    }
}
