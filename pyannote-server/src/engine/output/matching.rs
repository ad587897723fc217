//! The voiceprints and matching options of an identification request.

use pyannote_engine::{Diarizer, Engine, Matching, Voiceprint, VoiceprintError};
use serde_json::{Map, Value};

use crate::engine::EngineError;
use crate::violation::Violation;

/// Returns a violation for each voiceprint that the engine cannot use.
pub(in crate::engine) fn check<D: Diarizer>(
    request: &Map<String, Value>,
    engine: &Engine<D>,
) -> Vec<Violation> {
    let violation = |(index, entry): (usize, &Value)| {
        let encoded = entry.get("voiceprint")?.as_str()?;
        let error = decode(encoded, engine).err()?;
        let field = format!("voiceprints[{index}].voiceprint");
        Some(Violation::new(field, error.to_string()))
    };
    entries(request)
        .iter()
        .enumerate()
        .filter_map(violation)
        .collect()
}

/// Reads the voiceprints and matching options of a request.
///
/// # Errors
///
/// Fails if a voiceprint is invalid: a server with another model may have accepted the request.
pub(super) fn read(request: &Map<String, Value>) -> Result<Matching, EngineError> {
    let option = |name: &str| {
        request
            .get("matching")
            .and_then(|options| options.get(name))
    };
    let threshold = option("threshold").and_then(Value::as_f64).unwrap_or(0.0);
    let mut matching = Matching::new()
        // The API rejects other thresholds; jobs on a shared store may still contain them.
        .threshold(threshold.clamp(0.0, 100.0))
        .exclusive(option("exclusive").and_then(Value::as_bool).unwrap_or(true));
    for entry in entries(request) {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let label = text("label");
        let voiceprint = Voiceprint::from_base64(text("voiceprint"))
            .map_err(|error| EngineError(format!("cannot identify {label:?}: {error}")))?;
        matching = matching.voiceprint(label, voiceprint);
    }
    Ok(matching)
}

fn entries(request: &Map<String, Value>) -> &[Value] {
    let entries = request.get("voiceprints").and_then(Value::as_array);
    entries.map(Vec::as_slice).unwrap_or_default()
}

fn decode<D: Diarizer>(encoded: &str, engine: &Engine<D>) -> Result<Voiceprint, VoiceprintError> {
    let voiceprint = Voiceprint::from_base64(encoded)?;
    engine.check_voiceprint(&voiceprint)?;
    Ok(voiceprint)
}
