//! The error type of the SDK.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::StatusCode;

use crate::job::id::JobId;
use crate::job::status::JobStatus;
use crate::redact::{Excerpt, remove_secrets};

/// The error of every operation of the SDK.
///
/// The message says what is wrong and how to fix it; [`kind`](Self::kind) is for programs. Causes, such as an error of
/// the HTTP client, are available through [`source`](std::error::Error::source) and are not part of the message:
/// `{error}` prints the message alone, and `{error:#}` the message and all causes on one line.
///
/// Errors never contain the API key, the query of a pre-signed URL or a voiceprint. The [crate](crate#privacy) says in
/// which forms they are recognized if the service or a gateway repeats them in its response. Causes are kept as text
/// for the same reason, except for those of local files, which are of type [`std::io::Error`].
///
/// ```
/// use pyannote::{Client, ErrorKind};
///
/// # fn main() -> Result<(), pyannote::Error> {
/// let client = Client::builder().api_key("key").build()?;
/// let error = client
///     .diarize("https://example.com/meeting.wav")
///     .num_speakers(2)
///     .min_speakers(3)
///     .validate()
///     .unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Validation);
/// assert_eq!(error.field_errors()[0].field, "numSpeakers");
/// # Ok(())
/// # }
/// ```
pub struct Error(Box<Inner>);

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client's configuration is invalid: for example a missing API key, an invalid base URL, or no credentials for
    /// a proxy that requires them (407).
    Config,
    /// The request is invalid. [`Error::field_errors`] lists every violation, whether found by the SDK before anything
    /// was sent or by the service (400).
    Validation,
    /// The service does not accept the API key (401).
    Unauthorized,
    /// The team has no credit or subscription (402).
    PaymentRequired,
    /// The API key lacks a permission, or the team has no access to the feature (403).
    Forbidden,
    /// The job or the media does not exist (404).
    NotFound,
    /// The request body (413), a local file or a response is too large.
    TooLarge,
    /// Too many requests (429), even after the client's own retries, or with a delay that is longer than it waits by
    /// itself; see [`Error::retry_after`].
    RateLimited,
    /// The service failed (5xx).
    Server,
    /// The service returned a status that matches no other kind.
    UnexpectedStatus,
    /// The connection could not be established. Nothing was sent.
    Connect,
    /// The request timed out.
    Timeout,
    /// The connection was lost, or the response was truncated.
    Network,
    /// A submission may have been accepted, and billed, but its response never arrived, or has no job id, so it was not
    /// retried. Look for the job before submitting again: see [`Error::submission_window`].
    OutcomeUnknown,
    /// The response could not be decoded. The message says where decoding failed and quotes the start of the body.
    /// [`Error::job_json`] is all of it, if it is that of a job.
    Decode,
    /// The job failed. The message quotes the reason that the service gives.
    JobFailed,
    /// The job was canceled.
    JobCanceled,
    /// The job succeeded, but its output no longer exists: outputs are deleted 24 h after the end of a job.
    OutputGone,
    /// The job was not seen to end before the timeout of the wait. It may still be running: wait again with
    /// [`Error::job_id`].
    WaitTimeout,
    /// The service closed a live stream because of what it was sent (close code 1008): audio too far ahead of real time,
    /// no audio for 5 s, or an invalid token.
    StreamRejected,
    /// The service closed a live stream before its end for any other reason, such as an internal error (close code 1011).
    /// [`Error::close_code`] is the code.
    StreamFailed,
    /// A local file could not be read or written.
    Io,
}

/// A violation of a rule by one field of a request, in the format of the API's own 400 response.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct FieldError {
    /// Path of the field, such as `numSpeakers` or `voiceprints[1].label`.
    pub field: String,
    /// What is wrong with the field, and what is valid.
    pub message: String,
}

impl FieldError {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: Text::new(field.into()).0,
            message: Text::new(message.into()).0,
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.message),
            field => write!(f, "{field}: {}", self.message),
        }
    }
}

/// Text of an error, from which the secrets of the clients were removed.
struct Text(String);

impl Text {
    fn new(text: String) -> Self {
        match remove_secrets(&text) {
            Cow::Borrowed(_) => Self(text),
            Cow::Owned(text) => Self(text),
        }
    }
}

/// An error of another library, and its causes, as text without secrets: such an error may quote what a server sent.
struct Cause {
    message: Text,
    source: Option<Box<Self>>,
}

