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
        None => format!("{what}; no reason given"),
    };
    Error::new(kind, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Diarization;

    #[test]
    fn decodes_every_state_of_a_job() {
        for (body, expected) in [
            (
                r#"{"status":"succeeded","output":{"diarization":[]}}"#,
                Ok("done"),
            ),
            (r#"{"output":{"diarization":[]}}"#, Ok("done")),
            (r#"{"status":"running"}"#, Ok("unfinished")),
            (r#"{"status":"running","output":5}"#, Ok("unfinished")),
            (r#"{"status":"queued","output":{}}"#, Ok("unfinished")),
            (r#"{"output":{}}"#, Ok("unfinished")),
            (r#"{"output":{"diarization":null}}"#, Ok("unfinished")),
            ("{}", Ok("unfinished")),
            (r#"{"status":"succeeded"}"#, Err(ErrorKind::OutputGone)),
            (
                r#"{"status":"succeeded","output":null}"#,
                Err(ErrorKind::OutputGone),
            ),
            (
                r#"{"status":"succeeded","output":{}}"#,
                Err(ErrorKind::Decode),
            ),
            (
                r#"{"status":"succeeded","output":5}"#,
                Err(ErrorKind::Decode),
            ),
            (r#"{"output":5}"#, Err(ErrorKind::Decode)),
            (r#"{"output":{"diarization":5}}"#, Err(ErrorKind::Decode)),
            (r#"{"status":5}"#, Err(ErrorKind::Decode)),
            ("[]", Err(ErrorKind::Decode)),
            ("", Err(ErrorKind::Decode)),
            (
                r#"{"status":"failed","output":{"diarization":[]}}"#,
                Err(ErrorKind::JobFailed),
            ),
            (
                r#"{"status":"canceled","output":[]}"#,
                Err(ErrorKind::JobCanceled),
            ),
        ] {
            let id = JobId::from("1");
            let state = read::<Diarization>(&Bytes::from_static(body.as_bytes()), &id, false);
            let state = match state {
                Ok(State::Done(_)) => Ok("done"),
                Ok(State::Unfinished(_)) => Ok("unfinished"),
                Err(error) => {
                    assert_eq!(error.job_id(), Some(&id));
                    Err(error.kind())
                }
            };
            assert_eq!(state, expected, "{body}");
        }
    }

    #[test]
    fn reasons_of_any_form_are_part_of_the_error() {
        for (output, expected) in [
            (
                r#"{"error":"no speech found"}"#,
                "the job failed: no speech found",
            ),
            (r#"{"error":{"code":7}}"#, r#"the job failed: {"code":7}"#),
            (
                r#""no speech found""#,
                r#"the job failed: "no speech found""#,
            ),
            (
                r#"{"error":"cannot fetch https://host/a.wav?signature=abc"}"#,
                "the job failed: cannot fetch https://host/a.wav?…",
            ),
            ("{}", "the job failed; no reason given"),
            ("null", "the job failed; no reason given"),
        ] {
            let body = format!(r#"{{"status":"failed","output":{output}}}"#);
            let error = read::<Diarization>(&body.into(), &JobId::from("1"), false).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("{expected} (job 1, last status failed)")
            );
        }
    }
}
