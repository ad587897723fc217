//! Whether a failed request is sent again, and when: one pure decision.

use std::time::Duration;

use http::StatusCode;

use super::retry_policy::RetryPolicy;

/// What sending a request twice would mean.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Operation {
    /// Changes nothing.
    Read,
    /// Ends in the same state however often it is sent: a pre-signed URL asked for, bytes put at a key.
    IdempotentWrite,
    /// Makes something new each time, and each one is billed.
    Submission,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Failure {
    /// The connection was never made, so nothing was sent. A timeout while connecting belongs here.
    Connect,
    /// No answer in time, after something may have been sent.
    Timeout,
    /// The connection was lost after something was sent.
    Reset,
    /// The answer began and was cut.
    Body,
    /// The HTTP client refuses to send such a request.
    Unsendable,
    /// The server answered with something other than success.
    Status {
        status: StatusCode,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
}

/// One failed attempt, and all that the decision needs to know about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) operation: Operation,
    pub(crate) failure: Failure,
    /// Which attempt failed, counted from 1.
    pub(crate) number: u32,
    /// Time since the first attempt began.
    pub(crate) elapsed: Duration,
    /// How long the whole call may take, if that is limited.
    pub(crate) total: Option<Duration>,
    /// A random number from 0 to 1.
    pub(crate) random: f64,
}

/// What to do next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// Wait this long and send again.
    Retry { after: Duration },
    /// The failure is the caller's.
    GiveUp(GiveUp),
}

/// Why a request is not sent again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum GiveUp {
    /// The same request would fail the same way.
    NotRetryable,
    /// It was sent as often as the policy allows.
    AttemptsExhausted,
    /// The wait would pass the deadline of the whole call.
    TimeExhausted,
    /// The server asks for a longer wait than the policy's cap.
    RetryAfterTooLong { retry_after: Duration },
    /// Too many requests of this client fail at present; see [`RetryBudget`](super::RetryBudget).
    BudgetExhausted,
    /// The submission may have been taken: a job may exist and be billed, so it must not be sent again unseen.
    OutcomeUnknown,
}

/// What a failure means for its operation, however many attempts are left.
enum Verdict {
    Retryable,
    Final,
    Unknown,
}

/// Decides whether a failed request is sent again.
///
/// Limits are asked in this order: attempts, the cap on `Retry-After`, time. A submission with an uncertain outcome is
/// [`GiveUp::OutcomeUnknown`] even on the last attempt: that it may exist matters more than that attempts ran out.
pub(crate) fn decide(policy: &RetryPolicy, what: &Attempt) -> Decision {
    let verdict = match what.operation {
        Operation::Read | Operation::IdempotentWrite => judge_repeatable(what.failure),
        Operation::Submission => judge_submission(what.failure),
    };
    match verdict {
        Verdict::Retryable => {}
        Verdict::Final => return Decision::GiveUp(GiveUp::NotRetryable),
        Verdict::Unknown => return Decision::GiveUp(GiveUp::OutcomeUnknown),
    }
    if what.number >= policy.max_attempts {
        return Decision::GiveUp(GiveUp::AttemptsExhausted);
    }
    let retry_after = match what.failure {
        Failure::Status { retry_after, .. } => retry_after,
        _ => None,
    };
    if let Some(retry_after) = retry_after.filter(|asked| *asked > policy.retry_after_cap) {
        return Decision::GiveUp(GiveUp::RetryAfterTooLong { retry_after });
    }
    let after = delay(policy, what.number, retry_after, what.random);
    let left = what.total.map(|total| total.saturating_sub(what.elapsed));
    // A wait that ends just at the deadline leaves no time for the request itself.
    if left.is_some_and(|left| after >= left) {
        return Decision::GiveUp(GiveUp::TimeExhausted);
    }
    Decision::Retry { after }
}

fn judge_repeatable(failure: Failure) -> Verdict {
    match failure {
        Failure::Connect | Failure::Timeout | Failure::Reset | Failure::Body => Verdict::Retryable,
        Failure::Unsendable => Verdict::Final,
        Failure::Status { status, .. } => match status.as_u16() {
            408 | 429 | 500 | 502 | 503 | 504 => Verdict::Retryable,
            _ => Verdict::Final,
        },
    }
}

/// The API has no idempotency key and bills what it accepts, so anything but certainty counts as taken.
fn judge_submission(failure: Failure) -> Verdict {
    match failure {
        Failure::Connect => Verdict::Retryable,
        Failure::Unsendable => Verdict::Final,
        Failure::Timeout | Failure::Reset | Failure::Body => Verdict::Unknown,
        Failure::Status {
            status,
            retry_after,
        } => match status.as_u16() {
            429 => Verdict::Retryable,
            // Only a server that turned the request away says when to come again; a bare 503 may come from a proxy
            // whose backend took the job.
            503 if retry_after.is_some() => Verdict::Retryable,
            // The server gave up reading or waiting, and does not say what it had read by then.
            408 => Verdict::Unknown,
            400..=499 => Verdict::Final,
            // Sent elsewhere before anything was done: mostly a wrong base URL.
            301 | 307 | 308 => Verdict::Final,
            // 5xx, and whatever is no answer to a submission at all: a 302 or 303 even says that it was handled.
            _ => Verdict::Unknown,
        },
    }
}

/// Full jitter: a random share of the doubling delay, so that clients that failed together do not return together.
fn delay(
    policy: &RetryPolicy,
    number: u32,
    retry_after: Option<Duration>,
    random: f64,
) -> Duration {
    let doublings = number.saturating_sub(1);
    let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
    let ceiling = policy
        .base_delay
        .saturating_mul(factor)
        .min(policy.max_delay);
    let backoff = share(ceiling, random);
    let Some(retry_after) = retry_after else {
        return backoff;
    };
    // Every client was told the same time: a little on top spreads them. A tenth is small beside the wait itself.
    let spread = (retry_after / 10)
        .max(policy.base_delay)
        .min(policy.max_delay);
    // Where the server says 0 again and again, the doubling still holds.
    retry_after
        .saturating_add(share(spread, random))
        .max(backoff)
}

/// `random` (0..1) of a duration. Never panics, unlike [`Duration::mul_f64`].
fn share(of: Duration, random: f64) -> Duration {
    // `clamp` would keep NaN; this comparison is false for it.
    let random = if random > 0.0 { random.min(1.0) } else { 0.0 };
    Duration::try_from_secs_f64(of.as_secs_f64() * random)
        .unwrap_or(of)
        .min(of)
}

#[cfg(test)]
mod tests;
