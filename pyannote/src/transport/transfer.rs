//! Retries of transfers to and from object storage, whose attempts consist of more than one request.
//!
//! An attempt requests a pre-signed URL, opens a file and moves bytes, and each retry does all of it again. So the loop
//! belongs to the caller, and this module has the shared parts: the retry decision, and what a request to a pre-signed
//! URL may carry.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, Method, StatusCode};
use reqwest::{Request, Response};
use tracing::{Instrument, Span, debug_span, warn};

use super::RetryPolicy;
use super::executor::{Executor, classify, with_give_up_reason};
use super::metrics::{Target, error_type};
use super::retry::{Attempt, Decision, Failure, GiveUp, Operation, decide};
use super::trace;
use crate::error::Error;

/// Why an attempt of a transfer failed.
#[derive(Debug)]
pub(crate) enum TransferError {
    /// Must not be retried: another attempt would fail the same way, or its requests were already retried.
    Permanent(Error),
    /// Another attempt may succeed.
    Transient { failure: Failure, error: Error },
    /// The storage rejected the pre-signed URL, which may have expired. Another attempt has a new one.
    UrlRejected { failure: Failure, error: Error },
}

impl TransferError {
    /// Rules out another attempt, because of what the `note` says. It is added to an error that would have had one.
    pub(crate) fn into_permanent(self, note: &str) -> Self {
        match self {
            Self::Transient { error, .. } | Self::UrlRejected { error, .. } => {
                Self::Permanent(error.with_note(note))
            }
            permanent @ Self::Permanent(_) => permanent,
        }
    }
}

impl From<Error> for TransferError {
    fn from(error: Error) -> Self {
        Self::Permanent(error)
    }
}

/// Counts and delays the attempts of one transfer.
#[derive(Debug)]
pub(crate) struct TransferRetry<'a> {
    executor: &'a Executor,
    name: &'static str,
    operation: Operation,
    start: Duration,
    /// The number of the current attempt, from 1.
    attempt: u32,
    /// Whether the storage has rejected a pre-signed URL before.
    url_was_rejected: bool,
}

impl TransferRetry<'_> {
    /// The tracing span of the current attempt.
    pub(crate) fn span(&self) -> Span {
        debug_span!("transfer", operation = self.name, attempt = self.attempt)
    }

    /// Records the success of the transfer in the retry budget.
    pub(crate) fn succeeded(&self) {
        self.executor.budget.refund();
    }

    /// Waits until the next attempt, or returns the error if there is none.
    pub(crate) async fn backoff(&mut self, error: TransferError) -> Result<(), Error> {
        let executor = self.executor;
        let clock = executor.clock();
        let policy = &executor.settings.retry;
        let (failure, error, decision) = match error {
            TransferError::Permanent(error) => return Err(error),
            TransferError::Transient { failure, error } => {
                let attempt = Attempt {
                    operation: self.operation,
                    failure,
                    number: self.attempt,
                    elapsed: clock.now().saturating_sub(self.start),
                    // The duration of a transfer depends on its size, so the total timeout of a call does not apply.
                    total_timeout: None,
                    random: clock.random(),
                };
                (failure, error, decide(policy, &attempt))
            }
            TransferError::UrlRejected { failure, error } => {
                let decision = decide_new_url(policy, self.attempt, self.url_was_rejected);
                self.url_was_rejected = true;
                (failure, error, decision)
            }
        };
        match executor.budget.charge(decision, &failure) {
            Decision::Retry { after } => {
                warn!(
                    operation = self.name,
                    attempt = self.attempt,
                    "error.type" = error_type(&failure),
                    after_s = after.as_secs_f64(),
                    "transfer failed, retrying"
                );
                executor.counters.retry();
                clock.sleep(after).await;
                self.attempt += 1;
                Ok(())
            }
            Decision::GiveUp(reason) => Err(with_give_up_reason(error, reason, self.attempt)),
        }
    }
}

/// Decides about another attempt after the storage rejected a pre-signed URL. A new URL cannot have expired, so if that
/// is rejected too, there is another reason.
fn decide_new_url(policy: &RetryPolicy, number: u32, url_was_rejected: bool) -> Decision {
    if url_was_rejected {
        Decision::GiveUp(GiveUp::NotRetryable)
    } else if number >= policy.max_attempts {
        Decision::GiveUp(GiveUp::AttemptsExhausted)
    } else {
        Decision::Retry {
            after: Duration::ZERO,
        }
    }
}

impl Executor {
    /// Starts the first attempt of a transfer. `name` is for logs.
    pub(crate) fn transfer_retry(
        &self,
        name: &'static str,
        operation: Operation,
    ) -> TransferRetry<'_> {
        TransferRetry {
            executor: self,
            name,
            operation,
            start: self.clock().now(),
            attempt: 1,
            url_was_rejected: false,
        }
    }

    /// Sends one request to a pre-signed URL.
    ///
    /// The URL is its own credential: neither the API key nor the user's headers are sent, even if the storage has the
    /// same origin as the service. If `give_up` ends first, the request is dropped, which closes its connection.
    pub(crate) async fn send_to_storage(
        &self,
        mut request: Request,
        give_up: impl Future<Output = Failure>,
    ) -> Result<Response, (Failure, Option<reqwest::Error>)> {
        let headers = request.headers_mut();
        headers.remove(AUTHORIZATION);
        headers.insert(USER_AGENT, self.settings.user_agent.clone());
        let target = match request.method() {
            &Method::PUT => Target::Upload,
            _ => Target::Download,
        };
        let span = trace::request_span(target, &request, 1);
        let response = self.http.execute(request).instrument(span.clone());
        let result = match select(pin!(response), pin!(give_up)).await {
            Either::Left((Ok(response), _)) => Ok(response),
            Either::Left((Err(error), _)) => Err((classify(&error), Some(error.without_url()))),
            Either::Right((failure, _)) => Err((failure, None)),
        };
        let failure = match &result {
            Err((failure, _)) => Some(*failure),
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(self.storage_failure(response.status(), response.headers())),
        };
        let status = result.as_ref().ok().map(Response::status);
        trace::record_end(&span, status, failure.as_ref());
        self.counters.request(target, failure.as_ref());
        result
    }

    /// The failure for a storage response with a status other than success.
    pub(crate) fn storage_failure(&self, status: StatusCode, headers: &HeaderMap) -> Failure {
        self.status_failure(status, headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_new_url_if_the_policy_has_another_attempt() {
        let at_once = Decision::Retry {
            after: Duration::ZERO,
        };
        let lasting = Decision::GiveUp(GiveUp::NotRetryable);
        let exhausted = Decision::GiveUp(GiveUp::AttemptsExhausted);
        for (max_attempts, number, url_was_rejected, expected) in [
            (5, 1, false, at_once),
            (5, 4, false, at_once),
            (5, 5, false, exhausted),
            (1, 1, false, exhausted),
            (5, 2, true, lasting),
            (5, 5, true, lasting),
        ] {
            let policy = RetryPolicy::default().max_attempts(max_attempts);
            let decision = decide_new_url(&policy, number, url_was_rejected);
            assert_eq!(
                decision, expected,
                "{max_attempts} {number} {url_was_rejected}"
            );
        }
    }
}
