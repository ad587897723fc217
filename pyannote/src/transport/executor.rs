//! Sends requests: waits for leave, adds the key, sends, reads the answer whole, and decides on each failure.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING,
    USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use pyannote_api_sys::hooks::{self, ResponseFuture};
use reqwest::{Request, Url};
use tracing::{Instrument, debug, debug_span, warn};

use super::answer::{Answer, refusal};
use super::clock::{Clock, Sleep};
use super::endpoint::Endpoint;
use super::limiter::Limiter;
use super::retry::{Attempt, Decision, Failure, GiveUp, Operation, decide};
use super::{RateLimit, RetryBudget, RetryPolicy, retry_after};
use crate::error::{Error, ErrorKind};

/// How the client behaves towards the service. What [`Client::builder`](crate::Client::builder) sets.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) base_url: Url,
    /// Whether plain http to another machine is fine, for pre-signed URLs too.
    pub(crate) allow_insecure_http: bool,
    /// `Bearer …`, marked as sensitive.
    pub(crate) authorization: HeaderValue,
    pub(crate) user_agent: HeaderValue,
    pub(crate) headers: HeaderMap,
    pub(crate) attempt_timeout: Duration,
    pub(crate) total_timeout: Option<Duration>,
    pub(crate) retry: RetryPolicy,
    /// A limit for all endpoints alike; none for the documented ones.
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Whether the HTTP client is the user's own: it may follow redirects.
    pub(crate) foreign_http: bool,
}

/// The transport of a client and of its clones.
#[derive(Debug)]
pub(crate) struct Executor {
    pub(crate) settings: Settings,
    pub(crate) http: reqwest::Client,
    pub(super) budget: RetryBudget,
    /// One for each endpoint, in the order of [`Endpoint::ALL`].
    limiters: [Limiter; Endpoint::ALL.len()],
}

/// Why there is no answer.
struct Failed {
    failure: Failure,
    /// The answer, where there was one.
    answer: Option<Answer>,
    /// The failure of the HTTP client, where there was none.
    cause: Option<reqwest::Error>,
}

/// What became of a request in the end.
enum Outcome {
    Success(Answer),
    Failed {
        failed: Failed,
        why: GiveUp,
        attempts: u32,
    },
    /// Time was up before the request had leave to be sent.
    NotSent,
}

