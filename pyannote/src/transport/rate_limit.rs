//! How fast to send to one endpoint: what a user may set.

/// How many requests a minute one endpoint takes.
///
/// The API counts per team and endpoint, and says on each answer what its limit is and how much of it is left. A limit
/// of one's own is a ceiling that the server may lower and never raise: a team whose programs share the limit gives
/// each its part.
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
    /// Requests a minute; none where the limiter is off.
    pub(crate) requests: Option<u32>,
    /// Whether the server may raise it.
    pub(crate) may_rise: bool,
}

impl RateLimit {
    /// The API's limit for POST endpoints and `/v1/test`: 100 a minute, until the server says otherwise.
    pub(crate) const POSTS: Self = Self {
        requests: Some(100),
        may_rise: true,
    };

    /// The API's limit for reads of jobs: 300 a minute, until the server says otherwise.
    pub(crate) const JOB_READS: Self = Self {
        requests: Some(300),
        may_rise: true,
    };

    /// At most this many requests a minute, whatever the server would allow beyond. 0 counts as 1.
    #[must_use]
    pub fn per_minute(requests: u32) -> Self {
        Self {
            requests: Some(requests.max(1)),
            may_rise: false,
        }
    }

    /// No limit on this side: requests go out at once, and the server refuses what is too many (429).
    #[must_use]
    pub fn off() -> Self {
        Self {
            requests: None,
            may_rise: false,
        }
    }
}

impl Default for RateLimit {
    /// 100 a minute, until the server says otherwise: the API's lowest limit.
    fn default() -> Self {
        Self::POSTS
    }
}
