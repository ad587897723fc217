//! A job's handle: its id, its status, and what it yields.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::client::Client;
use crate::error::{Error, ErrorKind, FieldError};
use crate::excerpt::excerpt;
use crate::transport::{ApiResponse, Endpoint, decode};
use crate::wait::{self, Wait};
use crate::webhook::Event;

/// The id of a job. Keep it: with it, any process can wait for the job, for 24 h after its end.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct JobId(String);

impl JobId {
    /// The id as the service writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a segment of a path, which it can never leave.
    fn segment(&self) -> Result<String, Error> {
        if self.0.is_empty() || self.0.chars().all(|c| c == '.') {
            let violation = FieldError::new("jobId", format!("{:?} is no id of a job", self.0));
            return Err(Error::validation(
                "the job cannot be looked up",
                vec![violation],
            ));
        }
        let mut segment = String::with_capacity(self.0.len());
        for byte in self.0.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                    segment.push(byte.into())
                }
                other => segment.push_str(&format!("%{other:02X}")),
            }
        }
        Ok(segment)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for JobId {
    fn from(id: &str) -> Self {
        // An id that was read from a file often ends in a line break.
        Self(id.trim().to_owned())
    }
}

impl From<String> for JobId {
    fn from(id: String) -> Self {
        Self::from(id.as_str())
    }
}

impl From<&Self> for JobId {
    fn from(id: &Self) -> Self {
        id.clone()
    }
}

/// Where a job stands.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum JobStatus {
    /// Waits for a machine.
    Pending,
    /// Accepted.
    Created,
    /// Under way.
    Running,
    /// Ended, with an output.
    Succeeded,
    /// Ended, without.
    Failed,
    /// Ended before its time.
    Canceled,
    /// A status that this version does not know, and takes for one that is not the last.
    Other(String),
}

impl JobStatus {
    /// The status as the service writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "pending",
            Self::Created => "created",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Other(status) => status,
        }
    }

    /// Whether the job has ended: its status will not change any more.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }
}

impl From<&str> for JobStatus {
    fn from(status: &str) -> Self {
        match status {
            "pending" => Self::Pending,
            "created" => Self::Created,
            "running" => Self::Running,
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            "canceled" => Self::Canceled,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for JobStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for JobStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Ok(Self::from(text.as_ref()))
    }
}

/// What a job can yield: [`Diarization`](crate::Diarization), [`Identification`](crate::Identification) or
/// [`Voiceprint`](crate::Voiceprint).
pub trait JobKind: Sized + Send + 'static + sealed::Kind {}

impl<T: Sized + Send + 'static + sealed::Kind> JobKind for T {}

pub(crate) mod sealed {
    use super::{Bytes, DeserializeOwned, Error, JobId};

    /// How an output is read.
    pub trait Kind: Sized {
        /// The form that the output has in the answer.
        type Output: DeserializeOwned + Send;

        /// Why the job failed, if it did.
        fn error(output: &Self::Output) -> Option<&str>;

        /// The result, or the name of the part of the output that is not there.
        fn from_output(
            output: Self::Output,
            id: JobId,
            raw: Option<Bytes>,
        ) -> Result<Self, &'static str>;
    }

    /// Why an output cannot be made into a result.
    pub(crate) fn missing(part: &str) -> Error {
        Error::new(
            super::ErrorKind::Decode,
            format!(
                "the output has no `{part}`: the job is of another kind than was asked for, or its output is of a form \
                 that this version does not know"
            ),
        )
    }
}

/// A job: accepted, under way or ended. It is a handle only: dropping it cancels nothing.
pub struct Job<T> {
    pub(crate) client: Client,
    id: JobId,
    warning: Option<String>,
    /// When this client submitted it, by the client's clock.
    pub(crate) submitted: Option<Duration>,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Job<T> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            id: self.id.clone(),
            warning: self.warning.clone(),
            submitted: self.submitted,
            kind: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id)
            .field("warning", &self.warning)
            .finish_non_exhaustive()
    }
}

/// The answer to a submission. Only the id is needed, so nothing else may keep it from being read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    job_id: String,
    #[serde(default)]
    warning: serde_json::Value,
}

