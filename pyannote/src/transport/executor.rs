//! Sends requests: waits for the rate limiter, adds the API key, reads the response, and retries after failures.

use std::borrow::Cow;
use std::error::Error as _;
use std::fmt;
use std::iter::successors;
use std::ops::Range;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::future::{Either, select};
use http::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, PROXY_AUTHORIZATION,
    TRANSFER_ENCODING, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use pyannote_api_sys::hooks::{self, ResponseFuture};
use reqwest::{Request, Url};
use tracing::{Instrument, Span, warn};

use super::body::BodyError;
use super::clock::Clock;
use super::created::Created;
use super::endpoint::Endpoint;
use super::metrics::{Counters, Target, error_type};
use super::rate_limiter::{Permit, RateLimiter};
use super::response::{ApiResponse, PROXY_AUTHENTICATION_REQUIRED, no_job_id, status_error};
use super::retry::{Attempt, Decision, Failure, GiveUp, Operation, decide};
use super::submission::{InFlight, OnAccepted, SubmissionHooks};
use super::time_limit::TimeLimit;
use super::{RateLimit, ResponseLimits, RetryBudget, RetryPolicy, retry_after, trace};
use crate::error::{Error, ErrorKind};
use crate::json::without_bom;
use crate::redact::Protected;

/// A permit that takes less time did not wait for the rate limit.
const MIN_RATE_LIMIT_WAIT: Duration = Duration::from_millis(1);

/// The configuration of a client, as set by [`Client::builder`](crate::Client::builder).
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) base_url: Url,
    /// Whether plain http to other machines is allowed, for pre-signed URLs too.
    pub(crate) allow_insecure_http: bool,
    /// `Bearer …`, marked as sensitive.
    pub(crate) authorization: HeaderValue,
    /// Keeps the key and other secrets out of errors and logs for as long as the client exists.
    #[expect(dead_code, reason = "it protects the secrets until it is dropped")]
    pub(crate) protected: Vec<Protected>,
    pub(crate) user_agent: HeaderValue,
    pub(crate) headers: HeaderMap,
    pub(crate) attempt_timeout: Duration,
    /// The longest time without a byte of a body, sent or received.
    pub(crate) stall_timeout: Duration,
    pub(crate) total_timeout: Option<Duration>,
    pub(crate) retry: RetryPolicy,
    pub(crate) rate_limit: RateLimit,
    /// Reads per minute of each endpoint by waits, if it is not half of the rate limit.
    pub(crate) wait_reads_per_minute: Option<u32>,
    pub(crate) response_limits: ResponseLimits,
    pub(crate) clock: Arc<dyn Clock>,
    /// How the SDK's own HTTP clients connect.
    #[cfg(feature = "live")]
    pub(crate) connection: super::Connection,
    /// Whether the user supplied the HTTP client, which may therefore follow redirects.
    pub(crate) custom_http_client: bool,
    /// Whether results keep the body that they were decoded from.
    pub(crate) keep_raw_bodies: bool,
    pub(crate) submission_hooks: SubmissionHooks,
}

/// The transport shared by a client and its clones.
pub(crate) struct Executor {
    pub(crate) settings: Settings,
    pub(crate) http: reqwest::Client,
    /// What the client has done, for [`Client::metrics`](crate::Client::metrics).
    pub(crate) counters: Arc<Counters>,
    pub(super) budget: RetryBudget,
    /// One per endpoint, in the order of [`Endpoint::ALL`].
    rate_limiters: [RateLimiter; Endpoint::ALL.len()],
    pub(super) in_flight: InFlight,
    /// State of other modules, by its type.
    extensions: Mutex<http::Extensions>,
}

/// Prints the base URL only: the HTTP client may print the credentials of a proxy.
impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("base_url", &self.settings.base_url.as_str())
            .finish_non_exhaustive()
    }
}

/// A failed attempt.
#[derive(Debug)]
pub(super) struct AttemptError {
    pub(super) failure: Failure,
    /// The response, if there was one.
    response: Option<ApiResponse>,
    /// The error of the HTTP client, if there was one.
    source: Option<reqwest::Error>,
    /// When the service created the job, if it accepted a submission whose outcome is unknown.
    pub(super) window: Option<Range<DateTime<Utc>>>,
    /// The error of a body that cannot be decoded.
    decode_error: Option<Error>,
}

