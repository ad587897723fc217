//! The retry decision, as a pure function: whether a failed request is sent again, and when.

use std::time::Duration;

use http::StatusCode;

use super::retry_policy::RetryPolicy;

/// What sending the same request twice would do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Operation {
    /// Changes nothing.
    Read,
    /// Has the same effect however often it is sent: requesting a pre-signed URL, or a PUT to it.
    IdempotentWrite,
    /// Creates and bills a new job each time.
    Submission,
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Failure {
    /// No connection was established, so nothing was sent. Includes timeouts while connecting.
    Connect,
    /// The proxy requires authentication to tunnel to the server (407), so nothing was sent.
    ProxyAuthentication,
    /// No response in time, after the request may have been sent.
    Timeout,
    /// No byte of the response arrived for the duration of the stall timeout.
    Stalled,
    /// The connection was lost after the request may have been sent.
    ConnectionLost,
    /// The response was cut off.
    IncompleteBody,
    /// The response has more bytes than the client reads.
    TooLarge {
        /// The limit.
        max_bytes: u64,
    },
    /// The HTTP client rejects the request, so nothing was sent.
    Unsendable,
    /// The response to an accepted submission has no job id.
    NoJobId,
    /// The response to a read is complete, and cannot be decoded.
    Undecodable,
    /// The server returned a status other than success.
    Status {
        status: StatusCode,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
}

/// A failed attempt, with everything that the decision depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) operation: Operation,
    pub(crate) failure: Failure,
    /// The number of this attempt, from 1.
    pub(crate) number: u32,
    /// Time since the start of the first attempt.
    pub(crate) elapsed: Duration,
    /// Time limit of the whole call, if any.
    pub(crate) total_timeout: Option<Duration>,
    /// A random number in 0..=1.
    pub(crate) random: f64,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// Send the request again after this delay.
    Retry { after: Duration },
    /// Return the error to the caller.
    GiveUp(GiveUp),
}

/// Why a request is not retried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum GiveUp {
    /// The same request would fail the same way.
    NotRetryable,
    /// The retry policy allows no more attempts.
    AttemptsExhausted,
    /// The delay would exceed the time limit of the call.
    TotalTimeout,
    /// The server asks for a longer delay than the retry policy allows.
    RetryAfterTooLong { retry_after: Duration },
    /// Too many requests of this client are failing; see [`RetryBudget`](super::RetryBudget).
    BudgetExhausted,
    /// The service may have accepted the submission: a billed job may exist, so the request must not be repeated.
    OutcomeUnknown,
}

/// What a failure means for an operation, regardless of how many attempts are left.
enum Classification {
    Retryable,
    Permanent,
    OutcomeUnknown,
}

/// Decides whether a failed request is retried.
///
/// Limits are checked in this order: attempts, the cap on `Retry-After`, time. A submission with an unknown outcome is
/// [`GiveUp::OutcomeUnknown`] even on the last attempt: the caller must learn that a job may exist.
pub(crate) fn decide(policy: &RetryPolicy, attempt: &Attempt) -> Decision {
    let classification = match attempt.operation {
        Operation::Read | Operation::IdempotentWrite => classify_idempotent(attempt.failure),
        Operation::Submission => classify_submission(attempt.failure),
    };
    match classification {
        Classification::Retryable => {}
        Classification::Permanent => return Decision::GiveUp(GiveUp::NotRetryable),
        Classification::OutcomeUnknown => return Decision::GiveUp(GiveUp::OutcomeUnknown),
    }
    if attempt.number >= policy.max_attempts {
        return Decision::GiveUp(GiveUp::AttemptsExhausted);
    }
    let retry_after = match attempt.failure {
        Failure::Status { retry_after, .. } => retry_after,
        _ => None,
    };
    if let Some(retry_after) = retry_after.filter(|after| *after > policy.retry_after_cap) {
        return Decision::GiveUp(GiveUp::RetryAfterTooLong { retry_after });
    }
    let after = retry_delay(policy, attempt.number, retry_after, attempt.random);
    let remaining = attempt
        .total_timeout
        .map(|total| total.saturating_sub(attempt.elapsed));
    // A delay that ends exactly at the time limit leaves no time for the request itself.
    if remaining.is_some_and(|remaining| after >= remaining) {
        return Decision::GiveUp(GiveUp::TotalTimeout);
    }
    Decision::Retry { after }
}

