//! When the next request may go to one endpoint: a pure state machine, told the time and what the server says.
//!
//! Two counts are kept, and the stricter one holds. Our own counts what this client sent in the last minute. The
//! server's counts what the whole team sent; other processes share it, so it is believed whenever it says less.

use std::collections::VecDeque;
use std::time::Duration;

use super::rate_headers::RateHeaders;
use super::rate_limit::RateLimit;

/// The length of the API's window.
const PERIOD: Duration = Duration::from_secs(60);

/// The longest that one answer may stop an endpoint. A garbled date must not stop it for years; after this long one
/// request goes out and its answer tells how things stand.
const LONGEST_STOP: Duration = Duration::from_secs(120);

/// Ends of a window this close together are the same end, told in whole seconds and after different delays.
const SAME_END: Duration = Duration::from_secs(2);

/// Whether the next request may go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Admission {
    /// Now. It is counted as sent.
    Ready,
    /// Not before this long has passed, which is never zero. Ask again then: meanwhile things may have changed.
    Wait(Duration),
}

/// The state of one endpoint's limit. All times are [`Clock::now`](super::Clock::now).
#[derive(Debug)]
pub(crate) struct Window {
    policy: RateLimit,
    /// Requests a period: the policy's until the server names its own.
    allowed: u32,
    /// When each request of the last period was sent, oldest first.
    sent: VecDeque<Duration>,
    /// Requests sent and not answered.
    in_flight: u32,
    server: Option<ServerCount>,
    closed_until: Duration,
}

/// The server's count, as its answers showed it.
#[derive(Clone, Copy, Debug)]
struct ServerCount {
    /// The lowest number seen in this window. Answers overtake each other, and a window only empties.
    remaining: u32,
    /// The end of the window, by the first answer that told of it.
    end: Duration,
    /// The latest end told since.
    until: Duration,
}

impl Window {
    pub(crate) fn new(policy: RateLimit) -> Self {
        Self {
            policy,
            allowed: policy.requests.unwrap_or(u32::MAX),
            sent: VecDeque::new(),
            in_flight: 0,
            server: None,
            closed_until: Duration::ZERO,
        }
    }

    /// Asks for the next request's admission.
    pub(crate) fn poll(&mut self, now: Duration) -> Admission {
        if self.policy.requests.is_none() {
            return Admission::Ready;
        }
        while self
            .sent
            .front()
            .is_some_and(|sent| sent.saturating_add(PERIOD) <= now)
        {
            self.sent.pop_front();
        }
        let wait = self
            .closed_until
            .saturating_sub(now)
            .max(self.wait_for_own_count(now))
            .max(self.wait_for_server_count(now));
        if !wait.is_zero() {
            return Admission::Wait(wait);
        }
        self.sent.push_back(now);
        self.in_flight = self.in_flight.saturating_add(1);
        Admission::Ready
    }

    /// A request that was admitted is over: answered, failed or dropped.
    pub(crate) fn finish(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Learns from an answer.
    pub(crate) fn observe(&mut self, seen: &RateHeaders, now: Duration) {
        if let (Some(requests), Some(limit)) = (self.policy.requests, seen.limit) {
            self.allowed = if self.policy.may_rise {
                limit
            } else {
                limit.min(requests)
            };
        }
        // How much is left means nothing without until when.
        if let (Some(remaining), Some(left)) = (seen.remaining, seen.reset) {
            let until = now.saturating_add(left.min(LONGEST_STOP));
            self.server = Some(self.merge(remaining, until, now));
        }
        // On whatever answer it comes, a 429 or a 503: it speaks for the endpoint, not for one request.
        if let Some(asked) = seen.retry_after {
            let until = now.saturating_add(asked.min(LONGEST_STOP));
            self.closed_until = self.closed_until.max(until);
        }
    }

    fn merge(&self, remaining: u32, until: Duration, now: Duration) -> ServerCount {
        let fresh = ServerCount {
            remaining,
            end: until,
            until,
        };
        let Some(known) = self.server.filter(|known| known.until > now) else {
            return fresh;
        };
        if until.saturating_add(SAME_END) < known.end {
            // An answer of a window that is over by now, overtaken by one of this window.
            known
        } else if until <= known.end.saturating_add(SAME_END) {
            ServerCount {
                remaining: known.remaining.min(remaining),
                end: known.end,
                until: known.until.max(until),
            }
        } else {
            fresh
        }
    }

    fn wait_for_own_count(&self, now: Duration) -> Duration {
        let allowed = usize::try_from(self.allowed).unwrap_or(usize::MAX);
        // There is room once fewer than `allowed` were sent in the period: once this one is out of it.
        self.sent
            .len()
            .checked_sub(allowed)
            .and_then(|last_too_many| self.sent.get(last_too_many))
            .map_or(Duration::ZERO, |sent| {
                sent.saturating_add(PERIOD).saturating_sub(now)
            })
    }

    fn wait_for_server_count(&self, now: Duration) -> Duration {
        match self.server {
            // The server may not have counted yet what is still on its way.
            Some(count) if count.remaining <= self.in_flight => count.until.saturating_sub(now),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests;
