//! How long a transfer may take, by its size.

use std::time::Duration;

/// The slowest connection that is waited for, in bytes a second.
const SLOWEST: u64 = 100_000;

/// The time of one attempt with this many bytes.
pub(super) fn allowance(attempt_timeout: Duration, bytes: u64) -> Duration {
    attempt_timeout.saturating_add(Duration::from_millis(bytes.saturating_mul(1_000) / SLOWEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_with_the_size_and_never_overflows() {
        let minute = Duration::from_secs(60);
        assert_eq!(allowance(minute, 0), minute);
        assert_eq!(allowance(minute, 1_000_000), Duration::from_secs(70));
        assert!(allowance(minute, u64::MAX) > minute);
        assert_eq!(allowance(Duration::MAX, u64::MAX), Duration::MAX);
    }
}