impl AttemptError {
    fn new(failure: Failure) -> Self {
        Self {
            failure,
            response: None,
            source: None,
            window: None,
            decode_error: None,
        }
    }

    /// For a submission whose task was aborted.
    pub(super) fn lost(window: Range<DateTime<Utc>>) -> Self {
        Self {
            window: Some(window),
            ..Self::new(Failure::ConnectionLost)
        }
    }
}

/// A call of an endpoint: what its limits and its callbacks are, apart from the request itself.
pub(super) struct Call<'a> {
    pub(super) endpoint: Endpoint,
    /// Decodes the response to a read. Returns the error if another response might be decodable.
    decode: Option<Decode<'a>>,
    /// The time limit, if it is shorter than the client's total timeout.
    timeout: Option<Duration>,
    /// Whether the time in the queue of the rate limiter counts toward the total timeout.
    queue_counts: bool,
    /// Called with the id of the job, if the call is a submission.
    pub(super) on_accepted: Option<OnAccepted>,
}

type Decode<'a> = &'a (dyn Fn(&ApiResponse) -> Option<Error> + Send + Sync + 'a);

impl Call<'_> {
    fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            decode: None,
            timeout: None,
            queue_counts: true,
            on_accepted: None,
        }
    }
}

/// How a job is submitted, apart from the body of the request.
pub(crate) struct Submission {
    pub(crate) endpoint: Endpoint,
    /// They take precedence over those of the client.
    pub(crate) headers: HeaderMap,
    /// Whether the time in the queue of the rate limiter counts toward the total timeout.
    pub(crate) queue_counts: bool,
    pub(crate) on_accepted: Option<OnAccepted>,
}

/// The result of a request after all attempts.
#[derive(Debug)]
enum Outcome {
    Success(ApiResponse),
    Failed {
        error: AttemptError,
        reason: GiveUp,
        attempts: u32,
    },
    /// The time limit passed before the rate limiter admitted the request, which would have taken this much longer.
    NotSent {
        retry_after: Duration,
    },
}

impl Executor {
    pub(crate) fn new(settings: Settings, http: reqwest::Client) -> Self {
        let rate_limiters =
            Endpoint::ALL.map(|endpoint| RateLimiter::new(settings.rate_limit.of(endpoint)));
        Self {
            settings,
            http,
            counters: Arc::new(Counters::new()),
            budget: RetryBudget::new(),
            rate_limiters,
            in_flight: InFlight::default(),
            extensions: Mutex::default(),
        }
    }

