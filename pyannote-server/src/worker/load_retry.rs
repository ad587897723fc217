//! Decision: whether, and when, to load a recording once more. The job waits in the queue meanwhile.

use std::time::Duration;

/// Maximum delay that a host may ask for with `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);
/// Maximum delay after a failure of this machine or the storage.
const MAX_STORAGE_DELAY: Duration = Duration::from_secs(60);
/// Maximum number of retries after such failures: for about an hour, as long as the results of jobs wait for space.
const MAX_STORAGE_RETRIES: u32 = 64;

/// Returns the delay after a host has failed. `failures` is how often it had failed before, `delays` are those before each
/// retry, and `retry_after` is the one that the host has asked for.
pub(super) fn after_fetch(
    failures: u32,
    delays: [Duration; 3],
    retry_after: Option<Duration>,
) -> Option<Duration> {
    let delay = delays.get(usize::try_from(failures).ok()?)?;
    let retry_after = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    Some(retry_after.max(*delay))
}

/// Returns the delay after this machine or the storage of uploaded media has failed. `failures` is how often before.
pub(super) fn after_storage(failures: u32) -> Option<Duration> {
    let delay_s = 1_u64.checked_shl(failures.min(32)).unwrap_or(u64::MAX);
    (failures < MAX_STORAGE_RETRIES).then(|| Duration::from_secs(delay_s).min(MAX_STORAGE_DELAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_fetch_is_retried_three_times_and_not_before_the_host_wants_it() {
        let delays = [1, 5, 20].map(Duration::from_secs);
        for (failures, retry_after_s, expected_s) in [
            (0, None, Some(1)),
            (1, None, Some(5)),
            (2, None, Some(20)),
            (3, None, None),
            (u32::MAX, None, None),
            (1, Some(2), Some(5)),
            (1, Some(30), Some(30)),
            (1, Some(3_600), Some(60)),
            (3, Some(1), None),
        ] {
            let retry_after = retry_after_s.map(Duration::from_secs);
            let delay = after_fetch(failures, delays, retry_after);
            assert_eq!(delay, expected_s.map(Duration::from_secs), "{failures}");
        }
    }

    #[test]
    fn storage_is_retried_for_about_an_hour() {
        let delays: Vec<_> = (0..).map_while(after_storage).collect();
        let seconds: Vec<_> = delays.iter().map(Duration::as_secs).collect();
        assert_eq!(seconds[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(seconds.iter().sum::<u64>(), 3_543);
        assert_eq!(after_storage(u32::MAX), None);
    }
}
