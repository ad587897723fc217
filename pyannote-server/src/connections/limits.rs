//! Limits of connections.

use std::time::Duration;

/// Limits of connections: how many there are, and how slow their clients may be.
///
/// ```
/// use std::time::Duration;
/// use pyannote_server::ConnectionLimits;
///
/// let limits = ConnectionLimits { connections: 100, ..ConnectionLimits::default() };
/// assert_eq!(limits.stall_timeout, Duration::from_secs(30));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ConnectionLimits {
    /// Connections at the same time, without those of live streams. If there are as many, idle ones are closed, and new
    /// ones wait until others end. At least 1, and at most a quarter of the files that the process may open. Default:
    /// 1,000.
    pub connections: usize,
    /// How long a client may take to send the head of a request, from the start of the connection or the response
    /// before. After that, the connection is closed. Default: 30 s.
    pub header_timeout: Duration,
    /// How long a client may take to send the next part of a body, or to accept the next part of a response. After that,
    /// the request fails with status 408, or the connection is closed. Default: 30 s.
    pub stall_timeout: Duration,
    /// How long a client may take to send a body, except for uploads. After that, the request fails with status 408.
    /// Default: 2 min.
    pub body_timeout: Duration,
    /// Minimum rate at which an upload arrives, in bytes per second, on average over every `stall_timeout`. A slower one
    /// fails with status 408. 0 for none. Default: 8 KiB/s.
    pub min_upload_bytes_per_s: u64,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connections: 1_000,
            header_timeout: seconds(30),
            stall_timeout: seconds(30),
            body_timeout: seconds(2 * 60),
            min_upload_bytes_per_s: 8 << 10,
        }
    }
}

/// Maximum number of connections of this process: a quarter of its file descriptors. An upload needs three, and recordings
/// and the database others.
pub(super) fn max_connections() -> usize {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit};
        let descriptors = getrlimit(Resource::Nofile).current;
        descriptors.map_or(usize::MAX, |limit| {
            usize::try_from(limit / 4).unwrap_or(usize::MAX)
        })
    }
    #[cfg(not(unix))]
    usize::MAX
}
