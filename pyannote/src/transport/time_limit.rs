//! How long a call may take.

use std::time::Duration;

/// The time limit of a call, with all its attempts, the delays between them, and the waits for the rate limiter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimit {
    start: Duration,
    /// The client's total timeout.
    total: Option<Duration>,
    /// The timeout of a poll.
    timeout: Option<Duration>,
    /// The time in the queue of the rate limiter so far, if it does not count toward the total timeout.
    free: Option<Duration>,
}

impl TimeLimit {
    /// The limit of a call that starts at `now`.
    pub(crate) fn new(total: Option<Duration>, now: Duration) -> Self {
        Self {
            start: now,
            total,
            timeout: None,
            free: None,
        }
    }

    /// The limit of a poll: time in the queue does not count toward the total timeout, but toward `timeout`.
    pub(crate) fn of_a_poll(self, timeout: Option<Duration>) -> Self {
        Self {
            timeout,
            free: Some(Duration::ZERO),
            ..self
        }
    }

    /// Records a time in the queue of the rate limiter.
    pub(crate) fn queued(&mut self, time: Duration) {
        if let Some(free) = &mut self.free {
            *free = free.saturating_add(time);
        }
    }

    /// The time since the start.
    pub(crate) fn elapsed(&self, now: Duration) -> Duration {
        now.saturating_sub(self.start)
    }

    /// The longest time that the whole call may take.
    pub(crate) fn total(&self) -> Option<Duration> {
        let free = self.free.unwrap_or_default();
        let total = self.total.map(|total| total.saturating_add(free));
        total.into_iter().chain(self.timeout).min()
    }

    /// The rest of [`total`](Self::total).
    pub(crate) fn remaining(&self, now: Duration) -> Option<Duration> {
        Some(self.total()?.saturating_sub(self.elapsed(now)))
    }

    /// The longest time that the call may now spend in the queue.
    pub(crate) fn of_queue(&self, now: Duration) -> Option<Duration> {
        match self.free {
            Some(_) => Some(self.timeout?.saturating_sub(self.elapsed(now))),
            None => self.remaining(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_queue_counts_toward_the_total_timeout_of_a_call() {
        let mut limit = TimeLimit::new(Some(s(300)), s(1_000));
        assert_eq!(limit.of_queue(s(1_100)), Some(s(200)));
        limit.queued(s(100));
        assert_eq!(limit.remaining(s(1_100)), Some(s(200)));
        assert_eq!(limit.total(), Some(s(300)));
        assert_eq!(limit.remaining(s(9_000)), Some(s(0)));
        assert_eq!(TimeLimit::new(None, s(0)).of_queue(s(1)), None);
        assert_eq!(TimeLimit::new(None, s(0)).remaining(s(1)), None);
    }

    #[test]
    fn the_queue_does_not_count_toward_the_total_timeout_of_a_poll() {
        // timeout, time in the queue, limit of the queue before, remaining after
        for (timeout, queued, of_queue, remaining) in [
            (None, 0, None, 300),
            (None, 4_000, None, 300),
            (Some(10), 4, Some(10), 6),
            (Some(10), 10, Some(10), 0),
            (Some(900), 700, Some(900), 200),
            (Some(9_000), 700, Some(9_000), 300),
        ] {
            let mut limit = TimeLimit::new(Some(s(300)), s(0)).of_a_poll(timeout.map(s));
            assert_eq!(limit.of_queue(s(0)), of_queue.map(s));
            limit.queued(s(queued));
            assert_eq!(
                limit.remaining(s(queued)),
                Some(s(remaining)),
                "{timeout:?}"
            );
        }
    }
}
