//! Decision: whether, and when, to load a recording once more. The job waits in the queue meanwhile.

use std::time::Duration;

/// Maximum delay that a host may ask for with `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);
/// After an attempt that took long, the next one follows after this many times as long, so that first attempts come
/// between those at hosts that hang.
const DELAY_PER_ATTEMPT: u32 = 3;
/// Maximum delay for this reason.
const MAX_ATTEMPT_DELAY: Duration = Duration::from_secs(3 * 60);
/// Maximum delay after a failure of this machine or the storage.
const MAX_STORAGE_DELAY: Duration = Duration::from_secs(60);
/// Maximum number of retries after such failures: for about an hour, as long as the results of jobs wait for space.
const MAX_STORAGE_RETRIES: u32 = 64;

/// Returns the delay after a host has failed. `failures` is how often it had failed before, `delays` are those before each
/// retry, `retry_after` is the one that the host has asked for, and `took` is how long the attempt took.
pub(super) fn after_fetch(
    failures: u32,
    delays: [Duration; 3],
    retry_after: Option<Duration>,
    took: Duration,
) -> Option<Duration> {
    let delay = *delays.get(usize::try_from(failures).ok()?)?;
    let retry_after = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    let in_turn = took
        .saturating_mul(DELAY_PER_ATTEMPT)
        .min(MAX_ATTEMPT_DELAY);
    Some(delay.max(retry_after).max(in_turn))
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
        for (failures, retry_after_s, took_s, expected_s) in [
            (0, None, 0, Some(1)),
            (1, None, 0, Some(5)),
            (2, None, 0, Some(20)),
            (3, None, 0, None),
            (u32::MAX, None, 0, None),
            (1, Some(2), 0, Some(5)),
            (1, Some(30), 0, Some(30)),
            (1, Some(3_600), 0, Some(60)),
            (3, Some(1), 0, None),
            // An attempt that took long.
            (1, None, 1, Some(5)),
            (0, None, 10, Some(30)),
            (2, Some(30), 60, Some(180)),
            (0, None, 1_800, Some(180)),
            (3, None, 60, None),
        ] {
            let retry_after = retry_after_s.map(Duration::from_secs);
            let took = Duration::from_secs(took_s);
            let delay = after_fetch(failures, delays, retry_after, took);
            let expected = expected_s.map(Duration::from_secs);
            assert_eq!(delay, expected, "{failures} {retry_after_s:?} {took_s}");
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
