//! The sliding-window rate limit of one endpoint: a pure state machine over times and response headers.
//!
//! It keeps two counts and obeys the stricter one. The local count covers the requests of this client in the last
//! minute. The server's count covers the whole team, other processes included, so it is followed whenever it is lower.

use std::collections::VecDeque;
use std::time::Duration;

use super::rate_headers::RateHeaders;
use super::rate_limit::RateLimit;

/// Length of the API's rate limit window.
const WINDOW: Duration = Duration::from_secs(60);

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
    /// Send times of the requests of the last window, oldest first.
    sent: VecDeque<Duration>,
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
            sent: VecDeque::new(),
            in_flight: 0,
            server: None,
            closed_until: Duration::ZERO,
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
        self.sent.push_back(now);
        self.in_flight = self.in_flight.saturating_add(1);
        Admission::Ready
    }

    /// Time until the next request may be sent; zero if it may be sent now.
    pub(crate) fn time_until_ready(&mut self, now: Duration) -> Duration {
        if self.limit.requests.is_none() {
            return Duration::ZERO;
        }
        while self
            .sent
            .front()
            .is_some_and(|sent| sent.saturating_add(WINDOW) <= now)
        {
            self.sent.pop_front();
        }
        self.closed_until
            .saturating_sub(now)
            .max(self.wait_for_local_count(now))
            .max(self.wait_for_server_count(now))
    }

    /// Records that an admitted request has ended: with a response, an error, or because it was dropped.
    pub(crate) fn release(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
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

    fn wait_for_local_count(&self, now: Duration) -> Duration {
        let allowed = usize::try_from(self.allowed).unwrap_or(usize::MAX);
        // Fewer than `allowed` requests remain in the window once the request at index `len - allowed` has left it.
        match self.sent.len().checked_sub(allowed) {
            Some(last_to_leave) if allowed > 0 => self.sent[last_to_leave]
                .saturating_add(WINDOW)
                .saturating_sub(now),
            _ => Duration::ZERO,
        }
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

#[cfg(test)]
mod tests;
