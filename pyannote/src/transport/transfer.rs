//! Transfers to and from the storage: the decisions of requests, around attempts that are more than one request.
//!
//! A transfer asks for a pre-signed URL, opens a file and moves bytes, each time anew. So the loop is the caller's, and
//! what is kept here is what all loops share: when to try again, and what a request to a pre-signed URL may carry.

use std::time::Duration;

use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, StatusCode};
use reqwest::{Request, Response};
use tracing::{Span, debug_span, warn};

use super::executor::{Executor, classify, explained};
use super::retry::{Attempt, Decision, Failure, Operation, decide};
use crate::error::Error;

/// Why an attempt of a transfer ended without success.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Another attempt would end the same way, or its requests were tried again already.
    Final(Error),
    /// Another attempt may go better.
    Failed { failure: Failure, error: Error },
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

/// The attempts of one transfer.
#[derive(Debug)]
pub(crate) struct Tries<'a> {
    executor: &'a Executor,
    name: &'static str,
    operation: Operation,
    start: Duration,
    number: u32,
}

impl Tries<'_> {
    /// The span of the attempt that comes next.
    pub(crate) fn span(&self) -> Span {
        debug_span!("transfer", operation = self.name, attempt = self.number)
    }

    /// The transfer succeeded.
    pub(crate) fn succeeded(&self) {
        self.executor.budget.refund();
    }

    /// Waits until the next attempt is due, or ends in the error where there is none.
    pub(crate) async fn again(&mut self, stop: Stop) -> Result<(), Error> {
        let (failure, error) = match stop {
            Stop::Final(error) => return Err(error),
            Stop::Failed { failure, error } => (failure, error),
        };
        let executor = self.executor;
        let clock = executor.clock();
        let attempt = Attempt {
            operation: self.operation,
            failure,
            number: self.number,
            elapsed: clock.now().saturating_sub(self.start),
            // How long a transfer takes is up to its size, so the limit of a call does not hold for it.
            total: None,
            random: clock.random(),
        };
        let decision = decide(&executor.settings.retry, &attempt);
        match executor.budget.charge(decision, &failure) {
            Decision::Retry { after } => {
                warn!(
                    operation = self.name,
                    attempt = self.number,
                    failure = ?failure,
                    after_s = after.as_secs_f64(),
                    "transfer failed, will be tried again"
                );
                clock.sleep(after).await;
                self.number += 1;
                Ok(())
            }
            Decision::GiveUp(why) => Err(explained(error, why, self.number)),
        }
    }
}

impl Executor {
    /// The attempts of a transfer of this name.
    pub(crate) fn tries(&self, name: &'static str, operation: Operation) -> Tries<'_> {
        Tries {
            executor: self,
            name,
            operation,
            start: self.clock().now(),
            number: 1,
        }
    }

    /// Sends one request to a pre-signed URL. The URL is its own credential: neither the API key nor the headers that
    /// were set for the service go there, even where the storage is at the service's own origin.
    pub(crate) async fn send_to_storage(
        &self,
        mut request: Request,
    ) -> Result<Response, (Failure, reqwest::Error)> {
        let headers = request.headers_mut();
        headers.remove(AUTHORIZATION);
        headers.insert(USER_AGENT, self.settings.user_agent.clone());
        self.http
            .execute(request)
            .await
            .map_err(|cause| (classify(&cause), cause.without_url()))
    }

    /// What an answer of the storage means, other than success.
    pub(crate) fn storage_failure(&self, status: StatusCode, headers: &HeaderMap) -> Failure {
        self.status_failure(status, headers)
    }
}
