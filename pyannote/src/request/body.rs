//! Encodes the body of a valid request with the types of the bindings.

use std::num::NonZeroU64;

use pyannote_api_sys::types;
use serde::Serialize;

use super::fields::{Fields, MatchingFields, TranscriptionFields};
use crate::error::{Error, FieldError};
use crate::results::kind::Kind;

/// Encodes a request for which [`violations`](super::validate::violations) found none.
///
/// # Errors
///
/// [`ErrorKind::Validation`](crate::ErrorKind::Validation) if the bindings, which check the specification's schemas
/// again, find a violation nevertheless.
pub(super) fn encode(kind: Kind, fields: &Fields) -> Result<Vec<u8>, Error> {
    match kind {
        Kind::Diarization => encode_json(&diarization(fields)?),
        Kind::Identification => encode_json(&identification(fields)?),
        Kind::Voiceprint => encode_json(&voiceprint(fields)?),
    }
}

fn diarization(fields: &Fields) -> Result<types::DiarizeRequest, Error> {
    let turns = &fields.turns;
    let request = types::DiarizeRequest::builder()
        .confidence(turns.confidence)
        .exclusive(turns.exclusive)
        .max_speakers(count(turns.max_speakers))
        .min_speakers(count(turns.min_speakers))
        .model(fields.model.as_ref().map(|model| model.as_str().into()))
        .num_speakers(count(turns.num_speakers))
        .transcription(fields.transcription.include)
        .transcription_config(transcription(&fields.transcription)?)
        .turn_level_confidence(turns.turn_level_confidence)
        .url(fields.audio.as_str())
        .webhook(fields.webhook.clone())
        .webhook_status_only(fields.webhook_status_only)
        .extra(fields.extra.clone());
    built(request.try_into())
}

fn transcription(
    fields: &TranscriptionFields,
) -> Result<Option<types::TranscriptionConfiguration>, Error> {
    if !fields.is_configured() {
        return Ok(None);
    }
    let model = fields.model.as_ref().map(|model| model.as_str().into());
    let configuration = types::TranscriptionConfiguration::builder()
        .model(model)
        .extra(fields.extra.clone());
    built(configuration.try_into()).map(Some)
}

fn identification(fields: &Fields) -> Result<types::IdentifyRequest, Error> {
    let mut voiceprints: Vec<types::Voiceprint> = Vec::with_capacity(fields.voiceprints.len());
    for (label, voiceprint) in &fields.voiceprints {
        let voiceprint = types::Voiceprint::builder()
            .label(label.as_str())
            .voiceprint(voiceprint.as_base64());
        voiceprints.push(built(voiceprint.try_into())?);
    }
    let turns = &fields.turns;
    let request = types::IdentifyRequest::builder()
        .confidence(turns.confidence)
        .exclusive(turns.exclusive)
        .matching(matching(&fields.matching)?)
        .max_speakers(count(turns.max_speakers))
        .min_speakers(count(turns.min_speakers))
        .model(fields.model.as_ref().map(|model| model.as_str().into()))
        .num_speakers(count(turns.num_speakers))
        .turn_level_confidence(turns.turn_level_confidence)
        .url(fields.audio.as_str().to_owned())
        .voiceprints(voiceprints)
        .webhook(fields.webhook.clone())
        .webhook_status_only(fields.webhook_status_only)
        .extra(fields.extra.clone());
    built(request.try_into())
}

fn matching(fields: &MatchingFields) -> Result<Option<types::MatchingOptions>, Error> {
    if !fields.is_configured() {
        return Ok(None);
    }
    let threshold = fields
        .threshold
        .map(|threshold| types::MatchingOptionsThreshold::try_from(threshold as f32));
    let options = types::MatchingOptions::builder()
        .exclusive(fields.exclusive)
        .threshold(built(threshold.transpose())?)
        .extra(fields.extra.clone());
    built(options.try_into()).map(Some)
}

fn voiceprint(fields: &Fields) -> Result<types::VoiceprintRequest, Error> {
    let request = types::VoiceprintRequest::builder()
        .model(fields.model.as_ref().map(|model| model.as_str().into()))
        .url(fields.audio.as_str())
        .webhook(fields.webhook.clone())
        .webhook_status_only(fields.webhook_status_only)
        .extra(fields.extra.clone());
    built(request.try_into())
}

/// Converts a number of speakers. 0, which is invalid, becomes `None`.
pub(super) fn count(speakers: Option<u32>) -> Option<NonZeroU64> {
    speakers.and_then(|speakers| NonZeroU64::new(speakers.into()))
}

/// Reports a violation that the bindings found and the SDK's own rules did not.
fn built<T>(result: Result<T, impl std::fmt::Display>) -> Result<T, Error> {
    result.map_err(|error| {
        let violation = FieldError::new("request", error.to_string());
        Error::validation("the request is invalid", vec![violation])
    })
}

fn encode_json(request: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(request).map_err(|error| {
        Error::validation("the request cannot be encoded as JSON", Vec::new()).with_source(error)
    })
}
