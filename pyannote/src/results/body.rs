//! Decodes the body of a job.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::decode_warning::Warnings;
use super::kind::JobKind;
use super::origin::Origin;
use crate::error::{Error, ErrorKind};
use crate::job::id::JobId;
use crate::job::status::JobStatus;
use crate::json::{fields, string, text, without_bom};
use crate::redact::excerpt;
use crate::transport::undecodable;

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

/// The output in a body.
enum Output<O> {
    Missing,
    Decoded(O, Warnings),
    /// It lacks the field that its kind requires.
    OtherKind,
    Undecodable(serde_json::Error),
}

impl<O> Output<O> {
    fn complete(output: O) -> Self {
        Self::Decoded(output, Warnings::default())
    }
}

/// Decodes the body of a job of kind `T`, in one pass if it is as specified.
///
/// Otherwise, its parts are decoded one by one. Those with an unexpected form are missing in the result, which has a
/// warning of each, unless it cannot do without them.
///
/// # Errors
///
/// [`ErrorKind::JobFailed`], [`ErrorKind::JobCanceled`] and [`ErrorKind::OutputGone`] according to the status, and
/// [`ErrorKind::Decode`]. All have the job's id, the body, and the job's status if the body has one.
pub(crate) fn read<T: JobKind>(
    body: &Bytes,
    id: &JobId,
    keep_raw: bool,
) -> Result<State<T>, Error> {
    let json = without_bom(body);
    let (status, output) = match serde_json::from_slice::<Body<T::Output>>(json) {
        Ok(Body { status, output }) => (status, output.map_or(Output::Missing, Output::complete)),
        Err(error) => read_leniently::<T>(json, error),
    };
    let error = |error: Error| Err(error.with_job(id, status.clone()).with_job_json(body));
    match (&status, output) {
        // A failed job has no output of its kind. Its reason, whose form is not specified, must not make it undecodable.
        (Some(JobStatus::Failed), _) => error(ended(ErrorKind::JobFailed, "the job failed", json)),
        (Some(JobStatus::Canceled), _) => {
            error(ended(ErrorKind::JobCanceled, "the job was canceled", json))
        }
        // The specification requires no field, not even the status: a complete output is a result without it.
        (Some(JobStatus::Succeeded) | None, Output::Decoded(output, warnings)) => {
            let origin = Origin {
                raw: keep_raw.then(|| body.clone()),
                decode_warnings: warnings.into_vec(),
            };
            Ok(State::Done(T::from_output(output, id.clone(), origin)))
        }
        (Some(JobStatus::Succeeded), Output::Missing) => error(Error::new(
            ErrorKind::OutputGone,
            "the job succeeded, but its output no longer exists: outputs are deleted 24 h after the end of a job",
        )),
        (Some(JobStatus::Succeeded), Output::OtherKind) => {
            let message = format!(
                "the output has no `{}`: the job is of another kind, or its output has a format that this version does \
                 not know",
                T::REQUIRED_FIELD
            );
            error(Error::new(ErrorKind::Decode, message).with_body(json))
        }
        (Some(JobStatus::Succeeded) | None, Output::Undecodable(reason)) => {
            error(undecodable::<Body<T::Output>>(json, &reason))
        }
        // Whatever the output of an unfinished job is, it is not the result.
        (Some(_), _) | (None, Output::Missing | Output::OtherKind) => Ok(State::Unfinished(status)),
    }
}

/// Decodes what can be decoded of a body that is not as specified because of `error`.
fn read_leniently<T: JobKind>(
    json: &[u8],
    error: serde_json::Error,
) -> (Option<JobStatus>, Output<T::Output>) {
    let text = String::from_utf8_lossy(json);
    let Some((status, output)) = split(&text) else {
        return (None, Output::Undecodable(error));
    };
    let Some(output) = output else {
        return (status, Output::Missing);
    };
    let mut warnings = Warnings::default();
    if matches!(text, Cow::Owned(_)) {
        let problem = format_args!("not valid UTF-8; invalid bytes became replacement characters");
        warnings.add(format_args!("output"), problem);
    }
    let output = match T::read(output, &mut warnings) {
        Some(output) => Output::Decoded(output, warnings),
        None if matches!(fields(output, [T::REQUIRED_FIELD]), Some([None])) => Output::OtherKind,
        None => Output::Undecodable(error),
    };
    (status, output)
}

/// Returns the status in a body, and its output as JSON. Returns `None` unless the body is an object with a status that
/// is a string, or without one.
fn split(body: &str) -> Option<(Option<JobStatus>, Option<&RawValue>)> {
    let [status, output] = fields(serde_json::from_str(body).ok()?, ["status", "output"])?;
    let status = match status {
        Some(status) => Some(JobStatus::from(string(status)?)),
        None => None,
    };
    Some((status, output))
}

/// The error of a job that failed or was canceled. The format of the reason in its output is not specified.
fn ended(kind: ErrorKind, what: &str, body: &[u8]) -> Error {
    let body = String::from_utf8_lossy(body);
    let output = split(&body).and_then(|(_, output)| output);
    let reason = output.and_then(|output| match fields(output, ["error"]) {
        Some([error]) => error.map(|error| text(error).unwrap_or_else(|| error.get().to_owned())),
        None => Some(output.get().to_owned()),
    });
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
