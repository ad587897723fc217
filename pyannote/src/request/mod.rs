//! Requests for jobs.

mod body;
mod diarization;
mod fields;
mod identification;
mod model;
mod submit_all;
mod validate;

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use crate::error::Error;
use crate::header;
use crate::job::{Job, JobId};
use crate::media::AudioUrl;
use crate::results::JobKind;
use crate::results::kind::Kind;
use crate::transport::{Endpoint, Executor, OnAccepted, Submission, decode};

use fields::Fields;
pub use model::{Model, TranscriptionModel};
pub use submit_all::SubmitAll;

/// A request for a job whose result is a `T`: a [`Diarization`](crate::Diarization), an
/// [`Identification`](crate::Identification) or a [`Voiceprint`](crate::Voiceprint).
///
/// Await the request to submit the job and wait for its end, or [`submit`](Self::submit) it and wait later.
///
/// ```
/// # fn main() -> Result<(), pyannote::Error> {
/// let client = pyannote::Client::builder().api_key("key").build()?;
/// let request = client
///     .diarize("https://example.com/meeting.wav")
///     .model("precision-2")
///     .num_speakers(2)
///     .extra("language", "en");
/// assert_eq!(request.to_json()?["numSpeakers"], 2);
/// # Ok(())
/// # }
/// ```
///
/// Settings that all kinds of jobs share can be written once:
///
/// ```
/// use pyannote::{JobKind, Request};
///
/// fn with_webhook<T: JobKind>(request: Request<T>) -> Request<T> {
///     request.webhook("https://example.com/webhook").webhook_status_only(true)
/// }
/// ```
#[must_use = "a request does nothing unless it is submitted or awaited"]
pub struct Request<T> {
    executor: Arc<Executor>,
    fields: Fields,
    headers: Vec<(String, String)>,
    timeout: Option<Duration>,
    on_accepted: Option<OnAccepted>,
    kind: PhantomData<fn() -> T>,
}

impl<T: JobKind> Request<T> {
    pub(crate) fn new(executor: Arc<Executor>, audio: AudioUrl) -> Self {
        Self {
            executor,
            fields: Fields::new(audio),
            headers: Vec::new(),
            timeout: None,
            on_accepted: None,
            kind: PhantomData,
        }
    }

    /// Sets the model. The default is that of the service.
    pub fn model(mut self, model: impl Into<Model>) -> Self {
        self.fields.model = Some(model.into());
        self
    }

    /// Sets the URL to which the service sends the result: https, or http to a loopback address.
    ///
    /// See [`webhook`](crate::webhook) for the receiver.
    pub fn webhook(mut self, url: impl Into<String>) -> Self {
        self.fields.webhook = Some(url.into());
        self
    }

    /// Sets whether the webhook receives the status only, without the output.
    pub fn webhook_status_only(mut self, status_only: bool) -> Self {
        self.fields.webhook_status_only = Some(status_only);
        self
    }

