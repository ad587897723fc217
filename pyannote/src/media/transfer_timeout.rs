//! The timeout of a transfer, by its size.

use std::time::Duration;

/// The slowest connection that a transfer succeeds on.
const MIN_BYTES_PER_S: u64 = 100_000;

/// The timeout of one attempt to transfer this many bytes: `attempt_timeout`, and 1 s for every 100 kB.
pub(super) fn transfer_timeout(attempt_timeout: Duration, bytes: u64) -> Duration {
    attempt_timeout.saturating_add(transfer_time(bytes))
}

/// The time to transfer this many bytes on the slowest connection.
pub(super) fn transfer_time(bytes: u64) -> Duration {
    Duration::from_millis(bytes.saturating_mul(1_000) / MIN_BYTES_PER_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_with_the_size_without_overflow() {
        let minute = Duration::from_secs(60);
        assert_eq!(transfer_timeout(minute, 0), minute);
        assert_eq!(transfer_timeout(minute, 1_000_000), Duration::from_secs(70));
        assert!(transfer_timeout(minute, u64::MAX) > minute);
        assert_eq!(transfer_timeout(Duration::MAX, u64::MAX), Duration::MAX);
    }
}
