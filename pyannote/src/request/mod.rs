//! Requests for jobs.

mod body;
mod diarization;
mod fields;
mod identification;
mod model;
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
use crate::transport::{Endpoint, Executor, decode};

use fields::Fields;
pub use model::{Model, TranscriptionModel};

type OnAccepted = Arc<dyn Fn(&JobId) + Send + Sync>;

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
///     .extra("vadSensitivity", 2);
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
    /// happens.
    ///
    /// Store the id there if the program may stop before the job ends. The callback runs on the task that submits.
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
    /// # Errors
    ///
    /// [`ErrorKind::Validation`](crate::ErrorKind::Validation) before anything is sent, and any error of a request.
    pub async fn submit(self) -> Result<Job<T>, Error> {
        let body = self.body()?;
        let headers: HeaderMap = self
            .headers
            .iter()
            .filter_map(|(name, value)| header::parse(name, value).ok())
            .collect();
        let endpoint = match T::KIND {
            Kind::Diarization => Endpoint::Diarize,
            Kind::Identification => Endpoint::Identify,
            Kind::Voiceprint => Endpoint::Voiceprint,
        };
        let response = self.executor.submit(endpoint, headers, body).await?;
        let job = Job::accepted(self.executor, &response)?;
        if let Some(on_accepted) = &self.on_accepted {
            on_accepted(job.id());
        }
        Ok(job)
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