    /// State of this client that another module keeps here.
    pub(crate) fn extension<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut extensions = self
            .extensions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(extensions.get_or_insert_with(Arc::<T>::default))
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.settings.clock.as_ref()
    }

    /// Calls `endpoint`, with `path_suffix` appended to its path and an optional JSON body.
    pub(crate) async fn call(
        self: &Arc<Self>,
        endpoint: Endpoint,
        path_suffix: &str,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<ApiResponse, Error> {
        let request = self.request(endpoint, HeaderMap::new(), path_suffix, query, body);
        self.respond(&Call::new(endpoint), &request).await
    }

    /// Reads from `endpoint`, and decodes the response.
    ///
    /// A response that cannot be decoded is a failure of the request, which is tried again: a gateway may have sent it.
    pub(crate) async fn read<T: Send>(
        self: &Arc<Self>,
        endpoint: Endpoint,
        path_suffix: &str,
        query: &[(&str, &str)],
        decode: impl Fn(&ApiResponse) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let call = Call::new(endpoint);
        self.decoded(call, path_suffix, query, decode).await
    }

    /// The same for a wait, within `timeout`.
    ///
    /// The time in the queue of the rate limiter does not count toward the total timeout of the client: it
    /// depends on the number of other requests, not on the service.
    pub(crate) async fn poll<T: Send>(
        self: &Arc<Self>,
        timeout: Option<Duration>,
        endpoint: Endpoint,
        path_suffix: &str,
        query: &[(&str, &str)],
        decode: impl Fn(&ApiResponse) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let call = Call {
            timeout,
            queue_counts: false,
            ..Call::new(endpoint)
        };
        self.decoded(call, path_suffix, query, decode).await
    }

    async fn decoded<T: Send>(
        self: &Arc<Self>,
        call: Call<'_>,
        path_suffix: &str,
        query: &[(&str, &str)],
        decode: impl Fn(&ApiResponse) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let decoded = Mutex::new(None);
        let decode_once = |response: &ApiResponse| match decode(response) {
            // The output of a job that has ended does not change.
            Err(error) if error.kind() == ErrorKind::Decode && error.last_status().is_none() => {
                Some(error)
            }
            result => {
                *decoded.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                None
            }
        };
        let call = Call {
            decode: Some(&decode_once),
            ..call
        };
        let headers = HeaderMap::new();
        let request = self.request(call.endpoint, headers, path_suffix, query, None);
        let response = self.respond(&call, &request).await?;
        let decoded = decoded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        decoded.unwrap_or_else(|| decode(&response))
    }

    /// Submits a job.
    pub(crate) async fn submit(
        self: &Arc<Self>,
        submission: Submission,
        body: Vec<u8>,
    ) -> Result<Created, Error> {
        let endpoint = submission.endpoint;
        let call = Call {
            queue_counts: submission.queue_counts,
            on_accepted: submission.on_accepted,
            ..Call::new(endpoint)
        };
        let request = self.request(endpoint, submission.headers, "", &[], Some(body));
        let response = self.respond(&call, &request).await?;
        Created::read(&response.body).ok_or_else(|| {
            let attempt = AttemptError {
                response: Some(response),
                ..AttemptError::new(Failure::NoJobId)
            };
            self.error(endpoint, attempt, GiveUp::OutcomeUnknown, 1)
        })
    }

    fn request(
        &self,
        endpoint: Endpoint,
        headers: HeaderMap,
        path_suffix: &str,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Request {
        let mut url = self.settings.base_url.clone();
        let path = format!(
            "{}{}{path_suffix}",
            url.path().trim_end_matches('/'),
            endpoint.path()
        );
        url.set_path(&path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::new(endpoint.method(), url);
        *request.headers_mut() = headers;
        request
            .headers_mut()
            .insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(body) = body {
            request
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.into());
        }
        request
    }

    /// Sends a request, with retries, and returns the response or the SDK's error.
    async fn respond(
        self: &Arc<Self>,
        call: &Call<'_>,
        request: &Request,
    ) -> Result<ApiResponse, Error> {
        let endpoint = call.endpoint;
        match self.run(call, request).await {
            Outcome::Success(response) => Ok(response),
            Outcome::NotSent { retry_after } => {
                let message = match endpoint.creates_job() {
                    true => {
                        "the client's rate limit did not admit the submission before the total timeout, so nothing was \
                         sent; submit many jobs with client.submit_all(), which waits, or set a longer total timeout"
                    }
                    false => {
                        "the rate limit did not admit the request before its timeout, so nothing was sent; try again \
                         later, or set a longer total timeout"
                    }
                };
                let error = Error::new(ErrorKind::RateLimited, message);
                Err(error.with_retry_after(Some(retry_after)))
            }
            Outcome::Failed {
                error,
                reason,
                attempts,
            } => Err(self.error(endpoint, error, reason, attempts)),
        }
    }

    /// Sends a request, with retries.
    async fn run(self: &Arc<Self>, call: &Call<'_>, request: &Request) -> Outcome {
        let endpoint = call.endpoint;
        let settings = &self.settings;
        let clock = self.clock();
        let mut limit = TimeLimit::new(settings.total_timeout, clock.now());
        if !call.queue_counts {
            limit = limit.of_a_poll(call.timeout);
        }
        let mut number = 1;
        let mut last_error = None;
        loop {
            let (permit, remaining) = match self.acquire_permit(endpoint, &mut limit).await {
                Ok(permit) => (permit, limit.remaining(clock.now())),
                Err(retry_after) => {
                    return match last_error {
                        None => Outcome::NotSent { retry_after },
                        Some(error) => Outcome::Failed {
                            error,
                            reason: GiveUp::TotalTimeout,
                            attempts: number - 1,
                        },
                    };
                }
            };
            let span = trace::request_span(Target::Api(endpoint), request, number);
            let attempt_timeout = self.attempt_timeout(endpoint, remaining);
            let error = match self
                .attempt(call, request, attempt_timeout, permit)
                .instrument(span)
                .await
            {
                Ok(response) => {
                    self.budget.refund();
                    return Outcome::Success(response);
                }
                Err(error) => error,
            };
            let attempt = Attempt {
                operation: endpoint.operation(),
                failure: error.failure,
                number,
                elapsed: limit.elapsed(clock.now()),
                total_timeout: limit.total(),
                random: clock.random(),
            };
            let decision = decide(&settings.retry, &attempt);
            match self.budget.charge(decision, &error.failure) {
                Decision::Retry { after } => {
                    warn!(
                        operation = endpoint.name(),
                        attempt = number,
                        "error.type" = error_type(&error.failure),
                        after_s = after.as_secs_f64(),
                        "request failed, retrying"
                    );
                    self.counters.retry();
                    clock.sleep(after).await;
                    number += 1;
                    last_error = Some(error);
                }
                Decision::GiveUp(reason) => {
                    return Outcome::Failed {
                        error,
                        reason,
                        attempts: number,
                    };
                }
            }
        }
    }

    /// Requests per minute that the rate limiter of `endpoint` allows at present; `None` if it has no limit.
    pub(crate) fn rate_limit(&self, endpoint: Endpoint) -> Option<u32> {
        self.rate_limiters[endpoint as usize].allowed()
    }

    /// Waits for the rate limiter. If the time limit passes, returns the time until it would have been the request's
    /// turn.
    async fn acquire_permit(
        &self,
        endpoint: Endpoint,
        limit: &mut TimeLimit,
    ) -> Result<Permit, Duration> {
        let clock = &self.settings.clock;
        let start = clock.now();
        let limiter = &self.rate_limiters[endpoint as usize];
        let permit = limiter.acquire(clock, limit.of_queue(start)).await;
        let now = clock.now();
        let time = now.saturating_sub(start);
        limit.queued(time);
        if time >= MIN_RATE_LIMIT_WAIT {
            self.counters.rate_limit_wait(time);
        }
        // A permit that comes at the last moment leaves no time to use it.
        match limit.remaining(now) {
            Some(Duration::ZERO) => permit.and(Err(Duration::ZERO)),
            _ => permit,
        }
    }

    /// The timeout of one attempt, with `remaining` time for the whole call.
    fn attempt_timeout(&self, endpoint: Endpoint, remaining: Option<Duration>) -> Duration {
        let timeout = self.settings.attempt_timeout;
        match endpoint.operation() {
            // The total timeout does not cut a submission short: its outcome would be unknown.
            Operation::Submission => timeout,
            Operation::Read | Operation::IdempotentWrite => {
                let timeout = timeout.saturating_mul(endpoint.timeout_multiplier());
                remaining.map_or(timeout, |remaining| remaining.min(timeout))
            }
        }
    }

    async fn attempt(
        self: &Arc<Self>,
        call: &Call<'_>,
        request: &Request,
        timeout: Duration,
        permit: Permit,
    ) -> Result<ApiResponse, AttemptError> {
        // Only a request with a streamed body cannot be cloned, and no request of the API has one.
        let Some(mut request) = request.try_clone() else {
            return Err(AttemptError::new(Failure::Unsendable));
        };
        self.add_headers(&mut request);
        *request.timeout_mut() = Some(timeout);
        match call.endpoint.creates_job() {
            true => self.send_submission(call, request, permit).await,
            false => self.send(call.endpoint, call.decode, request, permit).await,
        }
    }

    /// Sends a request once.
    pub(super) async fn send(
        &self,
        endpoint: Endpoint,
        decode: Option<Decode<'_>>,
        request: Request,
        permit: Permit,
    ) -> Result<ApiResponse, AttemptError> {
        let mut result = self.receive(endpoint, request, permit).await;
        if let (Ok(response), Some(decode)) = (&result, decode)
            && let Some(error) = decode(response)
        {
            result = Err(AttemptError {
                response: Some(response.clone()),
                decode_error: Some(error),
                ..AttemptError::new(Failure::Undecodable)
            });
        }
        let response = match &result {
            Ok(response) => Some(response),
            Err(error) => error.response.as_ref(),
        };
        let status = response.map(|response| response.status);
        let failure = result.as_ref().err().map(|error| &error.failure);
        trace::record_end(&Span::current(), status, failure);
        self.counters.request(Target::Api(endpoint), failure);
        if let Err(error) = &mut result
            && self.settings.custom_http_client
            && endpoint.operation() == Operation::Submission
            && matches!(
                error.failure,
                Failure::Connect | Failure::ProxyAuthentication
            )
        {
            // The user's HTTP client may have followed a redirect before, so the service may have the job.
            error.failure = Failure::ConnectionLost;
        }
        result
    }

    /// Sends a request and reads its response.
    async fn receive(
        &self,
        endpoint: Endpoint,
        request: Request,
        mut permit: Permit,
    ) -> Result<ApiResponse, AttemptError> {
        let body = request.body().and_then(reqwest::Body::as_bytes);
        let sent = body.map_or(0, <[u8]>::len) as u64;
        let response = self.http.execute(request).await.map_err(|error| {
            let failure = classify(&error);
            AttemptError {
                source: Some(error.without_url()),
                ..AttemptError::new(failure)
            }
        })?;
        permit.observe(response.headers());
        self.counters.sent(sent);
        let mut read = ApiResponse {
            status: response.status(),
            headers: response.headers().clone(),
            body: Bytes::new(),
        };
        if !read.status.is_success() {
            // The status suffices: if the body cannot be read, only an explanation is lost.
            let body = self.body(response, ResponseLimits::ERROR_BYTES);
            read.body = body.start().await;
            read.trace();
            let failure = self.status_failure(read.status, &read.headers);
            return Err(AttemptError {
                response: Some(read),
                ..AttemptError::new(failure)
            });
        }
        let max_bytes = self.settings.response_limits.of(endpoint);
        let (body, error) = self.body(response, max_bytes).read().await;
        read.body = body.slice_ref(without_bom(&body));
        let has_job_id = endpoint.creates_job() && Created::read(&read.body).is_some();
        match error {
            // What is missing of the body does not matter.
            Some(_) if has_job_id => {}
            Some(error) => {
                let failure = error.failure();
                return Err(AttemptError {
                    response: Some(read),
                    source: match error {
                        BodyError::Client(error) => Some(error),
                        BodyError::Stalled | BodyError::TooLarge { .. } => None,
                    },
                    ..AttemptError::new(failure)
                });
            }
            None if endpoint.creates_job() && !has_job_id => {
                return Err(AttemptError {
                    response: Some(read),
                    ..AttemptError::new(Failure::NoJobId)
                });
            }
            None => {}
        }
        read.trace();
        Ok(read)
    }

    pub(super) fn status_failure(&self, status: StatusCode, headers: &HeaderMap) -> Failure {
        Failure::Status {
            status,
            retry_after: retry_after(headers, self.clock().wall()),
        }
    }

    /// Adds the headers of every request. The API key and the user's headers are sent to the base URL's origin only.
    fn add_headers(&self, request: &mut Request) {
        let settings = &self.settings;
        let same_origin = request.url().origin() == settings.base_url.origin();
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, settings.user_agent.clone());
        if same_origin {
            for (name, value) in &settings.headers {
                headers.entry(name).or_insert_with(|| value.clone());
            }
            headers.insert(AUTHORIZATION, settings.authorization.clone());
        }
    }

    fn error(
        &self,
        endpoint: Endpoint,
        mut attempt: AttemptError,
        reason: GiveUp,
        attempts: u32,
    ) -> Error {
        let error = match attempt.decode_error.take() {
            Some(error) => error,
            None => self.describe(endpoint, &attempt),
        };
        let error = match attempt.source {
            Some(source) => error.with_source(source),
            None => error,
        };
        match reason {
            GiveUp::OutcomeUnknown => outcome_unknown(error, attempt.window),
            reason => with_give_up_reason(error, reason, attempts),
        }
    }

    /// The error of a failed attempt, without its source.
    pub(super) fn describe(&self, endpoint: Endpoint, attempt: &AttemptError) -> Error {
        match (&attempt.failure, &attempt.response) {
            (Failure::Status { retry_after, .. }, Some(response)) => {
                status_error(endpoint, response, *retry_after, self.clock().wall())
            }
            (Failure::NoJobId, Some(response)) => no_job_id(response),
            (failure, response) => {
                let (kind, message): (_, Cow<'_, str>) = match failure {
                    Failure::Connect => (
                        ErrorKind::Connect,
                        "could not connect to the service; check the network, the proxy and the base URL".into(),
                    ),
                    Failure::ProxyAuthentication => {
                        (ErrorKind::Config, PROXY_AUTHENTICATION_REQUIRED.into())
                    }
                    Failure::Timeout => (
                        ErrorKind::Timeout,
                        "the service did not respond before the timeout".into(),
                    ),
                    Failure::Stalled => (
                        ErrorKind::Timeout,
                        format!(
                            "no data of the response arrived for {} s; check the network, or set a longer time with \
                             `.stall_timeout(duration)`",
                            self.settings.stall_timeout.as_secs_f64()
                        )
                        .into(),
                    ),
                    Failure::TooLarge { max_bytes } => (
                        ErrorKind::TooLarge,
                        format!(
                            "the response has more than {max_bytes} bytes; check the base URL and the proxy, or set a \
                             larger limit with `.response_limits(ResponseLimits::default().{}(bytes))`",
                            ResponseLimits::setter(endpoint)
                        )
                        .into(),
                    ),
                    Failure::ConnectionLost => {
                        (ErrorKind::Network, "the connection to the service was lost".into())
                    }
                    Failure::Unsendable => (
                        ErrorKind::Config,
                        "the HTTP client rejected the request without sending it; check its configuration".into(),
                    ),
                    Failure::Undecodable => {
                        (ErrorKind::Decode, "the response cannot be decoded".into())
                    }
                    Failure::IncompleteBody | Failure::NoJobId | Failure::Status { .. } => {
                        (ErrorKind::Network, "the response was cut off".into())
                    }
                };
                let error = Error::new(kind, message);
                match response {
                    Some(response) => error.with_status(response.status),
                    None => error,
                }
            }
        }
    }
}

