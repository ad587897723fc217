//! The JSON body of a delivery: its top-level fields, and what kind of output it has.

use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::error::VerifyError;
use crate::job::id::JobId;
use crate::job::status::JobStatus;
use crate::json::{fields, text, without_bom};
use crate::redact::excerpt;

/// The top-level fields of a body. The output, which can have tens of megabytes, is borrowed as JSON text.
#[derive(Debug)]
pub(super) struct EventBody<'a> {
    pub(super) job_id: JobId,
    pub(super) status: JobStatus,
    pub(super) output: Option<&'a RawValue>,
}

/// The fields with any JSON type, so that errors can name the invalid field.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawFields<'a> {
    #[serde(borrow)]
    job_id: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
}

impl<'a> EventBody<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, VerifyError> {
        let json = without_bom(body);
        let fields: Result<RawFields<'a>, _> = serde_json::from_slice(json);
        let is_object = json.trim_ascii_start().starts_with(b"{");
        let not_an_event = |reason| VerifyError::NotAnEvent { reason };
        let fields = match fields {
            Ok(fields) if is_object => fields,
            Err(error) if error.classify() != Category::Data => {
                return Err(VerifyError::NotJson {
                    line: error.line(),
                    column: error.column(),
                });
            }
            // Every field accepts any type, so a duplicate field is the only possible data error of an object.
            Err(_) if is_object => return Err(not_an_event("it has a duplicate field")),
            _ => return Err(not_an_event("it is not a JSON object")),
        };
        let job_id = string(fields.job_id)
            .filter(|id| !id.is_empty())
            .ok_or_else(|| not_an_event("`jobId` is missing, empty or not a string"))?;
        let status = string(fields.status)
            .ok_or_else(|| not_an_event("`status` is missing or not a string"))?;
        Ok(Self {
            job_id: JobId::from(job_id),
            status: JobStatus::from(status.as_str()),
            output: fields.output,
        })
    }
}

/// A string that is used as it is, and so must be valid.
fn string(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}

/// The kind of job that an output belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum OutputKind {
    Diarization,
    Identification,
    Voiceprint,
    Unknown,
}

/// The kind of an output. That of an identification also has a diarization, so the rarer fields are checked first.
pub(super) fn output_kind(output: &RawValue) -> OutputKind {
    let names = ["identification", "voiceprints", "voiceprint", "diarization"];
    match fields(output, names) {
        Some([Some(_), ..] | [_, Some(_), ..]) => OutputKind::Identification,
        Some([_, _, Some(_), _]) => OutputKind::Voiceprint,
        Some([.., Some(_)]) => OutputKind::Diarization,
        _ => OutputKind::Unknown,
    }
}

/// The service's reason for a failure, whatever its JSON type, redacted for logs.
pub(super) fn failure_reason(output: &RawValue) -> Option<String> {
    let [error] = fields(output, ["error"])?;
    let error = error?;
    let reason = text(error).unwrap_or_else(|| error.get().to_owned());
    let reason = reason.trim();
    (!reason.is_empty()).then(|| excerpt(reason.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_of_outputs() {
        for (output, expected) in [
            (r#"{"diarization":[]}"#, OutputKind::Diarization),
            (
                r#"{"diarization":[],"crosstalkProbability":{}}"#,
                OutputKind::Diarization,
            ),
            (
                r#"{"diarization":[],"identification":[]}"#,
                OutputKind::Identification,
            ),
            (
                r#"{"voiceprints":[],"diarization":[]}"#,
                OutputKind::Identification,
            ),
            (
                r#"{"voiceprint":"QQ==","diarization":[]}"#,
                OutputKind::Voiceprint,
            ),
            (
                r#"{"identification":null,"diarization":[]}"#,
                OutputKind::Diarization,
            ),
            (r#"{"diarization":null}"#, OutputKind::Unknown),
            (r#"{"emotion":[]}"#, OutputKind::Unknown),
            ("{}", OutputKind::Unknown),
            ("[1,2,3,4,5]", OutputKind::Unknown),
            (r#""diarization""#, OutputKind::Unknown),
            ("1e999", OutputKind::Unknown),
        ] {
            let output: &RawValue = serde_json::from_str(output).unwrap();
            assert_eq!(output_kind(output), expected, "{output}");
        }
    }

    #[test]
    fn failure_reasons_of_any_json_type() {
        for (output, expected) in [
            (r#"{"error":"no speech"}"#, Some("no speech")),
            (r#"{"error":" no\nspeech "}"#, Some("no speech")),
            (r#"{"error":{"code":7}}"#, Some(r#"{"code":7}"#)),
            (
                r#"{"error":"cannot fetch https://host/a.wav?X-Amz-Signature=abc"}"#,
                Some("cannot fetch https://host/a.wav?…"),
            ),
            (r#"{"error":""}"#, None),
            (r#"{"error":null}"#, None),
            ("{}", None),
            (r#""no speech""#, None),
        ] {
            let output: &RawValue = serde_json::from_str(output).unwrap();
            assert_eq!(failure_reason(output).as_deref(), expected, "{output}");
        }
    }
}
