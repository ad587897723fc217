//! How often and how patiently to retry: what a user may set.

use std::time::Duration;

/// How often a request is sent again after a failure, and how long to wait in between.
///
/// Reads are retried after whatever may pass: no connection, a timeout, a lost connection, 408, 429, 500, 502, 503,
/// 504. A submission (a job that is billed) is retried only where the server certainly took nothing: no connection,
/// 429, or 503 with a `Retry-After`. No policy changes that.
///
/// The wait before retry _n_ is a random share of `base_delay * 2^(n-1)`, at most `max_delay`; a longer `Retry-After`
/// of the server is respected.
///
/// ```
/// use std::time::Duration;
/// use pyannote::RetryPolicy;
///
/// let patient = RetryPolicy::default()
///     .max_attempts(8)
///     .max_delay(Duration::from_secs(30));
/// assert_ne!(patient, RetryPolicy::default());
///
/// let never = RetryPolicy::none();
/// assert_eq!(never, RetryPolicy::default().max_attempts(1));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    pub(crate) max_attempts: u32,
    pub(crate) base_delay: Duration,
    pub(crate) max_delay: Duration,
    pub(crate) retry_after_cap: Duration,
}

impl RetryPolicy {
    /// Never retries: every failure is the caller's at once.
    #[must_use]
    pub fn none() -> Self {
        Self::default().max_attempts(1)
    }

    /// How often a request is sent in all, the first time included. 5 unless set; 0 counts as 1.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// The longest wait before the first retry; it doubles with each one. 500 ms unless set.
    #[must_use]
    pub fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// The longest wait that doubling may reach. 8 s unless set. A `Retry-After` may ask for more.
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// The longest `Retry-After` that is waited out. 120 s unless set. Beyond it the call ends in an error that says
    /// how long the server asked to wait.
    #[must_use]
    pub fn retry_after_cap(mut self, cap: Duration) -> Self {
        self.retry_after_cap = cap;
        self
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(8),
            retry_after_cap: Duration::from_secs(120),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_as_documented() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.max_attempts, 5);
        assert_eq!(policy.base_delay, Duration::from_millis(500));
        assert_eq!(policy.max_delay, Duration::from_secs(8));
        assert_eq!(policy.retry_after_cap, Duration::from_secs(120));
    }

    #[test]
    fn setters_set_their_own_field() {
        let policy = RetryPolicy::default()
            .max_attempts(0)
            .base_delay(Duration::from_secs(1))
            .max_delay(Duration::from_secs(2))
            .retry_after_cap(Duration::from_secs(3));
        assert_eq!(policy.max_attempts, 1, "a request is always sent once");
        assert_eq!(policy.base_delay, Duration::from_secs(1));
        assert_eq!(policy.max_delay, Duration::from_secs(2));
        assert_eq!(policy.retry_after_cap, Duration::from_secs(3));
        assert_eq!(RetryPolicy::none().max_attempts, 1);
    }
}
