//! The client-side rate limit, as users configure it.

use super::endpoint::Endpoint;

/// The maximum number of requests per minute to one endpoint.
///
/// The API counts requests per team and endpoint, and each response has the team's limit and what is left of it. The
/// default is the documented limit of each endpoint, until a response has another. A limit set with
/// [`per_minute`](Self::per_minute) is a ceiling: the server can lower it but never raise it, so programs of one team
/// can divide the team's limit among themselves.
///
/// ```
/// use pyannote::RateLimit;
///
/// let half = RateLimit::per_minute(50);
/// assert_ne!(half, RateLimit::default());
/// assert_ne!(half, RateLimit::off());
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RateLimit {
    /// Requests per minute, or `None` if the limiter is off or the limit is that of the endpoint.
    pub(crate) requests: Option<u32>,
    /// Whether response headers may raise the limit.
    pub(crate) server_may_raise: bool,
}

impl RateLimit {
    /// The documented limit of POST endpoints and `/v1/test`: 100 per minute, until a response has another.
    pub(crate) const POSTS: Self = Self {
        requests: Some(100),
        server_may_raise: true,
    };

    /// The documented limit for reading jobs: 300 per minute, until a response has another.
    pub(crate) const JOB_READS: Self = Self {
        requests: Some(300),
        server_may_raise: true,
    };

    /// The documented limit of each endpoint.
    const DOCUMENTED: Self = Self {
        requests: None,
        server_may_raise: true,
    };

    /// At most this many requests per minute, even if the server would allow more. 0 counts as 1.
    #[must_use]
    pub fn per_minute(requests: u32) -> Self {
        Self {
            requests: Some(requests.max(1)),
            server_may_raise: false,
        }
    }

    /// No client-side limit: requests are sent immediately, and the server rejects excess ones with 429.
    #[must_use]
    pub fn off() -> Self {
        Self {
            requests: None,
            server_may_raise: false,
        }
    }

    /// The limit of one endpoint.
    pub(crate) fn of(self, endpoint: Endpoint) -> Self {
        match self {
            Self::DOCUMENTED => endpoint.rate_limit(),
            limit => limit,
        }
    }
}

impl Default for RateLimit {
    /// The documented limits: 300 per minute for reading jobs and 100 for other endpoints, until a response has
    /// another.
    fn default() -> Self {
        Self::DOCUMENTED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_documented_limit_of_each_endpoint() {
        let requests = |limit: RateLimit, endpoint| limit.of(endpoint).requests;
        for endpoint in Endpoint::ALL {
            let default = RateLimit::default().of(endpoint);
            assert_eq!(default, endpoint.rate_limit());
            assert!(default.server_may_raise);
            assert_eq!(requests(RateLimit::per_minute(7), endpoint), Some(7));
            assert_eq!(requests(RateLimit::off(), endpoint), None);
        }
        assert_eq!(requests(RateLimit::default(), Endpoint::Diarize), Some(100));
        assert_eq!(requests(RateLimit::default(), Endpoint::GetJob), Some(300));
    }
}
