//! Reads results that this command, the SDK, the API or other tools wrote.

use std::path::Path;

use pyannote_core::rttm;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Document, Output};
use crate::error::{Failure, Result};
use crate::export::Format;
use crate::input::{display, read_text};

/// Reads a result from a file, or from standard input if `path` is `-`.
///
/// The format is found by the content: JSON of this command, a job or a webhook of the API, the output of a job alone,
/// or RTTM.
pub(crate) fn read(path: &Path) -> Result<Document> {
    Ok(read_with_format(path)?.0)
}

/// Reads a result, and returns its format, too: JSON or RTTM.
pub(crate) fn read_with_format(path: &Path) -> Result<(Document, Format)> {
    let text = read_text(path)?;
    let document = parse(&text).map_err(|failure| failure.context(display(path)))?;
    let format = match is_json(&text) {
        true => Format::Json,
        false => Format::Rttm,
    };
    Ok((document, format))
}

fn is_json(text: &str) -> bool {
    without_bom(text).trim_start().starts_with('{')
}

fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Reads a result from text.
pub(crate) fn parse(text: &str) -> Result<Document> {
    let text = without_bom(text);
    match text.trim().is_empty() {
        true => Err(Failure::failed("the file is empty").with_hint(FORMATS)),
        false if is_json(text) => parse_json(text),
        false => parse_rttm(text),
    }
}

const FORMATS: &str = "pass JSON from `pyannote diarize --json`, a job of the API, or RTTM";

/// The parts that tell the JSON formats apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parts<'a> {
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(borrow)]
    diarization: Option<&'a RawValue>,
    speakers: Option<serde::de::IgnoredAny>,
    job_id: Option<String>,
    status: Option<String>,
}

#[derive(Deserialize)]
struct Failed {
    error: Option<String>,
}

fn parse_json(text: &str) -> Result<Document> {
    let invalid = |error: serde_json::Error| {
        Failure::failed(format!("not a result: {error}")).with_hint(FORMATS)
    };
    let parts: Parts<'_> = serde_json::from_str(text).map_err(invalid)?;
    match (parts.output, parts.diarization, &parts.status) {
        // Written by this command.
        (Some(_), None, None) if parts.speakers.is_some() => {
            let mut document: Document = serde_json::from_str(text).map_err(invalid)?;
            // Another program may have changed the turns.
            document.sum_up();
            Ok(document)
        }
        // A job that failed has an output, too.
        (Some(output), None, Some(status)) if status == "failed" => {
            let failed: Failed = serde_json::from_str(output.get()).map_err(invalid)?;
            let reason = failed.error.as_deref().unwrap_or("no reason given");
            Err(Failure::failed(format!("the job failed: {reason}")))
        }
        // A job or a webhook.
        (Some(output), None, _) => {
            let output: Output = serde_json::from_str(output.get()).map_err(invalid)?;
            let mut document = Document::new(output);
            document.job_id = parts.job_id;
            Ok(document)
        }
        // An output alone, or a result that the SDK serialized.
        (None, Some(_), None) => {
            let output: Output = serde_json::from_str(text).map_err(invalid)?;
            let mut document = Document::new(output);
            document.job_id = parts.job_id;
            Ok(document)
        }
        (None, None, Some(status)) => Err(Failure::failed(format!(
            "the job has no output; its status is {status}"
        ))),
        _ => Err(Failure::failed("not a result: `output` is missing").with_hint(FORMATS)),
    }
}

fn parse_rttm(text: &str) -> Result<Document> {
    let mut skipped = Vec::new();
    let files = rttm::parse_with(text, |line| skipped.push(format!("skipped: {line}")))
        .map_err(|error| Failure::failed(format!("not a result: {error}")).with_hint(FORMATS))?;
    match <[_; 1]>::try_from(files) {
        Ok([(uri, turns)]) => {
            let mut document = Document::new(Output::new(turns));
            document.audio = Some(uri.clone());
            document.uri = Some(uri);
            document.warnings = skipped;
            Ok(document)
        }
        Err(files) if files.is_empty() => {
            Err(Failure::failed("not a result: neither JSON nor RTTM").with_hint(FORMATS))
        }
        Err(files) => Err(Failure::failed(format!(
            "the RTTM is of {} recordings, but one is expected",
            files.len()
        ))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TURN: &str = r#"[{"start":0.5,"end":2.0,"speaker":"SPEAKER_00"}]"#;

    #[test]
    fn reads_every_format() {
        let output = format!(r#"{{"diarization":{TURN}}}"#);
        let own = serde_json::to_string(&parse(&output).unwrap()).unwrap();
        for text in [
            output.clone(),
            own,
            // Edited by hand: the totals are those of the turns.
            format!(r#"{{"speakers":[],"overlap":9,"output":{output}}}"#),
            format!(r#"{{"jobId":"1","diarization":{TURN}}}"#),
            format!(r#"{{"jobId":"1","status":"succeeded","output":{output}}}"#),
            format!("\u{feff} {output}"),
            "SPEAKER meeting 1 0.5 1.5 <NA> <NA> SPEAKER_00 <NA> <NA>\n".to_owned(),
        ] {
            let document = parse(text.as_str()).unwrap();
            assert_eq!(document.output.turns.speech_time(), 1.5, "{text}");
            assert_eq!(document.speakers.len(), 1, "{text}");
            assert_eq!(document.overlap, 0.0, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let message = |text: &str| parse(text).unwrap_err().message;
        for (text, expected) in [
            ("", "the file is empty"),
            ("{}", "not a result: `output` is missing"),
            (
                r#"{"jobId":"1","status":"running"}"#,
                "the job has no output; its status is running",
            ),
            (
                r#"{"output":{"diarization":5}}"#,
                "not a result: diarization: invalid type: integer `5`, expected a sequence at line 1 column 1",
            ),
        ] {
            assert_eq!(message(text), expected);
        }
        assert!(message("hello\n").starts_with("not a result: "));
        let two = "SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA>\nSPEAKER b 1 0 1 <NA> <NA> x <NA> <NA>\n";
        assert_eq!(
            message(two),
            "the RTTM is of 2 recordings, but one is expected"
        );
    }
}
