//! Decision: whether a body arrives too slowly. A host that sends a byte from time to time would hold a place for long.

use std::time::{Duration, Instant};

/// The pace of a body: how much has arrived in the current window of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    window: Duration,
    min_bytes: u64,
    since: Instant,
    bytes: u64,
}

impl Pace {
    /// Requires `min_bytes` in every `window`, from `now` on.
    pub(super) fn new(min_bytes: u64, window: Duration, now: Instant) -> Self {
        Self {
            window,
            min_bytes,
            since: now,
            bytes: 0,
        }
    }

    /// Notes bytes that have arrived. Returns whether they are too few, which is known at the end of a window.
    pub(super) fn is_too_slow(&mut self, bytes: u64, now: Instant) -> bool {
        self.bytes += bytes;
        if now.duration_since(self.since) < self.window {
            return false;
        }
        let is_too_slow = self.bytes < self.min_bytes;
        (self.since, self.bytes) = (now, 0);
        is_too_slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_needs_its_bytes() {
        for (arrivals, expected) in [
            // In seconds, and bytes.
            (vec![], false),
            (vec![(59, 1)], false),
            (vec![(4, 1), (56, 1), (60, 1)], true),
            (vec![(61, 99)], true),
            (vec![(61, 100)], false),
            (vec![(1, 100), (60, 0), (119, 1)], false),
            (vec![(1, 900), (60, 1), (120, 99)], true),
            (vec![(1, 100), (60, 1), (120, 100), (180, 100)], false),
        ] {
            let start = Instant::now();
            let mut pace = Pace::new(100, Duration::from_secs(60), start);
            let is_too_slow = arrivals.iter().any(|(second, bytes)| {
                pace.is_too_slow(*bytes, start + Duration::from_secs(*second))
            });
            assert_eq!(is_too_slow, expected, "{arrivals:?}");
        }
    }
}
