//! Decodes the body of a job.

use std::collections::HashMap;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::kind::JobKind;
use super::lenient;
use crate::error::{Error, ErrorKind};
use crate::job::id::JobId;
use crate::job::status::JobStatus;
use crate::redact::excerpt;
use crate::transport::decode;

/// The state of a job according to its body.
#[derive(Debug)]
pub(crate) enum State<T> {
    /// The job has not ended, or the body does not say.
    Unfinished(Option<JobStatus>),
    /// The job succeeded.
    Done(T),
}

/// The body of a job, and of the webhook event about its end. The specification requires none of its fields.
#[derive(Deserialize)]
#[serde(bound = "O: Deserialize<'de>")]
struct Body<O> {
    status: Option<JobStatus>,
    output: Option<O>,
}

/// Decodes the body of a job of kind `T`, in one pass unless it fails.
///
/// # Errors
///
/// [`ErrorKind::JobFailed`], [`ErrorKind::JobCanceled`] and [`ErrorKind::OutputGone`] according to the status, and
/// [`ErrorKind::Decode`]. All have the job's id, and its status if the body has one.
pub(crate) fn read<T: JobKind>(
    body: &Bytes,
    id: &JobId,
    keep_raw: bool,
) -> Result<State<T>, Error> {
    let decoded = decode::<Body<T::Output>>(body);
    // A failed job has no output of its kind. Its reason, whose form is not specified, must not make it undecodable.
    let status = match &decoded {
        Ok(body) => body.status.clone(),
        Err(_) => status(body),
    };
    let error = |error: Error| Err(error.with_job(id, status.clone()));
    match (&status, decoded) {
        (Some(JobStatus::Failed), _) => error(ended(ErrorKind::JobFailed, "the job failed", body)),
        (Some(JobStatus::Canceled), _) => {
            error(ended(ErrorKind::JobCanceled, "the job was canceled", body))
        }
        // The specification requires no field, not even the status: a complete output is a result without it.
        (
            Some(JobStatus::Succeeded) | None,
            Ok(Body {
                output: Some(output),
                ..
            }),
        ) => {
            let raw = keep_raw.then(|| body.clone());
            Ok(State::Done(T::from_output(output, id.clone(), raw)))
        }
        (Some(JobStatus::Succeeded), Ok(_)) => error(Error::new(
            ErrorKind::OutputGone,
            "the job succeeded, but its output no longer exists: outputs are deleted 24 h after the end of a job",
        )),
        (Some(JobStatus::Succeeded), Err(_)) if lacks_field(body, T::REQUIRED_FIELD) => {
            let message = format!(
                "the output has no `{}`: the job is of another kind, or its output has a format that this version does \
                 not know",
                T::REQUIRED_FIELD
            );
            error(Error::new(ErrorKind::Decode, message).with_body(body))
        }
        (None, Err(_)) if lacks_field(body, T::REQUIRED_FIELD) => Ok(State::Unfinished(None)),
        (Some(JobStatus::Succeeded) | None, Err(undecodable)) => error(undecodable),
        // Whatever the output of an unfinished job is, it is not the result.
        (Some(_), _) | (None, Ok(_)) => Ok(State::Unfinished(status)),
    }
}

fn status(body: &[u8]) -> Option<JobStatus> {
    serde_json::from_slice::<Body<IgnoredAny>>(body)
        .ok()?
        .status
}

fn output(body: &[u8]) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Output<'a> {
        #[serde(borrow)]
        output: Option<&'a RawValue>,
    }
    serde_json::from_slice::<Output<'_>>(body).ok()?.output
}

/// Returns whether the output in `body` is an object in which `field` is missing or null.
fn lacks_field(body: &[u8], field: &str) -> bool {
    let fields = output(body).and_then(|output| {
        serde_json::from_str::<HashMap<String, Option<IgnoredAny>>>(output.get()).ok()
    });
    fields.is_some_and(|fields| !matches!(fields.get(field), Some(Some(_))))
}

/// The error of a job that failed or was canceled. The format of the reason in its output is not specified.
fn ended(kind: ErrorKind, what: &str, body: &[u8]) -> Error {
    #[derive(Deserialize)]
    struct Failure {
        #[serde(default, deserialize_with = "lenient::text")]
        error: Option<String>,
    }
    let reason =
        output(body).and_then(
            |output| match serde_json::from_str::<Failure>(output.get()) {
                Ok(failure) => failure.error,
                Err(_) => Some(output.get().to_owned()),
            },
        );
    let message = match reason {
        Some(reason) => format!("{what}: {}", excerpt(reason.as_bytes())),
        None => format!("{what}; the service gives no reason"),
    };
    Error::new(kind, message)
}