impl Cause {
    fn new(error: &(dyn std::error::Error + 'static)) -> Self {
        Self {
            message: Text::new(error.to_string()),
            source: error.source().map(|source| Box::new(Self::new(source))),
        }
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_chain(f, self)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message.0)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

type Source = Box<dyn std::error::Error + Send + Sync>;

struct Inner {
    kind: ErrorKind,
    message: Text,
    status: Option<StatusCode>,
    request_id: Option<Excerpt>,
    retry_after: Option<Duration>,
    field_errors: Vec<FieldError>,
    body: Option<Excerpt>,
    job_id: Option<(JobId, Excerpt)>,
    job_status: Option<(JobStatus, Excerpt)>,
    /// Never printed: it may contain a voiceprint.
    job_json: Option<Bytes>,
    submission_window: Option<Range<DateTime<Utc>>>,
    close_code: Option<u16>,
    source: Option<Source>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: Text::new(message.into()),
            status: None,
            request_id: None,
            retry_after: None,
            field_errors: Vec::new(),
            body: None,
            job_id: None,
            job_status: None,
            job_json: None,
            submission_window: None,
            close_code: None,
            source: None,
        }))
    }

    /// Creates an error of kind [`ErrorKind::Validation`].
    pub(crate) fn validation(message: impl Into<String>, field_errors: Vec<FieldError>) -> Self {
        let mut error = Self::new(ErrorKind::Validation, message);
        error.0.field_errors = field_errors;
        error
    }

    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, what).with_source(source)
    }

    /// Sets the cause: an error of the SDK or of the file system as it is, and any other as text.
    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        let source = source.into();
        self.0.source = Some(match source.is::<Self>() || source.is::<std::io::Error>() {
            true => source,
            false => Box::new(Cause::new(source.as_ref())),
        });
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn with_request_id(mut self, request_id: Option<Excerpt>) -> Self {
        self.0.request_id = request_id;
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.0.retry_after = retry_after;
        self
    }

    /// Keeps a redacted excerpt of the body.
    pub(crate) fn with_body(mut self, body: &[u8]) -> Self {
        self.0.body = Some(Excerpt::new(body));
        self
    }

    pub(crate) fn with_job(mut self, id: &JobId, status: Option<JobStatus>) -> Self {
        self.0.job_id = Some((id.clone(), Excerpt::new(id.as_str())));
        if let Some(status) = status {
            let text = Excerpt::new(status.as_str());
            self.0.job_status = Some((status, text));
        }
        self
    }

    pub(crate) fn with_job_json(mut self, json: &Bytes) -> Self {
        self.0.job_json = Some(json.clone());
        self
    }

    pub(crate) fn with_submission_window(mut self, window: Option<Range<DateTime<Utc>>>) -> Self {
        self.0.submission_window = window;
        self
    }

    #[cfg(feature = "live")]
    pub(crate) fn with_close_code(mut self, code: Option<u16>) -> Self {
        self.0.close_code = code;
        self
    }

    /// Wraps the error in one of another kind, which has it as its source and shares its details.
    pub(crate) fn into_kind(self, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::new(kind, message).with_source(self)
    }

    /// Returns the error that this one wraps.
    fn wrapped(&self) -> Option<&Self> {
        self.0.source.as_deref()?.downcast_ref()
    }

    /// Returns a detail of this error, or of the error that it wraps.
    fn detail<'a, T>(&'a self, get: fn(&'a Inner) -> Option<T>) -> Option<T> {
        get(&self.0).or_else(|| self.wrapped()?.detail(get))
    }

    /// Appends to the message why the request was not retried.
    pub(crate) fn with_note(mut self, note: &str) -> Self {
        self.0.message = Text::new(format!("{}; {note}", self.0.message.0));
        self
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns whether the same call may succeed if it is made again later: the connection failed or was lost, the
    /// request timed out, the service failed (5xx), closed a live stream, or is rate limiting (429).
    ///
    /// The client has made its own retries by then, so wait a while, or as long as [`retry_after`](Self::retry_after)
    /// says. Trying again is always safe: [`ErrorKind::OutcomeUnknown`] is *not* transient, because a second submission
    /// could be billed twice. Neither is [`ErrorKind::WaitTimeout`], after which the job may still be running.
    ///
    /// ```no_run
    /// # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
    /// let job = loop {
    ///     match client.diarize("https://example.com/meeting.wav").submit().await {
    ///         Ok(job) => break job,
    ///         Err(error) if error.is_transient() => {
    ///             let delay = error.retry_after().unwrap_or(std::time::Duration::from_secs(60));
    ///             tokio::time::sleep(delay).await;
    ///         }
    ///         Err(error) => return Err(error),
    ///     }
    /// };
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Connect
                | ErrorKind::Network
                | ErrorKind::RateLimited
                | ErrorKind::Server
                | ErrorKind::StreamFailed
                | ErrorKind::Timeout
        )
    }

    /// Returns the HTTP status of the response, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.detail(|inner| inner.status)
    }

    /// Returns the service's id of the request, to be quoted to its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.detail(|inner| inner.request_id.as_ref().map(Excerpt::as_str))
    }

    /// Returns how long the service asks to wait before the next request.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.detail(|inner| inner.retry_after)
    }

    /// Returns every violation of an [`ErrorKind::Validation`] error; empty for other kinds.
    #[must_use]
    pub fn field_errors(&self) -> &[FieldError] {
        &self.0.field_errors
    }

    /// Returns the start of the response body, if there was one, without pre-signed URLs, tokens and voiceprints.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        self.detail(|inner| inner.body.as_ref().map(Excerpt::as_str))
    }

    /// Returns the id of the job that the error is about.
    ///
    /// Unless the kind says how the job ended, it may still be running: wait for it again with
    /// [`Client::job`](crate::Client::job).
    #[must_use]
    pub fn job_id(&self) -> Option<&JobId> {
        self.0.job_id.as_ref().map(|(id, _)| id)
    }

    /// Returns the time in which the service created the job, if it accepted the submission of an
    /// [`ErrorKind::OutcomeUnknown`] error; `None` for other kinds.
    ///
    /// It is the time of the request, and 5 min before and after, in case that the clock of this machine is wrong. A job
    /// in the listing that was created in this time, and whose id the program does not know, may be the one. The example
    /// `find_lost_job` is a complete program.
    ///
    /// ```no_run
    /// # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
    /// use std::collections::HashSet;
    /// use futures_util::TryStreamExt;
    /// use pyannote::{JobId, JobSummary};
    ///
    /// let known: HashSet<JobId> = HashSet::new(); // the ids that the program has stored
    /// let error = match client.diarize("https://example.com/meeting.wav").submit().await {
    ///     Ok(job) => return Ok(println!("job {}", job.id())),
    ///     Err(error) => error,
    /// };
    /// let Some(window) = error.submission_window() else {
    ///     return Err(error);
    /// };
    /// let jobs = client.jobs().created_after(window.start).created_before(window.end);
    /// let mut candidates: Vec<JobSummary> = jobs.stream().try_collect().await?;
    /// candidates.retain(|job| !known.contains(&job.id));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn submission_window(&self) -> Option<Range<DateTime<Utc>>> {
        self.detail(|inner| inner.submission_window.clone())
    }

    /// Returns the code with which the service closed the WebSocket of a live stream, such as 1008 or 1011.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        self.detail(|inner| inner.close_code)
    }

    /// Returns the last known status of the job.
    #[must_use]
    pub fn last_status(&self) -> Option<&JobStatus> {
        self.0.job_status.as_ref().map(|(status, _)| status)
    }

    /// Returns the complete JSON of the job, as the service sent it, if the error is about its content: the job failed,
    /// or its output could not be decoded. It need not be fetched again with
    /// [`Client::job_json`](crate::Client::job_json).
    ///
    /// It is not part of the message or of `Debug`. It may contain a voiceprint; keep it out of logs.
    ///
    /// ```no_run
    /// # async fn run(job: pyannote::Job<pyannote::Diarization>) -> Result<(), Box<dyn std::error::Error>> {
    /// use pyannote::ErrorKind;
    ///
    /// match job.wait().await {
    ///     Ok(diarization) => println!("{} turns", diarization.turns().len()),
    ///     Err(error) if error.kind() == ErrorKind::Decode => {
    ///         // The job was billed: keep what the service deletes after 24 h.
    ///         if let Some(json) = error.job_json() {
    ///             std::fs::write(format!("{}.json", job.id()), json)?;
    ///         }
    ///     }
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn job_json(&self) -> Option<&[u8]> {
        self.detail(|inner| inner.job_json.as_deref())
    }
}