/// The error of a submission that the service may have accepted, and if so, in this time.
pub(super) fn outcome_unknown(error: Error, window: Option<Range<DateTime<Utc>>>) -> Error {
    let created = window.as_ref().map_or_else(String::new, |window| {
        let format = |date: DateTime<Utc>| date.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!(
            " created between {} and {}",
            format(window.start),
            format(window.end)
        )
    });
    let message = format!(
        "the service may have accepted the submission, so a billed job may exist and the request was not retried; \
         before submitting again, look in client.jobs() for a job{created}"
    );
    error
        .into_kind(ErrorKind::OutcomeUnknown, message)
        .with_submission_window(window)
}

/// Adds to an error why the request was not retried.
pub(super) fn with_give_up_reason(error: Error, reason: GiveUp, attempts: u32) -> Error {
    match reason {
        GiveUp::OutcomeUnknown => outcome_unknown(error, None),
        GiveUp::NotRetryable => error,
        GiveUp::AttemptsExhausted if attempts == 1 => error,
        GiveUp::AttemptsExhausted => error.with_note(&format!("gave up after {attempts} attempts")),
        GiveUp::TotalTimeout => {
            error.with_note("the total timeout leaves no time for another attempt")
        }
        GiveUp::RetryAfterTooLong { retry_after } => error
            .with_retry_after(Some(retry_after))
            .with_note("the delay exceeds the cap of the retry policy"),
        GiveUp::BudgetExhausted => {
            error.with_note("not retried, because too many requests of this client failed")
        }
    }
}

