//! Encodes the body of a valid request, and checks it against the types of the bindings.

use std::num::NonZeroU64;

use pyannote_api_sys::types;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::fields::{Fields, MatchingFields, TranscriptionFields};
use crate::error::{Error, FieldError};
use crate::results::kind::Kind;

/// Encodes a request for which [`violations`](super::validate::violations) found none.
///
/// The fields are converted by way of JSON and not with the builders of the bindings, because the Rust type of a field
/// depends on its limits in the specification: a new limit must not break this code.
///
/// # Errors
///
/// [`ErrorKind::Validation`](crate::ErrorKind::Validation) if the bindings, which check the specification's schemas
/// again, find a violation nevertheless.
pub(super) fn encode(kind: Kind, fields: &Fields) -> Result<Vec<u8>, Error> {
    match kind {
        Kind::Diarization => checked::<types::DiarizeRequest>(diarization(fields)),
        Kind::Identification => checked::<types::IdentifyRequest>(identification(fields)),
        Kind::Voiceprint => checked::<types::VoiceprintRequest>(voiceprint(fields)),
    }
}

fn diarization(fields: &Fields) -> Value {
    let turns = &fields.turns;
    object(
        json!({
            "confidence": turns.confidence,
            "crosstalkProbability": turns.crosstalk_probability,
            "crosstalkSensitivity": turns.crosstalk_sensitivity,
            "exclusive": turns.exclusive,
            "maxSpeakers": count(turns.max_speakers),
            "minSpeakers": count(turns.min_speakers),
            "model": fields.model.as_ref().map(|model| model.as_str()),
            "numSpeakers": count(turns.num_speakers),
            "speakerProbability": turns.speaker_probability,
            "speechProbability": turns.speech_probability,
            "transcription": fields.transcription.include,
            "transcriptionConfig": transcription(&fields.transcription),
            "turnLevelConfidence": turns.turn_level_confidence,
            "url": fields.audio.as_str(),
            "vadSensitivity": turns.vad_sensitivity,
            "webhook": fields.webhook,
            "webhookStatusOnly": fields.webhook_status_only,
        }),
        &fields.extra,
    )
}

fn transcription(fields: &TranscriptionFields) -> Option<Value> {
    let model = fields.model.as_ref().map(|model| model.as_str());
    fields
        .is_configured()
        .then(|| object(json!({ "model": model }), &fields.extra))
}

fn identification(fields: &Fields) -> Value {
    let voiceprints: Vec<Value> = fields
        .voiceprints
        .iter()
        .map(|(label, voiceprint)| json!({ "label": label, "voiceprint": voiceprint.as_base64() }))
        .collect();
    let turns = &fields.turns;
    object(
        json!({
            "confidence": turns.confidence,
            "crosstalkProbability": turns.crosstalk_probability,
            "crosstalkSensitivity": turns.crosstalk_sensitivity,
            "exclusive": turns.exclusive,
            "matching": matching(&fields.matching),
            "maxSpeakers": count(turns.max_speakers),
            "minSpeakers": count(turns.min_speakers),
            "model": fields.model.as_ref().map(|model| model.as_str()),
            "numSpeakers": count(turns.num_speakers),
            "speakerProbability": turns.speaker_probability,
            "speechProbability": turns.speech_probability,
            "turnLevelConfidence": turns.turn_level_confidence,
            "url": fields.audio.as_str(),
            "vadSensitivity": turns.vad_sensitivity,
            "voiceprints": voiceprints,
            "webhook": fields.webhook,
            "webhookStatusOnly": fields.webhook_status_only,
        }),
        &fields.extra,
    )
}

fn matching(fields: &MatchingFields) -> Option<Value> {
    let known = json!({ "exclusive": fields.exclusive, "threshold": fields.threshold });
    fields.is_configured().then(|| object(known, &fields.extra))
}

fn voiceprint(fields: &Fields) -> Value {
    object(
        json!({
            "model": fields.model.as_ref().map(|model| model.as_str()),
            "url": fields.audio.as_str(),
            "webhook": fields.webhook,
            "webhookStatusOnly": fields.webhook_status_only,
        }),
        &fields.extra,
    )
}

/// The fields of `known` that are set, and `extra` fields, which may be null.
fn object(known: Value, extra: &Map<String, Value>) -> Value {
    let mut fields = match known {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    fields.retain(|_, value| !value.is_null());
    fields.extend(extra.clone());
    Value::Object(fields)
}

/// Encodes a request with its type in the bindings, `T`, which checks it.
fn checked<T: DeserializeOwned + Serialize>(request: Value) -> Result<Vec<u8>, Error> {
    let request: T = serde_json::from_value(request).map_err(|error| {
        let violation = FieldError::new("request", error.to_string());
        Error::validation("the request is invalid", vec![violation])
    })?;
    serde_json::to_vec(&request).map_err(|error| {
        Error::validation("the request cannot be encoded as JSON", Vec::new()).with_source(error)
    })
}

/// Converts a number of speakers. 0, which is invalid, becomes `None`.
pub(super) fn count(speakers: Option<u32>) -> Option<NonZeroU64> {
    speakers.and_then(|speakers| NonZeroU64::new(speakers.into()))
}
