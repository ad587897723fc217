//! How many requests a minute are taken: per team and operation, in fixed windows of a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::operation::{LimitClass, Operation};

/// How long a window is.
const WINDOW: Duration = Duration::from_secs(60);

/// How many requests a minute each endpoint takes from a team; `None` for no limit.
///
/// ```
/// use pyannote_server::Limits;
///
/// assert_eq!(Limits::default(), Limits { posts: Some(100), job_reads: Some(300) });
/// assert_eq!(Limits::off(), Limits { posts: None, job_reads: None });
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Of the POST endpoints and of `/v1/test`; 100 unless set.
    pub posts: Option<u32>,
    /// Of the two reads of jobs; 300 unless set.
    pub job_reads: Option<u32>,
}

impl Limits {
    /// No limits, and no headers that speak of any.
    #[must_use]
    pub fn off() -> Self {
        Self {
            posts: None,
            job_reads: None,
        }
    }
}

impl Default for Limits {
    /// The limits of the API.
    fn default() -> Self {
        Self {
            posts: Some(100),
            job_reads: Some(300),
        }
    }
}

/// Where a team stands with an operation, this request counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Standing {
    /// Requests a minute.
    pub(crate) limit: u32,
    /// How many are left of this window.
    pub(crate) remaining: u32,
    /// Whole seconds until the next window, rounded up.
    pub(crate) reset: u64,
    /// Whether this request is within the limit.
    pub(crate) is_within: bool,
}

/// One window of one team and operation.
#[derive(Clone, Copy, Debug)]
struct Window {
    began: Instant,
    taken: u32,
}

/// Counts requests.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Limits,
    windows: Mutex<HashMap<(String, Operation), Window>>,
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            windows: Mutex::default(),
        }
    }

    /// Counts a request. None where there is no limit. A refused request does not count.
    pub(crate) fn count(&self, team: &str, operation: Operation, now: Instant) -> Option<Standing> {
        let limit = match operation.limit() {
            LimitClass::Posts => self.limits.posts?,
            LimitClass::JobReads => self.limits.job_reads?,
            LimitClass::None => return None,
        };
        let fresh = Window {
            began: now,
            taken: 0,
        };
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry((team.to_owned(), operation)).or_insert(fresh);
        if now.saturating_duration_since(window.began) >= WINDOW {
            *window = fresh;
        }
        let is_within = window.taken < limit;
        if is_within {
            window.taken = window.taken.saturating_add(1);
        }
        let left = WINDOW.saturating_sub(now.saturating_duration_since(window.began));
        Some(Standing {
            limit,
            remaining: limit.saturating_sub(window.taken),
            reset: u64::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX),
            is_within,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_fills_and_ends() {
        let limiter = Limiter::new(Limits {
            posts: Some(2),
            job_reads: None,
        });
        let start = Instant::now();
        let at = |team: &str, operation, millis| {
            let now = start + Duration::from_millis(millis);
            limiter
                .count(team, operation, now)
                .map(|standing| (standing.remaining, standing.reset, standing.is_within))
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
                at(team, operation, millis),
                expected,
                "{team} {operation:?} {millis}"
            );
        }
    }
}
