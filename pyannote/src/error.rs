//! The one error type.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::excerpt::excerpt;
use crate::job::{JobId, JobStatus};

/// What went wrong, and what to do about it.
///
/// Its text says the mend; its [`kind`](Self::kind) is for programs. It never holds the API key, a pre-signed URL or a
/// voiceprint.
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

/// What kind of error it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client cannot be set up as asked: no API key, a base URL that is none.
    Config,
    /// The request breaks rules of the API, all listed in [`Error::field_errors`]. Found here, before anything was
    /// sent, or by the service (400).
    Validation,
    /// The service does not accept the API key (401).
    Unauthorized,
    /// The team has no credit or subscription (402).
    PaymentRequired,
    /// The API key may not do this, or the team has no access (403).
    Forbidden,
    /// There is no such job or medium (404).
    NotFound,
    /// What was sent is too large (413), or a file is, before it was sent.
    TooLarge,
    /// Too many requests (429), beyond what the client waits out. [`Error::retry_after`] says until when.
    RateLimited,
    /// The service failed (5xx).
    Server,
    /// The service answered with a status that fits no other kind.
    UnexpectedStatus,
    /// No connection could be made. Nothing was sent.
    Connect,
    /// No answer in time.
    Timeout,
    /// The connection was lost, or the answer was cut.
    Network,
    /// A submission may have been accepted, and be billed, but its answer never came. It was not sent again. Look for
    /// the job in [`Client::jobs`](crate::Client::jobs) before submitting again.
    OutcomeUnknown,
    /// The answer could not be read. The text says where in it, and shows its start.
    Decode,
    /// The job failed. The text is the service's.
    JobFailed,
    /// The job was canceled.
    JobCanceled,
    /// The job succeeded, but its output is gone: outputs are deleted 24 h after the end of a job.
    OutputGone,
    /// The job did not end in time. It goes on: [`Error::job_id`] says which, to wait further.
    WaitTimeout,
    /// A local file could not be read or written.
    Io,
}

/// A rule that a field of a request breaks, in the form of the API's own 400.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct FieldError {
    /// The field, such as `numSpeakers` or `voiceprints[1].label`.
    pub field: String,
    /// What is wrong with it, and what would be right.
    pub message: String,
}

impl FieldError {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

type Source = Box<dyn std::error::Error + Send + Sync>;

struct Inner {
    kind: ErrorKind,
    message: String,
    status: Option<StatusCode>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    field_errors: Vec<FieldError>,
    body: Option<String>,
    job_id: Option<JobId>,
    job_status: Option<JobStatus>,
    source: Option<Source>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            status: None,
            request_id: None,
            retry_after: None,
            field_errors: Vec::new(),
            body: None,
            job_id: None,
            job_status: None,
            source: None,
        }))
    }

    /// The error of a request that breaks rules.
    pub(crate) fn validation(message: impl Into<String>, field_errors: Vec<FieldError>) -> Self {
        let mut error = Self::new(ErrorKind::Validation, message);
        error.0.field_errors = field_errors;
        error
    }

    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, what).with_source(source)
    }

    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn with_request_id(mut self, request_id: Option<String>) -> Self {
        self.0.request_id = request_id;
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.0.retry_after = retry_after;
        self
    }

    /// Keeps the start of a body, without what might be secret in it.
    pub(crate) fn with_body(mut self, body: &[u8]) -> Self {
        self.0.body = Some(excerpt(body));
        self
    }

    pub(crate) fn with_job(mut self, id: &JobId, status: Option<JobStatus>) -> Self {
        self.0.job_id = Some(id.clone());
        if status.is_some() {
            self.0.job_status = status;
        }
        self
    }

    /// The same error as another kind, for what the caller makes of it.
    pub(crate) fn into_kind(mut self, kind: ErrorKind, message: impl Into<String>) -> Self {
        self.0.kind = kind;
        self.0.message = message.into();
        self
    }

    /// Whether what it tells of may be over by the next look at a job.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Connect
                | ErrorKind::Network
                | ErrorKind::RateLimited
                | ErrorKind::Server
                | ErrorKind::Timeout
        )
    }

    /// The same error once more, without its source: for each of the jobs that it ends the wait for.
    pub(crate) fn again(&self, what: &str) -> Self {
        let inner = &self.0;
        Self(Box::new(Inner {
            kind: inner.kind,
            message: format!("{what}: {}", inner.message),
            status: inner.status,
            request_id: inner.request_id.clone(),
            retry_after: inner.retry_after,
            field_errors: inner.field_errors.clone(),
            body: inner.body.clone(),
            job_id: None,
            job_status: None,
            source: None,
        }))
    }

    /// The text without what [`Display`](fmt::Display) adds.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// Adds to the text why it was not tried further.
    pub(crate) fn noted(mut self, note: &str) -> Self {
        self.0.message = format!("{}; {note}", self.0.message);
        self
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status of the answer, where there was one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The id that the service gave the request, for its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long the service asks to wait before the next try.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The rules that the request breaks, all of them; empty for other kinds.
    #[must_use]
    pub fn field_errors(&self) -> &[FieldError] {
        &self.0.field_errors
    }

    /// The start of the body of the answer, where there was one. Pre-signed URLs, tokens and voiceprints are left out.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        self.0.body.as_deref()
    }

    /// The job that the error is about. Unless the error says how it ended, it goes on: wait for it again by
    /// [`Client::job`](crate::Client::job).
    #[must_use]
    pub fn job_id(&self) -> Option<&JobId> {
        self.0.job_id.as_ref()
    }

    /// The last status that was seen of the job.
    #[must_use]
    pub fn last_status(&self) -> Option<&JobStatus> {
        self.0.job_status.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for (index, error) in self.0.field_errors.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            error.fmt(f)?;
        }
        if let Some(id) = &self.0.job_id {
            write!(f, " (job {id}")?;
            if let Some(status) = &self.0.job_status {
                write!(f, ", last seen {status}")?;
            }
            f.write_str(")")?;
        }
        if let Some(id) = &self.0.request_id {
            write!(f, " (request {id})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        let mut shown = f.debug_struct("Error");
        shown
            .field("kind", &inner.kind)
            .field("message", &inner.message);
        if let Some(status) = &inner.status {
            shown.field("status", &status.as_u16());
        }
        if let Some(id) = &inner.request_id {
            shown.field("request_id", id);
        }
        if let Some(after) = &inner.retry_after {
            shown.field("retry_after", after);
        }
        if !inner.field_errors.is_empty() {
            shown.field("field_errors", &inner.field_errors);
        }
        if let Some(body) = &inner.body {
            shown.field("body", body);
        }
        if let Some(id) = &inner.job_id {
            shown.field("job_id", id);
        }
        if let Some(status) = &inner.job_status {
            shown.field("last_status", status);
        }
        if let Some(source) = &inner.source {
            shown.field("source", &source.to_string());
        }
        shown.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
