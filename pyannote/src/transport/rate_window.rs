//! The sliding-window rate limit of one endpoint: a pure state machine over times and response headers.
//!
//! It keeps two counts and obeys the stricter one. The local count covers the requests of this client in the last
//! minute. The server's count covers the whole team, other processes included, so it is followed whenever it is lower.
//!
//! The server counts a request at some time between its departure and the arrival of its response. So a request is in
//! the local window from its departure until a minute after its response: however long each request takes to arrive, no
//! window of the server has more requests than the limit.

use std::collections::VecDeque;
use std::time::Duration;

use super::rate_headers::RateHeaders;
use super::rate_limit::RateLimit;

/// Length of the API's rate limit window.
const WINDOW: Duration = Duration::from_secs(60);

/// How much longer than [`WINDOW`] a request counts after its response: clocks differ, and a server may count by seconds.
const WINDOW_MARGIN: Duration = Duration::from_secs(1);

/// The longest time for which one response may close an endpoint. An invalid date must not close it for years: after
/// this time one request is sent, and its response has the current limits.
const MAX_CLOSED: Duration = Duration::from_secs(120);

/// Window ends that differ by at most this are the same end: they are rounded to seconds and arrive with varying
/// latency.
const WINDOW_END_TOLERANCE: Duration = Duration::from_secs(2);

/// Whether the next request may be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Admission {
    /// It may be sent now, and is counted as sent.
    Ready,
    /// Ask again after this time, which is never zero, or earlier if a response was observed.
    Wait(Duration),
}

/// The rate limit state of one endpoint. All times are [`Clock::now`](super::Clock::now).
#[derive(Debug)]
pub(crate) struct RateWindow {
    limit: RateLimit,
    /// Requests per window: those of `limit` until the server sends its own.
    allowed: u32,
    /// The latest times at which the server may have counted each request of the last window, oldest first.
    counted: VecDeque<Duration>,
    /// Requests without a response so far.
    in_flight: u32,
    server: Option<ServerCount>,
    closed_until: Duration,
}

/// The server's count, as seen in response headers.
#[derive(Clone, Copy, Debug)]
struct ServerCount {
    /// The lowest number seen in this window: responses may arrive out of order, and the number only decreases.
    remaining: u32,
    /// End of the window according to the first response in it.
    first_end: Duration,
    /// The latest end seen in this window.
    latest_end: Duration,
}

