//! Delays between attempts to reach the database.

use std::time::Duration;

/// Delays that double from one poll interval to five.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    poll_interval: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(poll_interval: Duration) -> Self {
        Self {
            poll_interval,
            next: poll_interval,
        }
    }

    /// Returns the delay after another failure.
    pub(crate) fn next_delay(&mut self) -> Duration {
        let delay = self.next;
        self.next = (delay * 2).min(self.poll_interval * 5);
        delay
    }

    /// Starts again after a success.
    pub(crate) fn reset(&mut self) {
        self.next = self.poll_interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_five_intervals() {
        let mut backoff = Backoff::new(Duration::from_secs(1));
        let mut seconds = || backoff.next_delay().as_secs();
        assert_eq!(
            [seconds(), seconds(), seconds(), seconds(), seconds()],
            [1, 2, 4, 5, 5]
        );
        backoff.reset();
        assert_eq!(backoff.next_delay().as_secs(), 1);
    }
}