impl Executor {
    pub(crate) fn new(settings: Settings, http: reqwest::Client) -> Self {
        let limiters = Endpoint::ALL
            .map(|endpoint| Limiter::new(settings.rate_limit.unwrap_or(endpoint.rate_limit())));
        Self {
            settings,
            http,
            budget: RetryBudget::new(),
            limiters,
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.settings.clock.as_ref()
    }

    /// Sends a request of `endpoint`, with what comes behind its path, and a JSON body.
    pub(crate) async fn call(
        &self,
        endpoint: Endpoint,
        behind: &str,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Answer, Error> {
        self.call_within(None, endpoint, behind, query, body).await
    }

    /// [`call`](Self::call), within this time if that is less than the total timeout.
    pub(crate) async fn call_within(
        &self,
        within: Option<Duration>,
        endpoint: Endpoint,
        behind: &str,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Answer, Error> {
        let mut url = self.settings.base_url.clone();
        let path = format!(
            "{}{}{behind}",
            url.path().trim_end_matches('/'),
            endpoint.path()
        );
        url.set_path(&path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::new(endpoint.method(), url);
        request
            .headers_mut()
            .insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(body) = body {
            request
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.into());
        }
        match self.run(endpoint, &request, within).await {
            Outcome::Success(answer) => Ok(answer),
            Outcome::NotSent => {
                let message = "the rate limit leaves no room for the request within its time: nothing was sent; try \
                               again later, or set a longer total timeout";
                let closed = self.limiter(endpoint).closed_for(self.clock());
                Err(Error::new(ErrorKind::RateLimited, message).with_retry_after(closed))
            }
            Outcome::Failed {
                failed,
                why,
                attempts,
            } => Err(self.error(endpoint, failed, why, attempts)),
        }
    }

    /// Sends a request, as often as it takes and may be.
    async fn run(
        &self,
        endpoint: Endpoint,
        request: &Request,
        within: Option<Duration>,
    ) -> Outcome {
        let settings = &self.settings;
        let clock = self.clock();
        let start = clock.now();
        let total = settings.total_timeout.into_iter().chain(within).min();
        let elapsed = || clock.now().saturating_sub(start);
        let left = || total.map(|total| total.saturating_sub(elapsed()));
        let is_submission = endpoint.operation() == Operation::Submission;
        let mut number = 1;
        let mut last = None;
        loop {
            let permit = self.admitted(endpoint, left()).await;
            // The wait for leave took its time, too.
            let (permit, left) = match (permit, left()) {
                (Some(permit), left) if left != Some(Duration::ZERO) => (permit, left),
                _ => {
                    return match last {
                        None => Outcome::NotSent,
                        Some(failed) => Outcome::Failed {
                            failed,
                            why: GiveUp::TimeExhausted,
                            attempts: number - 1,
                        },
                    };
                }
            };
            let span = debug_span!("request", operation = endpoint.name(), attempt = number);
            let timeout = self.attempt_timeout(endpoint, left);
            let result = self.attempt(request, timeout).instrument(span).await;
            if let Some(answer) = match &result {
                Ok(answer) => Some(answer),
                Err(failed) => failed.answer.as_ref(),
            } {
                self.limiter(endpoint)
                    .observe(&answer.headers, clock.now(), clock.wall());
            }
            drop(permit);
            let mut failed = match result {
                Ok(answer) => {
                    self.budget.refund();
                    return Outcome::Success(answer);
                }
                Err(failed) => failed,
            };
            if settings.foreign_http && failed.failure == Failure::Connect && is_submission {
                // A client of the user's own may have followed a redirect first, so the service may have the job.
                failed.failure = Failure::Reset;
            }
            let attempt = Attempt {
                operation: endpoint.operation(),
                failure: failed.failure,
                number,
                elapsed: elapsed(),
                total,
                random: clock.random(),
            };
            let decision = decide(&settings.retry, &attempt);
            match self.budget.charge(decision, &failed.failure) {
                Decision::Retry { after } => {
                    warn!(
                        operation = endpoint.name(),
                        attempt = number,
                        failure = ?failed.failure,
                        after_s = after.as_secs_f64(),
                        "request failed, will be sent again"
                    );
                    clock.sleep(after).await;
                    number += 1;
                    last = Some(failed);
                }
                Decision::GiveUp(why) => {
                    return Outcome::Failed {
                        failed,
                        why,
                        attempts: number,
                    };
                }
            }
        }
    }

    fn limiter(&self, endpoint: Endpoint) -> &Limiter {
        // There is one for each endpoint, in their order, which a test of `Endpoint` checks.
        &self.limiters[endpoint as usize]
    }

    /// Leave to send; none once the time is up.
    async fn admitted(&self, endpoint: Endpoint, left: Option<Duration>) -> Option<super::Permit> {
        let clock = self.clock();
        let acquire = self.limiter(endpoint).acquire(clock);
        match left {
            None => Some(acquire.await),
            Some(left) => before(acquire, clock.sleep(left)).await,
        }
    }

    /// How long an attempt may take.
    fn attempt_timeout(&self, endpoint: Endpoint, left: Option<Duration>) -> Duration {
        let timeout = self.settings.attempt_timeout;
        match endpoint.operation() {
            // A submission that was sent is heard out: cut short, nobody would know whether the job was accepted.
            Operation::Submission => timeout,
            Operation::Read | Operation::IdempotentWrite => {
                let timeout = timeout.saturating_mul(endpoint.patience());
                left.map_or(timeout, |left| left.min(timeout))
            }
        }
    }

    async fn attempt(&self, request: &Request, timeout: Duration) -> Result<Answer, Failed> {
        let mut request = match request.try_clone() {
            Some(request) => request,
            // Only a streamed body cannot be cloned, and no request of the API has one.
            None => Request::new(request.method().clone(), request.url().clone()),
        };
        self.dress(&mut request);
        *request.timeout_mut() = Some(timeout);
        let response = self.http.execute(request).await.map_err(|cause| Failed {
            failure: classify(&cause),
            answer: None,
            cause: Some(cause.without_url()),
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(cause) => {
                let failure = match status.is_success() {
                    true => Failure::Body,
                    // The status says enough; what is lost is only its explanation.
                    false => self.status_failure(status, &headers),
                };
                let cause = Some(cause.without_url());
                let answer = Some(Answer {
                    status,
                    headers,
                    body: Bytes::new(),
                });
                return Err(Failed {
                    failure,
                    answer,
                    cause,
                });
            }
        };
        let answer = Answer {
            status,
            headers,
            body,
        };
        debug!(
            status = status.as_u16(),
            bytes = answer.body.len(),
            "answer"
        );
        if status.is_success() {
            return Ok(answer);
        }
        Err(Failed {
            failure: self.status_failure(status, &answer.headers),
            answer: Some(answer),
            cause: None,
        })
    }

    pub(super) fn status_failure(&self, status: StatusCode, headers: &HeaderMap) -> Failure {
        Failure::Status {
            status,
            retry_after: retry_after(headers, self.clock().wall()),
        }
    }

    /// Adds what every request to the service carries. The key, and what else the user set, go to the base URL's origin
    /// alone.
    fn dress(&self, request: &mut Request) {
        let settings = &self.settings;
        let same_origin = request.url().origin() == settings.base_url.origin();
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, settings.user_agent.clone());
        if same_origin {
            for (name, value) in &settings.headers {
                headers.insert(name, value.clone());
            }
            headers.insert(AUTHORIZATION, settings.authorization.clone());
        }
    }

    fn error(&self, endpoint: Endpoint, failed: Failed, why: GiveUp, attempts: u32) -> Error {
        let error = match (&failed.failure, &failed.answer) {
            (Failure::Status { retry_after, .. }, Some(answer)) => {
                // A gateway may say which key it refuses.
                let answer = answer.without(&self.settings.authorization);
                refusal(endpoint, &answer, *retry_after, self.clock().wall())
            }
            (failure, answer) => {
                let (kind, what) = match failure {
                    Failure::Connect => (
                        ErrorKind::Connect,
                        "no connection to the service could be made; check the network, a proxy and the base URL",
                    ),
                    Failure::Timeout => (ErrorKind::Timeout, "the service did not answer in time"),
                    Failure::Reset => (ErrorKind::Network, "the connection was lost"),
                    Failure::Unsendable => (
                        ErrorKind::Config,
                        "the HTTP client refuses to send the request; check how it is set up",
                    ),
                    Failure::Body | Failure::Status { .. } => {
                        (ErrorKind::Network, "the answer was cut off")
                    }
                };
                let error = Error::new(kind, what);
                match answer {
                    Some(answer) => error.with_status(answer.status),
                    None => error,
                }
            }
        };
        let error = match failed.cause {
            Some(cause) => error.with_source(cause),
            None => error,
        };
        explained(error, why, attempts)
    }
}

/// Adds to an error why its request was not sent again.
pub(super) fn explained(error: Error, why: GiveUp, attempts: u32) -> Error {
    let told = error.message();
    match why {
        GiveUp::OutcomeUnknown => {
            let message = format!(
                "a job may exist and be billed: nobody knows whether the submission was taken, so it was not sent \
                 again; look for the job with client.jobs() before you submit again ({told})"
            );
            error.into_kind(ErrorKind::OutcomeUnknown, message)
        }
        GiveUp::NotRetryable => error,
        _ if attempts == 1 && why == GiveUp::AttemptsExhausted => error,
        GiveUp::AttemptsExhausted => error.noted(&format!("after {attempts} attempts")),
        GiveUp::TimeExhausted => {
            error.noted("the total timeout leaves no time for another attempt")
        }
        GiveUp::RetryAfterTooLong { retry_after } => error
            .with_retry_after(Some(retry_after))
            .noted("longer than the client waits by itself"),
        GiveUp::BudgetExhausted => {
            error.noted("too many requests of this client fail at present to send more")
        }
    }
}

/// The answer for the bindings: what the service said last, or the failure of the HTTP client.
impl hooks::Executor for Executor {
    fn execute<'a>(&'a self, request: Request, operation: &'static str) -> ResponseFuture<'a> {
        Box::pin(async move {
            let Some(endpoint) = Endpoint::named(operation) else {
                // An operation that the SDK does not know yet: sent once, like the bindings alone would.
                let mut request = request;
                self.dress(&mut request);
                *request.timeout_mut() = Some(self.settings.attempt_timeout);
                let answer = self.http.execute(request).await;
                return answer.map_err(reqwest::Error::without_url);
            };
            match self.run(endpoint, &request, None).await {
                Outcome::Success(answer) => Ok(answer.into_response()),
                Outcome::Failed { failed, .. } => match (failed.cause, failed.answer) {
                    (Some(cause), _) => Err(cause),
                    (None, answer) => Ok(answer.unwrap_or_else(Answer::not_sent).into_response()),
                },
                Outcome::NotSent => Ok(Answer::not_sent().into_response()),
            }
        })
    }
}

/// What a failure of the HTTP client means for the request.
pub(super) fn classify(cause: &reqwest::Error) -> Failure {
    if cause.is_builder() {
        Failure::Unsendable
    } else if cause.is_connect() {
        // A timeout while connecting is one, too: nothing was sent.
        Failure::Connect
    } else if cause.is_timeout() {
        Failure::Timeout
    } else {
        Failure::Reset
    }
}

/// The output of `future`, unless the sleep ends first.
pub(crate) async fn before<T>(future: impl Future<Output = T>, mut end: Sleep) -> Option<T> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(cx) {
            return std::task::Poll::Ready(Some(output));
        }
        end.as_mut().poll(cx).map(|()| None)
    })
    .await
}

/// Header names that a user may not set, because they are the client's, or say how long a body is.
pub(crate) const RESERVED: [HeaderName; 8] = [
    ACCEPT,
    AUTHORIZATION,
    CONNECTION,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    HOST,
    TRANSFER_ENCODING,
    USER_AGENT,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_is_heard_out_and_a_read_is_not() {
        let client = crate::Client::builder()
            .api_key("key")
            .attempt_timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        let seconds = |endpoint, left: Option<u64>| {
            let left = left.map(Duration::from_secs);
            client.executor().attempt_timeout(endpoint, left).as_secs()
        };
        assert_eq!(seconds(Endpoint::Diarize, Some(1)), 60);
        assert_eq!(seconds(Endpoint::CreateStream, None), 60);
        assert_eq!(seconds(Endpoint::TestKey, Some(1)), 1);
        assert_eq!(seconds(Endpoint::MediaInput, Some(100)), 60);
        assert_eq!(seconds(Endpoint::GetJob, Some(200)), 200);
        assert_eq!(seconds(Endpoint::GetJob, None), 300);
    }
}