impl RateWindow {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            allowed: limit.requests.unwrap_or(u32::MAX),
            counted: VecDeque::new(),
            in_flight: 0,
            server: None,
            closed_until: Duration::ZERO,
        }
    }

    /// Replaces the limit. Requests so far still count.
    pub(crate) fn set_limit(&mut self, limit: RateLimit) {
        if self.limit != limit {
            self.limit = limit;
            self.allowed = limit.requests.unwrap_or(u32::MAX);
        }
    }

    /// Asks to send the next request.
    pub(crate) fn try_acquire(&mut self, now: Duration) -> Admission {
        if self.limit.requests.is_none() {
            return Admission::Ready;
        }
        let wait = self.time_until_ready(now);
        if !wait.is_zero() {
            return Admission::Wait(wait);
        }
        self.in_flight = self.in_flight.saturating_add(1);
        Admission::Ready
    }

    /// Time until the next request may be sent; zero if it may be sent now.
    pub(crate) fn time_until_ready(&mut self, now: Duration) -> Duration {
        if self.limit.requests.is_none() {
            return Duration::ZERO;
        }
        while self.counted.front().is_some_and(|at| leaves(*at) <= now) {
            self.counted.pop_front();
        }
        self.closed_until
            .saturating_sub(now)
            .max(self.wait_for_local_count(0, now))
            .max(self.wait_for_server_count(now))
    }

    /// Estimates the time until a request may be sent that has `ahead` others before it.
    pub(crate) fn time_until_turn(&mut self, ahead: u64, now: Duration) -> Duration {
        let next = self.time_until_ready(now);
        match usize::try_from(ahead) {
            Ok(ahead) if self.limit.requests.is_some() => {
                next.max(self.wait_for_local_count(ahead, now))
            }
            _ => next,
        }
    }

    /// Records that an admitted request has been counted by the server, because its response arrived, or that it has
    /// ended without one.
    pub(crate) fn release(&mut self, now: Duration) {
        if self.in_flight > 0 {
            self.in_flight -= 1;
            self.counted.push_back(now);
        }
    }

    /// Whether a request has no response so far.
    pub(crate) fn has_in_flight(&self) -> bool {
        self.in_flight > 0
    }

    /// Requests per minute that are allowed at present; `None` if there is no limit.
    pub(crate) fn allowed(&self) -> Option<u32> {
        self.limit.requests.map(|_| self.allowed)
    }

    /// Updates the limits from the headers of a response.
    pub(crate) fn observe(&mut self, headers: &RateHeaders, now: Duration) {
        if let (Some(requests), Some(limit)) = (self.limit.requests, headers.limit) {
            self.allowed = if self.limit.server_may_raise {
                limit
            } else {
                limit.min(requests)
            };
        }
        // The remaining count is meaningless without the end of its window.
        if let (Some(remaining), Some(reset)) = (headers.remaining, headers.reset) {
            let end = now.saturating_add(reset.min(MAX_CLOSED));
            self.server = Some(self.merge_server_count(remaining, end, now));
        }
        // On a 429 or a 503 alike, `Retry-After` applies to the endpoint and not to the one request.
        if let Some(retry_after) = headers.retry_after {
            let until = now.saturating_add(retry_after.min(MAX_CLOSED));
            self.closed_until = self.closed_until.max(until);
        }
    }

    fn merge_server_count(&self, remaining: u32, end: Duration, now: Duration) -> ServerCount {
        let new = ServerCount {
            remaining,
            first_end: end,
            latest_end: end,
        };
        let Some(known) = self.server.filter(|known| known.latest_end > now) else {
            return new;
        };
        if end.saturating_add(WINDOW_END_TOLERANCE) < known.first_end {
            // A late response of the previous window.
            known
        } else if end <= known.first_end.saturating_add(WINDOW_END_TOLERANCE) {
            ServerCount {
                remaining: known.remaining.min(remaining),
                first_end: known.first_end,
                latest_end: known.latest_end.max(end),
            }
        } else {
            new
        }
    }

    /// Time until the local count admits a request that has `ahead` others before it.
    fn wait_for_local_count(&self, ahead: usize, now: Duration) -> Duration {
        let allowed = usize::try_from(self.allowed).unwrap_or(usize::MAX).max(1);
        let in_flight = usize::try_from(self.in_flight).unwrap_or(usize::MAX);
        let count = self.counted.len().saturating_add(in_flight);
        // The request may be sent when the one that many places before it has left the window.
        let Some(mut before) = count.saturating_add(ahead).checked_sub(allowed) else {
            return Duration::ZERO;
        };
        // Of the requests ahead, those beyond the first `allowed` are each sent when one before them leaves.
        let mut windows = 0;
        if let Some(beyond) = before.checked_sub(count.max(allowed)) {
            windows = 1 + beyond / allowed;
            before -= windows * allowed;
        }
        // A request without a response leaves a window from now at the earliest.
        let before = self.counted.get(before).copied().unwrap_or(now);
        let windows = u32::try_from(windows).unwrap_or(u32::MAX);
        leaves(before)
            .saturating_add((WINDOW + WINDOW_MARGIN).saturating_mul(windows))
            .saturating_sub(now)
    }

    fn wait_for_server_count(&self, now: Duration) -> Duration {
        match self.server {
            // The server may not have counted the requests in flight yet.
            Some(count) if count.remaining <= self.in_flight => {
                count.latest_end.saturating_sub(now)
            }
            _ => Duration::ZERO,
        }
    }
}

/// When a request leaves the window, if the server counted it at `at` at the latest.
fn leaves(at: Duration) -> Duration {
    at.saturating_add(WINDOW + WINDOW_MARGIN)
}

#[cfg(test)]
mod tests;