    /// Sets a field that this version does not know, by its name in the API.
    ///
    /// The API has no field for calls with one party per channel; a server of your own (`pyannote-server`) has:
    ///
    /// ```no_run
    /// # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
    /// let call = client.upload("call.wav").await?;
    /// let diarization = client.diarize(&call).extra("channels", true).await?;
    /// // SPEAKER_00 is channel 1, SPEAKER_01 is channel 2.
    /// # Ok(())
    /// # }
    /// ```
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.extra.insert(name.into(), value.into());
        self
    }

    /// Adds an HTTP header to the submission. It takes precedence over a header of the same name that was set with
    /// [`ClientBuilder::header`](crate::ClientBuilder::header).
    ///
    /// `Authorization`, `User-Agent`, and headers that describe the body or the connection cannot be set.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the maximum time to wait for the end of the job when the request is awaited. The default is no limit.
    ///
    /// The time starts when the job is accepted. It has no effect on [`submit`](Self::submit).
    ///
    /// ```no_run
    /// # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
    /// use std::time::Duration;
    ///
    /// let diarization = client
    ///     .diarize("https://example.com/meeting.wav")
    ///     .timeout(Duration::from_secs(3600))
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets a callback that receives the job's id as soon as the job is accepted, and billed, before anything else
    /// happens: also if the future of the submission was dropped while the request was being sent.
    ///
    /// Store the id there if the program may stop before the job ends. The callback runs in a task of the SDK, and the
    /// submission returns after it. A panic is logged and has no other effect.
    /// [`ClientBuilder::on_accepted`](crate::ClientBuilder::on_accepted) is for all submissions of a client.
    pub fn on_accepted(mut self, callback: impl Fn(&JobId) + Send + Sync + 'static) -> Self {
        self.on_accepted = Some(Arc::new(callback));
        self
    }

    /// Validates the request without sending it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`](crate::ErrorKind::Validation) with every violation.
    pub fn validate(&self) -> Result<(), Error> {
        self.body().map(drop)
    }

    /// Returns the JSON body that would be sent.
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate).
    pub fn to_json(&self) -> Result<Value, Error> {
        decode(&self.body()?)
    }

    /// Submits the job, and returns its handle as soon as it is accepted. An accepted job is billed.
    ///
    /// The submission is retried only if the service certainly did not accept it. Otherwise, the error is
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown), and the job may exist.
    ///
    /// # Dropping the future
    ///
    /// A future can be dropped before it is done: by `tokio::time::timeout`, by `select!`, or by aborting its task. The
    /// effect depends on how far the submission is:
    ///
    /// - If it waits for the rate limit, or for a retry, it is not sent (again), and there is no job.
    /// - If the request is being sent, it is completed in the background, on the same tokio runtime. If the job is
    ///   accepted, [`on_accepted`](Self::on_accepted) and
    ///   [`ClientBuilder::on_accepted`](crate::ClientBuilder::on_accepted) are called with its id. If that is unknown,
    ///   [`ClientBuilder::on_outcome_unknown`](crate::ClientBuilder::on_outcome_unknown) is called. If it is certainly
    ///   not accepted, it is not retried.
    ///
    /// Before the program ends, wait with [`Client::finish_submissions`](crate::Client::finish_submissions) for
    /// submissions in the background. There is no need to drop a submission to limit its time: the client's
    /// [`attempt_timeout`](crate::ClientBuilder::attempt_timeout) and
    /// [`total_timeout`](crate::ClientBuilder::total_timeout) do that.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`](crate::ErrorKind::Validation) before anything is sent, and any error of a request.
    pub async fn submit(self) -> Result<Job<T>, Error> {
        self.submit_through_queue(true).await
    }

    /// [`submit`](Self::submit); `queue_counts` says whether the time in the queue of the rate limiter counts toward the
    /// total timeout.
    pub(crate) async fn submit_through_queue(self, queue_counts: bool) -> Result<Job<T>, Error> {
        let body = self.body()?;
        let headers: HeaderMap = self
            .headers
            .iter()
            .filter_map(|(name, value)| header::parse(name, value).ok())
            .collect();
        let submission = Submission {
            endpoint: match T::KIND {
                Kind::Diarization => Endpoint::Diarize,
                Kind::Identification => Endpoint::Identify,
                Kind::Voiceprint => Endpoint::Voiceprint,
            },
            headers,
            queue_counts,
            on_accepted: self.on_accepted,
        };
        let created = self.executor.submit(submission, body).await?;
        Ok(Job::accepted(self.executor, created))
    }

    /// Validates the request, and encodes its body.
    fn body(&self) -> Result<Vec<u8>, Error> {
        let violations = validate::violations(T::KIND, &self.fields, &self.headers);
        if !violations.is_empty() {
            return Err(Error::validation("the request is invalid", violations));
        }
        body::encode(T::KIND, &self.fields)
    }
}

/// Submits the job and waits for its end. If the wait fails, the job keeps running, and the error has its id.
///
/// If the future is dropped, the job keeps running, too: its id is then known to
/// [`on_accepted`](Request::on_accepted) alone. See [`submit`](Request::submit) for what happens if it is dropped before
/// the job is accepted.
impl<T: JobKind> IntoFuture for Request<T> {
    type Output = Result<T, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let timeout = self.timeout;
            let wait = self.submit().await?.wait();
            match timeout {
                Some(timeout) => wait.timeout(timeout).await,
                None => wait.await,
            }
        })
    }
}

impl<T> Clone for Request<T> {
    fn clone(&self) -> Self {
        Self {
            executor: Arc::clone(&self.executor),
            fields: self.fields.clone(),
            headers: self.headers.clone(),
            timeout: self.timeout,
            on_accepted: self.on_accepted.clone(),
            kind: PhantomData,
        }
    }
}

/// Prints names, but not values, of headers and extra fields, and no webhook URL, since all of them may be secrets.
impl<T> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Request")
            .field("fields", &self.fields)
            .field("headers", &headers)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