/// The executor of the bindings.
pub(crate) struct RawExecutor(pub(crate) Arc<Executor>);

/// Returns the last response of the service, or the error of the HTTP client.
impl hooks::Executor for RawExecutor {
    fn execute<'a>(&'a self, request: Request, operation: &'static str) -> ResponseFuture<'a> {
        let executor = &self.0;
        Box::pin(async move {
            let Some(endpoint) = Endpoint::from_name(operation) else {
                // An operation unknown to the SDK is sent once, as by the bindings alone.
                let mut request = request;
                executor.add_headers(&mut request);
                *request.timeout_mut() = Some(executor.settings.attempt_timeout);
                let response = executor.http.execute(request).await;
                return response.map_err(reqwest::Error::without_url);
            };
            match executor.run(&Call::new(endpoint), &request).await {
                Outcome::Success(response) => Ok(response.into_reqwest()),
                Outcome::Failed {
                    error,
                    reason,
                    attempts,
                } => match (error.source, error.response, error.failure) {
                    (Some(source), _, _) => Err(source),
                    (None, Some(response), Failure::Status { .. }) => Ok(response.into_reqwest()),
                    (None, Some(response), failure) => {
                        let error = AttemptError {
                            response: Some(response.clone()),
                            window: error.window,
                            ..AttemptError::new(failure)
                        };
                        let error = executor.error(endpoint, error, reason, attempts);
                        Ok(response.into_unreadable(error))
                    }
                    (None, None, _) => Ok(ApiResponse::unsendable().into_reqwest()),
                },
                Outcome::NotSent { .. } => Ok(ApiResponse::rate_limited().into_reqwest()),
            }
        })
    }
}