/// Returns whether the service may have accepted a submission that failed this way.
pub(crate) fn leaves_outcome_unknown(failure: &Failure) -> bool {
    matches!(
        classify_submission(*failure),
        Classification::OutcomeUnknown
    )
}

fn classify_idempotent(failure: Failure) -> Classification {
    match failure {
        Failure::Connect
        | Failure::Timeout
        | Failure::Stalled
        | Failure::ConnectionLost
        | Failure::IncompleteBody
        | Failure::Undecodable => Classification::Retryable,
        Failure::ProxyAuthentication
        | Failure::TooLarge { .. }
        | Failure::Unsendable
        | Failure::NoJobId => Classification::Permanent,
        Failure::Status { status, .. } => match status.as_u16() {
            408 | 429 | 500 | 502 | 503 | 504 => Classification::Retryable,
            _ => Classification::Permanent,
        },
    }
}

/// The API has no idempotency keys and bills every job that it accepts, so anything short of certainty counts as
/// accepted.
fn classify_submission(failure: Failure) -> Classification {
    match failure {
        Failure::Connect => Classification::Retryable,
        Failure::ProxyAuthentication | Failure::Unsendable => Classification::Permanent,
        Failure::Timeout
        | Failure::Stalled
        | Failure::ConnectionLost
        | Failure::IncompleteBody
        | Failure::TooLarge { .. }
        | Failure::NoJobId
        | Failure::Undecodable => Classification::OutcomeUnknown,
        Failure::Status {
            status,
            retry_after,
        } => match status.as_u16() {
            429 => Classification::Retryable,
            // Only a server that rejected the request says when to retry; a 503 without `Retry-After` may come from a
            // proxy whose backend accepted the job.
            503 if retry_after.is_some() => Classification::Retryable,
            // The server stopped waiting, but may have processed what it had received by then.
            408 => Classification::OutcomeUnknown,
            400..=499 => Classification::Permanent,
            // Redirected before being processed, usually because of a wrong base URL.
            301 | 307 | 308 => Classification::Permanent,
            // 5xx, and statuses that make no sense for a submission: a 302 or 303 even means that it was processed.
            _ => Classification::OutcomeUnknown,
        },
    }
}

/// Exponential backoff with full jitter, so that clients that failed together do not retry together.
fn retry_delay(
    policy: &RetryPolicy,
    number: u32,
    retry_after: Option<Duration>,
    random: f64,
) -> Duration {
    let doublings = number.saturating_sub(1);
    let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
    let max_backoff = policy
        .base_delay
        .saturating_mul(factor)
        .min(policy.max_delay);
    let backoff = jitter(max_backoff, random);
    let Some(retry_after) = retry_after else {
        return backoff;
    };
    // All clients were given the same time, so spread them by up to a tenth of it.
    let max_spread = (retry_after / 10)
        .max(policy.base_delay)
        .min(policy.max_delay);
    // The backoff remains the minimum: the server may repeat `Retry-After: 0`.
    retry_after
        .saturating_add(jitter(max_spread, random))
        .max(backoff)
}

/// The fraction `random` (0..=1) of a duration. Never panics, unlike [`Duration::mul_f64`].
fn jitter(max: Duration, random: f64) -> Duration {
    // `clamp` would keep NaN; this comparison is false for NaN.
    let random = if random > 0.0 { random.min(1.0) } else { 0.0 };
    Duration::try_from_secs_f64(max.as_secs_f64() * random)
        .unwrap_or(max)
        .min(max)
}

#[cfg(test)]
mod tests;