/// Writes an error and its causes, separated by `: `.
fn write_chain(f: &mut impl fmt::Write, error: &(dyn std::error::Error + 'static)) -> fmt::Result {
    write!(f, "{error}")?;
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(f, ": {error}")?;
        cause = error.source();
    }
    Ok(())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message.0)?;
        for (index, error) in self.0.field_errors.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            write!(f, "{error}")?;
        }
        if let Some((_, id)) = &self.0.job_id {
            write!(f, " (job {id}")?;
            if let Some((_, status)) = &self.0.job_status {
                write!(f, ", last status {status}")?;
            }
            f.write_str(")")?;
        }
        // The alternate form prints the error that this one wraps, and with it the id.
        let request_id = match f.alternate() {
            true => self.0.request_id.as_ref().map(Excerpt::as_str),
            false => self.request_id(),
        };
        if let Some(id) = request_id {
            write!(f, " (request {id})")?;
        }
        if f.alternate()
            && let Some(source) = &self.0.source
        {
            f.write_str(": ")?;
            write_chain(f, source.as_ref())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        let mut debug = f.debug_struct("Error");
        debug
            .field("kind", &inner.kind)
            .field("message", &inner.message.0);
        if let Some(status) = self.status() {
            debug.field("status", &status.as_u16());
        }
        if let Some(id) = self.request_id() {
            debug.field("request_id", &id);
        }
        if let Some(after) = self.retry_after() {
            debug.field("retry_after", &after);
        }
        if !inner.field_errors.is_empty() {
            debug.field("field_errors", &inner.field_errors);
        }
        if let Some(body) = self.body() {
            debug.field("body", &body);
        }
        if let Some((_, id)) = &inner.job_id {
            debug.field("job_id", &id.as_str());
        }
        if let Some((_, status)) = &inner.job_status {
            debug.field("last_status", &status.as_str());
        }
        if let Some(code) = inner.close_code {
            debug.field("close_code", &code);
        }
        if let Some(window) = &inner.submission_window {
            debug.field("submission_window", window);
        }
        if let Some(source) = &inner.source {
            let mut causes = String::new();
            write_chain(&mut causes, source.as_ref())?;
            debug.field("source", &causes);
        }
        debug.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn transient_errors() {
        for (kind, is_transient) in [
            (ErrorKind::Config, false),
            (ErrorKind::Validation, false),
            (ErrorKind::Unauthorized, false),
            (ErrorKind::PaymentRequired, false),
            (ErrorKind::Forbidden, false),
            (ErrorKind::NotFound, false),
            (ErrorKind::TooLarge, false),
            (ErrorKind::RateLimited, true),
            (ErrorKind::Server, true),
            (ErrorKind::UnexpectedStatus, false),
            (ErrorKind::Connect, true),
            (ErrorKind::Timeout, true),
            (ErrorKind::Network, true),
            (ErrorKind::OutcomeUnknown, false),
            (ErrorKind::Decode, false),
            (ErrorKind::JobFailed, false),
            (ErrorKind::JobCanceled, false),
            (ErrorKind::OutputGone, false),
            (ErrorKind::WaitTimeout, false),
            (ErrorKind::StreamRejected, false),
            (ErrorKind::StreamFailed, true),
            (ErrorKind::Io, false),
        ] {
            assert_eq!(
                Error::new(kind, "").is_transient(),
                is_transient,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn causes_are_in_the_alternate_form_and_in_source_only() {
        let io = std::io::Error::other("disk on fire");
        let error = Error::io("cannot write a.wav", io)
            .with_status(StatusCode::BAD_GATEWAY)
            .with_request_id(Some(Excerpt::new("r-1")))
            .into_kind(ErrorKind::OutcomeUnknown, "a job may exist")
            .with_job(&JobId::from("1"), None);
        assert_eq!(error.to_string(), "a job may exist (job 1) (request r-1)");
        assert_eq!(
            format!("{error:#}"),
            "a job may exist (job 1): cannot write a.wav (request r-1): disk on fire"
        );
        assert_eq!(error.request_id(), Some("r-1"));
        assert_eq!(error.status(), Some(StatusCode::BAD_GATEWAY));
        let source = error.source().unwrap().downcast_ref::<Error>().unwrap();
        assert_eq!(source.kind(), ErrorKind::Io);
        assert_eq!(source.source().unwrap().to_string(), "disk on fire");
    }

    #[test]
    fn job_ids_are_excerpted() {
        let error = |id: &str| Error::new(ErrorKind::NotFound, "no job").with_job(&id.into(), None);
        assert_eq!(error("a\0\nb").to_string(), "no job (job a b)");
        let long = error(&"a ".repeat(10_000));
        assert_eq!(
            long.to_string(),
            format!("no job (job {}…)", "a ".repeat(150))
        );
        assert!(format!("{long:?}").len() < 500, "{long:?}");
        assert_eq!(long.job_id().unwrap().as_str().len(), 19_999);
    }
}