/// Classifies an error of the HTTP client.
pub(super) fn classify(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        Failure::Unsendable
    } else if error.is_connect() && is_proxy_authentication(error) {
        Failure::ProxyAuthentication
    } else if error.is_connect() {
        // Includes timeouts while connecting: nothing was sent.
        Failure::Connect
    } else if error.is_timeout() {
        Failure::Timeout
    } else {
        Failure::ConnectionLost
    }
}

/// Returns whether a proxy refused to tunnel to the server with status 407.
pub(crate) fn is_proxy_authentication(error: &reqwest::Error) -> bool {
    let mut causes = successors(error.source(), |&cause| cause.source());
    // The HTTP client does not export the type of this error.
    causes.any(|cause| cause.to_string().ends_with("proxy authorization required"))
}

/// The output of `future`, or `None` if `deadline` ends first.
pub(crate) async fn with_deadline<T>(
    future: impl Future<Output = T>,
    deadline: impl Future<Output = ()> + Unpin,
) -> Option<T> {
    match select(pin!(future), deadline).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// Headers that users may not set: the client sets them itself, or they frame the body.
pub(crate) const RESERVED_HEADERS: [HeaderName; 9] = [
    ACCEPT,
    AUTHORIZATION,
    CONNECTION,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    HOST,
    PROXY_AUTHORIZATION,
    TRANSFER_ENCODING,
    USER_AGENT,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn total_timeout_limits_reads_but_not_submissions() {
        let client = crate::Client::builder()
            .api_key("key")
            .attempt_timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        let seconds = |endpoint, remaining: Option<u64>| {
            let remaining = remaining.map(Duration::from_secs);
            client
                .executor()
                .attempt_timeout(endpoint, remaining)
                .as_secs()
        };
        assert_eq!(seconds(Endpoint::Diarize, Some(1)), 60);
        assert_eq!(seconds(Endpoint::CreateStream, None), 60);
        assert_eq!(seconds(Endpoint::TestKey, Some(1)), 1);
        assert_eq!(seconds(Endpoint::MediaInput, Some(100)), 60);
        assert_eq!(seconds(Endpoint::GetJob, Some(200)), 200);
        assert_eq!(seconds(Endpoint::GetJob, None), 300);
    }

    #[tokio::test]
    async fn request_that_cannot_be_cloned_is_not_sent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/v1/diarize", listener.local_addr().unwrap());
        let client = crate::Client::builder()
            .api_key("key")
            .base_url(&url)
            .build()
            .unwrap();
        let request = || {
            let mut request = Request::new(http::Method::POST, url.parse().unwrap());
            let body = futures_util::stream::iter([std::io::Result::Ok(Bytes::new())]);
            *request.body_mut() = Some(reqwest::Body::wrap_stream(body));
            request
        };
        let executor = client.executor();
        let call = Call::new(Endpoint::Diarize);
        let outcome = executor.run(&call, &request()).await;
        let Outcome::Failed {
            error,
            reason,
            attempts,
        } = outcome
        else {
            panic!("{outcome:?}");
        };
        assert_eq!(error.failure, Failure::Unsendable);
        assert_eq!((reason, attempts), (GiveUp::NotRetryable, 1));
        let raw = RawExecutor(Arc::clone(executor));
        let response = hooks::Executor::execute(&raw, request(), "diarize").await;
        assert_eq!(response.unwrap().status(), StatusCode::BAD_REQUEST);
        let connection = listener.accept().map_err(|error| error.kind());
        assert_eq!(connection.unwrap_err(), std::io::ErrorKind::WouldBlock);
    }
}