impl<T: JobKind> Job<T> {
    pub(crate) fn attached(client: Client, id: JobId) -> Self {
        Self {
            client,
            id,
            warning: None,
            submitted: None,
            kind: PhantomData,
        }
    }

    /// The job of an accepted submission.
    pub(crate) fn accepted(client: Client, answer: &ApiResponse) -> Result<Self, Error> {
        let created: Result<Created, Error> = answer.decode();
        let created = created.and_then(|created| match created.job_id.trim().is_empty() {
            false => Ok(created),
            true => Err(Error::new(ErrorKind::Decode, "the id is empty").with_body(&answer.body)),
        });
        let created = created.map_err(|error| {
            let message = format!(
                "the service accepted a job, which is billed, but its id cannot be read: look for it with \
                 client.jobs() ({error})"
            );
            error.into_kind(ErrorKind::OutcomeUnknown, message)
        })?;
        let submitted = Some(client.executor().clock().now());
        let id = JobId::from(created.job_id);
        tracing::info!(job = excerpt(id.as_str().as_bytes()), "job accepted");
        Ok(Self {
            client,
            id,
            warning: created.warning.as_str().map(str::to_owned),
            submitted,
            kind: PhantomData,
        })
    }

    /// The id of the job.
    #[must_use]
    pub fn id(&self) -> &JobId {
        &self.id
    }

    /// What the service warned of when it accepted the job.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Where the job stands now.
    ///
    /// # Errors
    ///
    /// Any error of a request; [`ErrorKind::NotFound`] where there is no such job, or none yet.
    pub async fn status(&self) -> Result<JobStatus, Error> {
        #[derive(Deserialize)]
        struct Body {
            status: JobStatus,
        }
        let body: Body = self
            .fetch(None)
            .await?
            .decode()
            .map_err(|error| error.with_job(&self.id, None))?;
        Ok(body.status)
    }

    /// Waits for the end of the job. Await it, or set [`Wait::timeout`] first.
    ///
    /// ```no_run
    /// # async fn run(job: pyannote::Job<pyannote::Diarization>) -> Result<(), pyannote::Error> {
    /// use std::time::Duration;
    /// use pyannote::ErrorKind;
    ///
    /// match job.wait().timeout(Duration::from_secs(600)).await {
    ///     Ok(diarization) => println!("{} turns", diarization.turns().len()),
    ///     Err(error) if error.kind() == ErrorKind::WaitTimeout => println!("later: {}", job.id()),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait(&self) -> Wait<T> {
        Wait::new(self.clone())
    }

    /// Waits for the end of the job by polling and by webhook, whichever is first. `event` is the future of an event
    /// that the program's own receiver hands over; one of another job is ignored.
    ///
    /// It has no end of its own: put a timeout of your runtime around it. Dropping it cancels nothing.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub async fn wait_or_event(&self, event: impl Future<Output = Event>) -> Result<T, Error> {
        wait::poll_or_event(self, event).await
    }

    /// The statuses of the job as they change, ending with its last one.
    ///
    /// # Errors
    ///
    /// The stream ends after an error: call it again to go on.
    pub fn statuses(&self) -> impl Stream<Item = Result<JobStatus, Error>> + Send + use<T> {
        wait::statuses(self.clone())
    }

    /// The job's body, as it is now.
    pub(crate) async fn fetch(&self, within: Option<Duration>) -> Result<ApiResponse, Error> {
        let segment = self.id.segment()?;
        let executor = self.client.executor();
        let answer = executor
            .call_with_timeout(within, Endpoint::GetJob, &segment, &[], None)
            .await;
        answer.map_err(|error| error.with_job(&self.id, None))
    }

    /// The result, if the job has succeeded; its status, if it has not ended.
    pub(crate) async fn read(&self) -> Result<State<T>, Error> {
        self.read_within(None).await
    }

    /// [`read`](Self::read), within this time.
    pub(crate) async fn read_within(&self, within: Option<Duration>) -> Result<State<T>, Error> {
        let answer = self.fetch(within).await?;
        read(&answer.body, &self.id, self.client.keeps_raw())
    }
}

