//! Decision: whether a body arrives too slowly. Whoever sends a byte from time to time would hold a place, or space, for
//! long.

use std::time::Duration;

/// The pace of a body: how much has arrived in the current window of time. Only waiting for the body counts as time: a
/// slow disk does not make it slow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    window: Duration,
    min_bytes: u64,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// Requires `min_bytes_per_s` on average over every `window`.
    pub(crate) fn new(min_bytes_per_s: u64, window: Duration) -> Self {
        let min_bytes = u128::from(min_bytes_per_s).saturating_mul(window.as_millis()) / 1_000;
        Self {
            window,
            min_bytes: u64::try_from(min_bytes).unwrap_or(u64::MAX),
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Returns how much has to arrive in a window, in bytes.
    pub(crate) fn min_bytes(&self) -> u64 {
        self.min_bytes
    }

    /// Returns the window of time.
    pub(crate) fn window(&self) -> Duration {
        self.window
    }

    /// Notes bytes that have arrived after waiting for them. Returns whether they are too few, which is known at the end of
    /// a window.
    pub(crate) fn is_too_slow(&mut self, bytes: u64, waited: Duration) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        self.waited = self.waited.saturating_add(waited);
        if self.waited < self.window {
            return false;
        }
        let is_too_slow = self.bytes < self.min_bytes;
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        is_too_slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_needs_its_bytes() {
        for (arrivals, expected) in [
            // Seconds of waiting, and bytes.
            (vec![], false),
            (vec![(59, 1)], false),
            (vec![(4, 1), (52, 1), (4, 1)], true),
            (vec![(61, 119)], true),
            (vec![(61, 120)], false),
            (vec![(1, 120), (59, 0), (59, 1)], false),
            (vec![(1, 900), (59, 1), (60, 119)], true),
            (vec![(1, 120), (59, 1), (60, 120), (60, 120)], false),
            // Whatever else takes time between them.
            (vec![(0, 1); 100], false),
        ] {
            let mut pace = Pace::new(2, Duration::from_secs(60));
            let is_too_slow = arrivals
                .iter()
                .any(|(seconds, bytes)| pace.is_too_slow(*bytes, Duration::from_secs(*seconds)));
            assert_eq!(is_too_slow, expected, "{arrivals:?}");
        }
    }

    #[test]
    fn the_bytes_of_a_window_depend_on_its_length() {
        for (bytes_per_s, window_ms, expected) in [
            (8 << 10, 30_000, 245_760),
            (8 << 10, 500, 4_096),
            (0, 30_000, 0),
            (1, 999, 0),
            (u64::MAX, 2_000, u64::MAX),
            (u64::MAX, u64::MAX, u64::MAX),
        ] {
            let pace = Pace::new(bytes_per_s, Duration::from_millis(window_ms));
            assert_eq!(pace.min_bytes(), expected);
        }
    }
}
