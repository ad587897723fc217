//! The retry policy, as users configure it.

use std::time::Duration;

/// How often a failed request is retried, and with what delays.
///
/// Reads are retried after transient failures: no connection, a timeout, a lost connection, 408, 429, 500, 502, 503,
/// 504; so are those of jobs and of the listing if the response cannot be decoded, as when a gateway sent it. A
/// submission, which creates a billed job, is retried only if the service certainly did not accept it: no connection,
/// 429, or 503 with a `Retry-After`. No policy changes that.
///
/// The delay before retry _n_ is a random fraction of `base_delay * 2^(n-1)`, at most `max_delay`. A longer
/// `Retry-After` of the server takes precedence.
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
    /// A policy without retries: every failure is returned immediately.
    #[must_use]
    pub fn none() -> Self {
        Self::default().max_attempts(1)
    }

    /// Sets the maximum number of attempts, including the first. Default: 5; 0 counts as 1.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Sets the maximum delay before the first retry, which doubles with each further one. Default: 500 ms.
    #[must_use]
    pub fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// Sets the limit of the doubling delay. Default: 8 s. A `Retry-After` may exceed it.
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets the longest `Retry-After` that the client waits for. Default: 120 s. Beyond it the call fails with an error
    /// whose [`retry_after`](crate::Error::retry_after) has the delay that the server asked for.
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
    fn defaults_match_the_documentation() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.max_attempts, 5);
        assert_eq!(policy.base_delay, Duration::from_millis(500));
        assert_eq!(policy.max_delay, Duration::from_secs(8));
        assert_eq!(policy.retry_after_cap, Duration::from_secs(120));
    }

    #[test]
    fn setters_set_their_fields() {
        let policy = RetryPolicy::default()
            .max_attempts(0)
            .base_delay(Duration::from_secs(1))
            .max_delay(Duration::from_secs(2))
            .retry_after_cap(Duration::from_secs(3));
        assert_eq!(policy.max_attempts, 1, "there is always one attempt");
        assert_eq!(policy.base_delay, Duration::from_secs(1));
        assert_eq!(policy.max_delay, Duration::from_secs(2));
        assert_eq!(policy.retry_after_cap, Duration::from_secs(3));
        assert_eq!(RetryPolicy::none().max_attempts, 1);
    }
}
