//! What a delivery says: a job has ended, and how.

use std::fmt;

use bytes::Bytes;

use super::body::{self, Head, OutputKind};
use super::{Delivery, Outcome, VerifyError};
use crate::error::{Error, ErrorKind};
use crate::job::{self, JobId, JobKind, JobStatus, State};

/// The end of a job, as a webhook tells it.
///
/// Cheap to clone: clones share the body. Debug output does not show the body, since there are voiceprints in bodies.
///
/// ```
/// use pyannote::Diarization;
/// use pyannote::webhook::{Outcome, Signer, Verifier};
///
/// let body = br#"{"jobId":"1","status":"succeeded","output":{"diarization":[
///     {"start":0.5,"end":2.0,"speaker":"SPEAKER_00"}]}}"#;
/// let now = std::time::UNIX_EPOCH.elapsed()?.as_secs();
/// let headers = Signer::new("whs_test").sign(now, body);
/// let event = Verifier::new("whs_test").verify(&headers, body)?;
///
/// // As what the receiver knows that it asked for.
/// if let Some(diarization) = event.output::<Diarization>()? {
///     assert_eq!(diarization.turns().len(), 1);
/// }
/// // Or as whatever it is.
/// match event.outcome()? {
///     Outcome::Diarization(diarization) => println!("{} turns", diarization.turns().len()),
///     Outcome::StatusOnly => println!("fetch {}", event.job_id()),
///     Outcome::Failed { error } => println!("failed: {}", error.unwrap_or_default()),
///     other => println!("{other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Event {
    job: JobId,
    status: JobStatus,
    has_output: bool,
    delivery: Delivery,
    body: Bytes,
}

impl Event {
    /// What a genuine delivery says.
    pub(super) fn read(delivery: Delivery, body: Bytes) -> Result<Self, VerifyError> {
        let Head {
            job,
            status,
            output,
        } = Head::read(&body)?;
        let has_output = output.is_some();
        Ok(Self {
            job,
            status,
            has_output,
            delivery,
            body,
        })
    }

    /// The job that ended.
    #[must_use]
    pub fn job_id(&self) -> &JobId {
        &self.job
    }

    /// How it ended.
    #[must_use]
    pub fn status(&self) -> &JobStatus {
        &self.status
    }

    /// When the delivery was signed, and whether it is a retry.
    #[must_use]
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// Whether the delivery brings an output. That of a failed job holds no more than the reason.
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.has_output
    }

    /// The body as it came, as JSON: with what this version does not know. There may be a voiceprint in it; keep it out
    /// of logs.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.body
    }

    /// The result, read as the kind that the caller asked for. `None` where the delivery brings the status only, or the
    /// job has not ended: the result is then to be fetched, with [`Client::job`](crate::Client::job).
    ///
    /// The body is read anew at each call; one with the scores of a day takes a good part of a second.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::JobFailed`] and [`ErrorKind::JobCanceled`] with the service's text; [`ErrorKind::Decode`] where the
    /// job is of another kind, or its output of a form that this version does not know.
    pub fn output<T: JobKind>(&self) -> Result<Option<T>, Error> {
        match job::read(&self.body, &self.job, false) {
            Ok(State::Done(result)) => Ok(Some(result)),
            Ok(State::Unfinished(_)) => Ok(None),
            // Gone for a job that is looked up, but not sent in a delivery.
            Err(error) if error.kind() == ErrorKind::OutputGone => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How the job ended, whatever its kind: the parts of the output tell.
    ///
    /// The body is read anew at each call, as by [`output`](Self::output).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] where the kind is clear, but the output is of a form that this version does not know. A job
    /// that failed or was canceled is no error here.
    pub fn outcome(&self) -> Result<Outcome, Error> {
        // It was read before, so it can be read again: the other branch does not exist.
        let output = Head::read(&self.body).ok().and_then(|head| head.output);
        match &self.status {
            JobStatus::Failed => {
                let error = output.and_then(body::reason);
                return Ok(Outcome::Failed { error });
            }
            JobStatus::Canceled => {
                let error = output.and_then(body::reason);
                return Ok(Outcome::Canceled { error });
            }
            JobStatus::Succeeded => {}
            _ => return Ok(Outcome::Other),
        }
        let Some(output) = output else {
            return Ok(Outcome::StatusOnly);
        };
        match body::kind(output) {
            OutputKind::Diarization => self.as_kind(|it| Outcome::Diarization(Box::new(it))),
            OutputKind::Identification => self.as_kind(|it| Outcome::Identification(Box::new(it))),
            OutputKind::Voiceprint => self.as_kind(Outcome::Voiceprint),
            OutputKind::Unknown => Ok(Outcome::Other),
        }
    }

    fn as_kind<T: JobKind>(&self, outcome: fn(T) -> Outcome) -> Result<Outcome, Error> {
        Ok(self.output()?.map_or(Outcome::StatusOnly, outcome))
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("job_id", &self.job)
            .field("status", &self.status)
            .field("has_output", &self.has_output)
            .field("delivery", &self.delivery)
            .field("body", &format_args!("<{} bytes>", self.body.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests;
