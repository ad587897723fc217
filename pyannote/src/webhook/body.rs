//! What the body of a delivery is, found out without reading it all into memory a second time.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::error::VerifyError;
use crate::excerpt::excerpt;
use crate::job::{JobId, JobStatus};

/// The head of a body. The output stays text: it may be tens of megabytes.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) job: JobId,
    pub(super) status: JobStatus,
    pub(super) output: Option<&'a RawValue>,
}

/// The fields, of any type: what is wrong with one is said by its name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    job_id: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
}

impl<'a> Head<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, VerifyError> {
        let fields: Result<Fields<'a>, _> = serde_json::from_slice(body);
        let is_object = body.trim_ascii_start().starts_with(b"{");
        let why = |why| VerifyError::NotAnEvent { why };
        let Fields {
            job_id,
            status,
            output,
        } = match fields {
            Ok(fields) if is_object => fields,
            Err(error) if error.classify() != Category::Data => {
                return Err(VerifyError::NotJson {
                    line: error.line(),
                    column: error.column(),
                });
            }
            // Each field may have any type, so a field that is there twice is all that can be wrong with an object.
            Err(_) if is_object => return Err(why("it has a field twice")),
            _ => return Err(why("it is not a JSON object")),
        };
        let job = text(job_id)
            .filter(|id| !id.is_empty())
            .ok_or_else(|| why("`jobId` is missing, empty or not a string"))?;
        let status = text(status).ok_or_else(|| why("`status` is missing or not a string"))?;
        Ok(Self {
            job: JobId::from(job),
            status: JobStatus::from(status.as_str()),
            output,
        })
    }
}

fn text(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}

/// What an output is of, by the names of its parts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum OutputKind {
    Diarization,
    Identification,
    Voiceprint,
    Unknown,
}

/// The parts of an output that tell what it is of, and the reason of a failure.
#[derive(Default, Deserialize)]
struct Parts<'a> {
    identification: Option<IgnoredAny>,
    voiceprints: Option<IgnoredAny>,
    voiceprint: Option<IgnoredAny>,
    diarization: Option<IgnoredAny>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl<'a> Parts<'a> {
    /// No parts where the output is nothing that has parts.
    fn of(output: &'a RawValue) -> Self {
        Some(output.get())
            // An array would be taken for a list of the parts.
            .filter(|text| text.starts_with('{'))
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }
}

/// What an output is of. One of an identification has a diarization too, so the rarer parts decide first.
pub(super) fn kind(output: &RawValue) -> OutputKind {
    let parts = Parts::of(output);
    if parts.identification.is_some() || parts.voiceprints.is_some() {
        OutputKind::Identification
    } else if parts.voiceprint.is_some() {
        OutputKind::Voiceprint
    } else if parts.diarization.is_some() {
        OutputKind::Diarization
    } else {
        OutputKind::Unknown
    }
}

/// The service's reason for a failure, whatever its form, fit for a log.
pub(super) fn reason(output: &RawValue) -> Option<String> {
    let error = Parts::of(output).error?;
    let reason = text(Some(error)).unwrap_or_else(|| error.get().to_owned());
    let reason = reason.trim();
    (!reason.is_empty()).then(|| excerpt(reason.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_tell_the_kind() {
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
            assert_eq!(kind(output), expected, "{output}");
        }
    }

    #[test]
    fn reasons_of_any_form() {
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
            assert_eq!(reason(output).as_deref(), expected, "{output}");
        }
    }
}