/// What the body of a job says.
#[derive(Debug)]
pub(crate) enum State<T> {
    /// It has not ended, or says nothing about it.
    Unfinished(Option<JobStatus>),
    /// It has succeeded.
    Done(T),
}

/// The body of a job, and of the event about its end.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(bound = "O: Deserialize<'de>")]
struct Body<O> {
    status: Option<JobStatus>,
    output: Option<O>,
}

/// Reads the body of a job, in one pass, as the kind that the caller asked for.
pub(crate) fn read<T: JobKind>(
    body: &Bytes,
    id: &JobId,
    keep_raw: bool,
) -> Result<State<T>, Error> {
    let with_job = |error: Error, status: &Option<JobStatus>| error.with_job(id, status.clone());
    let Body { status, output } =
        decode::<Body<T::Output>>(body).map_err(|error| unread(error, body, id))?;
    let said = |what: &str| match output.as_ref().and_then(T::error) {
        Some(error) => format!("{what}: {}", excerpt(error.as_bytes())),
        None => format!("{what}; the service gives no reason"),
    };
    match &status {
        Some(JobStatus::Failed) => {
            let error = Error::new(ErrorKind::JobFailed, said("the job failed"));
            Err(with_job(error, &status))
        }
        Some(JobStatus::Canceled) => {
            let error = Error::new(ErrorKind::JobCanceled, said("the job was canceled"));
            Err(with_job(error, &status))
        }
        Some(JobStatus::Succeeded) => {
            let Some(output) = output else {
                let message = "the job succeeded, but its output is gone: outputs are deleted 24 h after the end of a job";
                return Err(with_job(
                    Error::new(ErrorKind::OutputGone, message),
                    &status,
                ));
            };
            let raw = keep_raw.then(|| body.clone());
            T::from_output(output, id.clone(), raw)
                .map(State::Done)
                .map_err(|part| with_job(sealed::missing(part).with_body(body), &status))
        }
        // Nothing is required by the specification, not even the status: an output speaks for itself.
        None => match output
            .map(|output| T::from_output(output, id.clone(), keep_raw.then(|| body.clone())))
        {
            Some(Ok(result)) => Ok(State::Done(result)),
            _ => Ok(State::Unfinished(None)),
        },
        Some(_) => Ok(State::Unfinished(status)),
    }
}

/// The error for a body whose output cannot be read. That the job failed is told nevertheless: the form of the reason is
/// nowhere fixed, and whoever asks must not take a failed job for one whose result is lost.
fn unread(error: Error, body: &[u8], id: &JobId) -> Error {
    let status = serde_json::from_slice::<Body<IgnoredAny>>(body)
        .ok()
        .and_then(|body| body.status);
    let ended = match &status {
        Some(JobStatus::Failed) => Some((ErrorKind::JobFailed, "the job failed")),
        Some(JobStatus::Canceled) => Some((ErrorKind::JobCanceled, "the job was canceled")),
        _ => None,
    };
    let error = match ended {
        Some((kind, what)) => {
            let message = format!("{what}; its reason cannot be read: {error}");
            error.into_kind(kind, message)
        }
        None => error,
    };
    error.with_job(id, status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_never_leaves_its_segment() {
        for (id, segment) in [
            (
                "3c8a89a5-dcc6-4edb-a75d-ffd64739674d",
                "3c8a89a5-dcc6-4edb-a75d-ffd64739674d",
            ),
            ("a/../b?c#d", "a%2F..%2Fb%3Fc%23d"),
            ("ä b", "%C3%A4%20b"),
        ] {
            assert_eq!(JobId::from(id).segment().unwrap(), segment);
        }
        for id in ["", ".", ".."] {
            let error = JobId::from(id).segment().unwrap_err();
            assert_eq!(error.field_errors()[0].field, "jobId");
        }
    }

    #[test]
    fn statuses_survive() {
        for status in [
            "pending",
            "created",
            "running",
            "succeeded",
            "failed",
            "canceled",
            "queued",
        ] {
            let parsed: JobStatus = serde_json::from_str(&format!("{status:?}")).unwrap();
            assert_eq!(
                serde_json::to_string(&parsed).unwrap(),
                format!("{status:?}")
            );
            assert_eq!(matches!(parsed, JobStatus::Other(_)), status == "queued");
        }
    }
}
