//! Rate limits, counted per team and operation in fixed windows of one minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::operation::{Operation, RateLimitClass};

/// Length of a rate limit window.
const WINDOW: Duration = Duration::from_secs(60);

/// Rate limits of the endpoints, per team; `None` disables a limit.
///
/// ```
/// use pyannote_server::RateLimits;
///
/// let api = RateLimits { posts_per_minute: Some(100), job_reads_per_minute: Some(300) };
/// assert_eq!(RateLimits::default(), api);
/// let off = RateLimits { posts_per_minute: None, job_reads_per_minute: None };
/// assert_eq!(RateLimits::off(), off);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RateLimits {
    /// Requests per minute to each POST endpoint and to `/v1/test`. Default: 100.
    pub posts_per_minute: Option<u32>,
    /// Requests per minute to each of the two endpoints that read jobs. Default: 300.
    pub job_reads_per_minute: Option<u32>,
}

impl RateLimits {
    /// Disables all rate limits and the `x-ratelimit-*` headers.
    #[must_use]
    pub fn off() -> Self {
        Self {
            posts_per_minute: None,
            job_reads_per_minute: None,
        }
    }
}

impl Default for RateLimits {
    /// Returns the limits of the pyannoteAI API.
    fn default() -> Self {
        Self {
            posts_per_minute: Some(100),
            job_reads_per_minute: Some(300),
        }
    }
}

/// State of a team's rate limit on one operation, including the current request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Quota {
    /// Requests per minute.
    pub(crate) limit: u32,
    /// Requests left in this window.
    pub(crate) remaining: u32,
    /// Time until the next window, rounded up to whole seconds.
    pub(crate) reset_s: u64,
    /// Whether the current request is over the limit.
    pub(crate) is_exceeded: bool,
}

/// Current window of one team and operation.
#[derive(Clone, Copy, Debug)]
struct Window {
    start: Instant,
    requests: u32,
}

/// Counts requests against [`RateLimits`].
#[derive(Debug)]
pub(crate) struct RateLimiter {
    limits: RateLimits,
    windows: Mutex<HashMap<(String, Operation), Window>>,
}

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self {
            limits,
            windows: Mutex::default(),
        }
    }

    /// Counts a request. Returns `None` if the operation has no limit. A request over the limit is not counted.
    pub(crate) fn count(&self, team: &str, operation: Operation, now: Instant) -> Option<Quota> {
        let limit = match operation.rate_limit_class() {
            RateLimitClass::Posts => self.limits.posts_per_minute?,
            RateLimitClass::JobReads => self.limits.job_reads_per_minute?,
            RateLimitClass::Unlimited => return None,
        };
        let new_window = Window {
            start: now,
            requests: 0,
        };
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows
            .entry((team.to_owned(), operation))
            .or_insert(new_window);
        if now.saturating_duration_since(window.start) >= WINDOW {
            *window = new_window;
        }
        let is_exceeded = window.requests >= limit;
        if !is_exceeded {
            window.requests += 1;
        }
        let until_reset = WINDOW.saturating_sub(now.saturating_duration_since(window.start));
        let reset_s = until_reset.as_secs() + u64::from(until_reset.subsec_nanos() > 0);
        Some(Quota {
            limit,
            remaining: limit - window.requests,
            reset_s,
            is_exceeded,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_per_team_and_operation_and_resets_after_a_minute() {
        let limiter = RateLimiter::new(RateLimits {
            posts_per_minute: Some(2),
            job_reads_per_minute: None,
        });
        let start = Instant::now();
        let count = |team: &str, operation, millis| {
            let now = start + Duration::from_millis(millis);
            limiter
                .count(team, operation, now)
                .map(|quota| (quota.remaining, quota.reset_s, !quota.is_exceeded))
        };
        for (team, operation, millis, expected) in [
            ("a", Operation::Diarize, 0, Some((1, 60, true))),
            ("a", Operation::Diarize, 500, Some((0, 60, true))),
            ("a", Operation::Diarize, 1_000, Some((0, 59, false))),
            ("b", Operation::Diarize, 1_000, Some((1, 60, true))),
            ("a", Operation::TestKey, 1_000, Some((1, 60, true))),
            ("a", Operation::GetJob, 1_000, None),
            ("a", Operation::StorageUpload, 1_000, None),
            ("a", Operation::Diarize, 59_999, Some((0, 1, false))),
            ("a", Operation::Diarize, 60_000, Some((1, 60, true))),
        ] {
            assert_eq!(
                count(team, operation, millis),
                expected,
                "{team} {operation:?} {millis}"
            );
        }
    }
}
