//! Time, sleep and randomness behind one trait, so that tests can control them.
#![allow(
    unreachable_pub,
    reason = "public only if the feature test-util re-exports it"
)]

use std::fmt::Debug;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// A pending sleep.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A source of time, sleep and randomness.
pub trait Clock: Debug + Send + Sync {
    /// Monotonic time since an arbitrary start, unrelated to the date.
    fn now(&self) -> Duration;

    /// The wall clock. It may jump, so use it only to compare with dates sent by others.
    fn wall(&self) -> SystemTime;

    /// Sleeps for `duration`, counted from this call.
    fn sleep(&self, duration: Duration) -> Sleep;

    /// Sleeps for `duration` to limit how long something else may take, such as a read of a connection.
    ///
    /// Unlike [`sleep`](Self::sleep), a manual clock that advances by itself does not advance for it: what it limits
    /// takes real time.
    fn deadline(&self, duration: Duration) -> Sleep {
        self.sleep(duration)
    }

    /// A random number in 0..=1.
    fn random(&self) -> f64;
}

/// The system clock and tokio's timer.
#[derive(Clone, Debug)]
pub struct SystemClock {
    // tokio's `Instant`, so that `now` and `sleep` agree in tests that pause tokio's time.
    start: tokio::time::Instant,
}

impl SystemClock {
    /// Creates a clock whose [`now`](Clock::now) starts at zero.
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
        // tokio accepts any duration and caps it at decades.
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
    fn now_is_monotonic_and_random_is_in_range() {
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
    async fn maximum_sleep_does_not_panic() {
        let clock = SystemClock::default();
        let mut sleep = clock.sleep(Duration::MAX);
        let polled =
            std::future::poll_fn(|cx| std::task::Poll::Ready(sleep.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
        clock.sleep(Duration::ZERO).await;
    }
}
