//! The fields `transcription` and `transcriptionConfig` of a diarization request.

use pyannote_engine::DiarizeError;
use pyannote_engine::transcription::{Transcriber, TranscriptionOptions};
use serde_json::{Map, Value};

use super::shortened;
use crate::violation::Violation;

/// Why a server without a transcription model rejects a request.
pub(super) const UNSUPPORTED: &str = "transcription is not available: start the server with a transcription model \
    (--transcription-model, or `DiarizerEngine::transcriber`)";
/// The transcription model of requests that do not name one.
const DEFAULT_MODEL: &str = "parakeet-tdt-0.6b-v3";

/// Whether a transcription is to be included.
pub(in crate::engine) fn is_requested(request: &Map<String, Value>) -> bool {
    request.get("transcription") == Some(&Value::Bool(true))
}

/// Returns the violations of the fields.
pub(in crate::engine) fn check(
    request: &Map<String, Value>,
    transcriber: Option<&dyn Transcriber>,
) -> Vec<Violation> {
    if !is_requested(request) {
        return Vec::new();
    }
    let Some(transcriber) = transcriber else {
        return vec![Violation::new("transcription", UNSUPPORTED)];
    };
    let message = match config(request, "language") {
        None => return Vec::new(),
        Some(Value::String(code)) => match transcriber.check_language(code) {
            Ok(()) => return Vec::new(),
            Err(DiarizeError::InvalidOptions { reason, .. }) => reason,
            Err(error) => error.to_string(),
        },
        Some(_) => "must be a language code such as en".to_owned(),
    };
    vec![Violation::new("transcriptionConfig.language", message)]
}

/// The options of a request.
pub(super) fn options<'a>(request: &Map<String, Value>) -> TranscriptionOptions<'a> {
    match config(request, "language").and_then(Value::as_str) {
        Some(code) => TranscriptionOptions::new().language(code),
        None => TranscriptionOptions::new(),
    }
}

/// The warning that the requested model is not the one that is used.
pub(super) fn model_warning(model: &str, request: &Map<String, Value>) -> Option<String> {
    let requested = config(request, "model").and_then(Value::as_str);
    let requested = requested.unwrap_or(DEFAULT_MODEL);
    let requested = (requested != model).then(|| shortened(requested))?;
    Some(format!(
        "transcription model {requested} is not available on this server, which uses {model} instead"
    ))
}

/// A field of `transcriptionConfig`. The field `language` is not part of the API.
fn config<'a>(request: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    let value = request.get("transcriptionConfig")?.get(field)?;
    (!value.is_null()).then_some(value)
}
