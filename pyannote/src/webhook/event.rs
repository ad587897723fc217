//! Job events: a job has ended, and how.

use std::fmt;

use bytes::Bytes;

use super::body::{self, EventBody, OutputKind};
use super::{Delivery, VerifyError};
use crate::error::{Error, ErrorKind};
use crate::job::id::JobId;
use crate::job::status::JobStatus;
use crate::results::JobKind;
use crate::results::body::{State, read};
use crate::results::{Diarization, Identification, Voiceprint};

/// The end of a job, as delivered to a webhook.
///
/// Clones share the body and are cheap. Debug output omits the body, which may contain voiceprints.
///
/// ```
/// use pyannote::Diarization;
/// use pyannote::webhook::{Outcome, Signer, Verifier};
///
/// let body = br#"{"jobId":"1","status":"succeeded","output":{"diarization":[
///     {"start":0.5,"end":2.0,"speaker":"SPEAKER_00"}]}}"#;
/// let now = std::time::UNIX_EPOCH.elapsed()?.as_secs();
/// let headers = Signer::new("whs_test").sign(now, body);
/// let event = Verifier::new("whs_test")?.verify(&headers, body)?;
///
/// // If the receiver knows the kind of the job:
/// if let Some(diarization) = event.output::<Diarization>()? {
///     assert_eq!(diarization.turns().len(), 1);
/// }
/// // If it does not:
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
    job_id: JobId,
    status: JobStatus,
    has_output: bool,
    delivery: Delivery,
    body: Bytes,
}

/// How a job ended, as returned by [`Event::outcome`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// The job succeeded, and its output must be fetched within 24 h: the request asked for
    /// [the status only](crate::Request::webhook_status_only).
    StatusOnly,
    /// A diarization succeeded.
    Diarization(Box<Diarization>),
    /// An identification succeeded.
    Identification(Box<Identification>),
    /// A voiceprint was created.
    Voiceprint(Voiceprint),
    /// The job failed.
    Failed {
        /// The service's reason, if any; shortened, without pre-signed URLs and tokens.
        error: Option<String>,
    },
    /// The job was canceled.
    Canceled {
        /// The service's reason, if any; shortened, without pre-signed URLs and tokens.
        error: Option<String>,
    },
    /// A status or an output unknown to this version; see [`Event::status`] and [`Event::raw`].
    Other,
}

impl Event {
    /// Parses the body of an authentic delivery.
    pub(super) fn parse(delivery: Delivery, body: Bytes) -> Result<Self, VerifyError> {
        let EventBody {
            job_id,
            status,
            output,
        } = EventBody::parse(&body)?;
        let has_output = output.is_some();
        Ok(Self {
            job_id,
            status,
            has_output,
            delivery,
            body,
        })
    }

    /// The job that ended.
    #[must_use]
    pub fn job_id(&self) -> &JobId {
        &self.job_id
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

    /// Whether the delivery contains an output. The output of a failed job contains only the reason.
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.has_output
    }

    /// The body as received, as JSON, including fields unknown to this version. It may contain a voiceprint; do not log
    /// it.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.body
    }

    /// The result, decoded as the given kind. `None` if the delivery contains the status only or the job has not ended:
    /// fetch the result with [`Client::job`](crate::Client::job) then.
    ///
    /// Each call decodes the body again, which takes a large fraction of a second for the scores of a whole day.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::JobFailed`] and [`ErrorKind::JobCanceled`] with the service's reason; [`ErrorKind::Decode`] if the
    /// job is of another kind, or if this version does not know the form of its output.
    pub fn output<T: JobKind>(&self) -> Result<Option<T>, Error> {
        match read(&self.body, &self.job_id, false) {
            Ok(State::Done(result)) => Ok(Some(result)),
            Ok(State::Unfinished(_)) => Ok(None),
            // A missing output means that it was deleted if the job is fetched, but not in a delivery.
            Err(error) if error.kind() == ErrorKind::OutputGone => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How the job ended, whatever its kind, which is determined by the fields of the output.
    ///
    /// Each call decodes the body again, as [`output`](Self::output) does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if the kind is known, but not the form of the output. A failed or canceled job is not an
    /// error here.
    #[expect(
        clippy::expect_used,
        reason = "an event is only created from a body that was parsed"
    )]
    pub fn outcome(&self) -> Result<Outcome, Error> {
        let output = EventBody::parse(&self.body)
            .expect("the body was parsed before")
            .output;
        match &self.status {
            JobStatus::Failed => {
                let error = output.and_then(body::failure_reason);
                return Ok(Outcome::Failed { error });
            }
            JobStatus::Canceled => {
                let error = output.and_then(body::failure_reason);
                return Ok(Outcome::Canceled { error });
            }
            JobStatus::Succeeded => {}
            _ => return Ok(Outcome::Other),
        }
        let Some(output) = output else {
            return Ok(Outcome::StatusOnly);
        };
        match body::output_kind(output) {
            OutputKind::Diarization => {
                self.output_as(|output| Outcome::Diarization(Box::new(output)))
            }
            OutputKind::Identification => {
                self.output_as(|output| Outcome::Identification(Box::new(output)))
            }
            OutputKind::Voiceprint => self.output_as(Outcome::Voiceprint),
            OutputKind::Unknown => Ok(Outcome::Other),
        }
    }

    fn output_as<T: JobKind>(&self, outcome: fn(T) -> Outcome) -> Result<Outcome, Error> {
        Ok(self.output()?.map_or(Outcome::StatusOnly, outcome))
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("job_id", &self.job_id)
            .field("status", &self.status)
            .field("has_output", &self.has_output)
            .field("delivery", &self.delivery)
            .field("body", &format_args!("<{} bytes>", self.body.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests;
