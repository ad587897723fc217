//! The rules of requests, each written once.
//!
//! All violations are reported together, as fields and messages, in the format of the API's own 400 response. The rules
//! are those of the API's specification and of its documentation pages. Values check themselves, such as
//! [`Voiceprint`].

use std::collections::HashSet;
use std::ops::RangeInclusive;

use pyannote_api_sys::hooks::is_loopback;
use pyannote_api_sys::types;
use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::body::count;
use super::fields::{Fields, MatchingFields, TranscriptionFields, TurnFields};
use super::model::Model;
use crate::error::FieldError;
use crate::header;
use crate::media::validate_audio_url;
use crate::results::Voiceprint;
use crate::results::kind::Kind;

/// Number of voiceprints per request.
const VOICEPRINT_COUNT: RangeInclusive<usize> = 1..=50;
/// The range of a sensitivity.
const SENSITIVITY: RangeInclusive<f64> = -5.0..=5.0;
/// Maximum length of a label, in characters.
const MAX_LABEL_CHARS: usize = 100;
/// Prefix that is reserved for the labels of unmatched speakers; case-insensitive.
const RESERVED_LABEL_PREFIX: &str = "speaker_";

/// Returns every violation of a request.
pub(super) fn violations(
    kind: Kind,
    fields: &Fields,
    headers: &[(String, String)],
) -> Vec<FieldError> {
    let mut violations = Violations::default();
    violations.common(fields);
    match kind {
        Kind::Diarization => {
            let minimal = json!({ "url": "" });
            violations.extra::<types::DiarizeRequest>("", &fields.extra, &minimal);
            violations.turns(fields.model.as_ref(), &fields.turns);
            violations.transcription(fields.model.as_ref(), &fields.transcription);
        }
        Kind::Identification => {
            let minimal = json!({ "voiceprints": [{ "label": "A", "voiceprint": "AAAA" }] });
            violations.extra::<types::IdentifyRequest>("", &fields.extra, &minimal);
            violations.model_supports_more_than_diarization(fields.model.as_ref());
            violations.turns(fields.model.as_ref(), &fields.turns);
            violations.voiceprints(&fields.voiceprints);
            violations.matching(&fields.matching);
        }
        Kind::Voiceprint => {
            let minimal = json!({ "url": "" });
            violations.extra::<types::VoiceprintRequest>("", &fields.extra, &minimal);
            violations.model_supports_more_than_diarization(fields.model.as_ref());
        }
    }
    for (name, value) in headers {
        if let Err(message) = header::parse(name, value) {
            violations.add("header", message);
        }
    }
    violations.0
}

#[derive(Default)]
struct Violations(Vec<FieldError>);

impl Violations {
    fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError::new(field, message));
    }

    fn common(&mut self, fields: &Fields) {
        if let Err(message) = validate_audio_url(fields.audio.as_str()) {
            self.add("url", message);
        }
        match &fields.webhook {
            Some(webhook) => {
                if let Err(message) = check_webhook(webhook) {
                    self.add("webhook", message);
                }
            }
            None if fields.webhook_status_only.is_some() => {
                self.add(
                    "webhookStatusOnly",
                    "requires a webhook; set `webhook`, or leave this field out",
                );
            }
            None => {}
        }
        let model = fields.model.as_ref().map(Model::as_str);
        if model.is_some_and(|model| model.trim().is_empty()) {
            self.add(
                "model",
                "must not be empty; name a model, or leave this field out",
            );
        }
    }

    /// Checks that no field of `extra` has a setter of its own.
    fn extra<R: DeserializeOwned + Serialize>(
        &mut self,
        prefix: &str,
        extra: &Map<String, Value>,
        minimal: &Value,
    ) {
        for name in extra.keys().filter(|name| declares::<R>(minimal, name)) {
            let message = "is not an extra field; set it with its own method";
            self.add(format!("{prefix}{name}"), message);
        }
    }

    fn model_supports_more_than_diarization(&mut self, model: Option<&Model>) {
        if is_community(model) {
            self.add(
                "model",
                "community-1 supports diarization only; use precision-2",
            );
        }
    }

    fn turns(&mut self, model: Option<&Model>, fields: &TurnFields) {
        let mut number = |field: &str, number: Option<u32>| {
            if number == Some(0) {
                self.add(field, "must be at least 1");
            }
            count(number)
        };
        let num = number("numSpeakers", fields.num_speakers);
        let min = number("minSpeakers", fields.min_speakers);
        let max = number("maxSpeakers", fields.max_speakers);
        for violation in pyannote_api_sys::speaker_count::check(num, min, max) {
            self.add(violation.field, violation.message);
        }
        if fields.confidence == Some(true) && is_one_of(model, &[Model::Precision3]) {
            self.add(
                "confidence",
                "precision-3 does not support it; use `speechProbability` and `speakerProbability`",
            );
        }
        for (field, sensitivity) in [
            ("vadSensitivity", fields.vad_sensitivity),
            ("crosstalkSensitivity", fields.crosstalk_sensitivity),
        ] {
            self.sensitivity(field, sensitivity, model);
        }
    }

    fn sensitivity(&mut self, field: &str, sensitivity: Option<f64>, model: Option<&Model>) {
        let Some(sensitivity) = sensitivity else {
            return;
        };
        if !SENSITIVITY.contains(&sensitivity) {
            let (min, max) = (SENSITIVITY.start(), SENSITIVITY.end());
            self.add(
                field,
                format!("must be from {min} to {max}, got {sensitivity}"),
            );
        }
        if is_one_of(model, &[Model::Precision2, Model::Community1]) {
            self.add(field, "requires a newer model; use precision-3");
        }
    }

    fn transcription(&mut self, model: Option<&Model>, fields: &TranscriptionFields) {
        if fields.include == Some(true) && is_community(model) {
            self.add(
                "transcription",
                "community-1 does not support transcription; use precision-2",
            );
        }
        if fields.is_configured() && fields.include != Some(true) {
            self.add(
                "transcriptionConfig",
                "requires a transcription; set `transcription(true)`, or leave this field out",
            );
        }
        self.extra::<types::TranscriptionConfiguration>(
            "transcriptionConfig.",
            &fields.extra,
            &json!({}),
        );
    }

    fn voiceprints(&mut self, voiceprints: &[(String, Voiceprint)]) {
        if !VOICEPRINT_COUNT.contains(&voiceprints.len()) {
            let (min, max) = (VOICEPRINT_COUNT.start(), VOICEPRINT_COUNT.end());
            self.add(
                "voiceprints",
                format!("must have {min} to {max} items, got {}", voiceprints.len()),
            );
        }
        let mut labels = HashSet::new();
        for (index, (label, voiceprint)) in voiceprints.iter().enumerate() {
            if let Err(message) = check_label(label) {
                self.add(format!("voiceprints[{index}].label"), message);
            }
            if !labels.insert(label) {
                self.add(
                    format!("voiceprints[{index}].label"),
                    format!("must be unique, and {label:?} is used twice"),
                );
            }
            if let Err(message) = voiceprint.check() {
                self.add(format!("voiceprints[{index}].voiceprint"), message);
            }
        }
    }

    fn matching(&mut self, fields: &MatchingFields) {
        if let Some(threshold) = fields.threshold
            && !(0.0..=100.0).contains(&threshold)
        {
            self.add(
                "matching.threshold",
                format!("must be from 0 to 100, got {threshold}"),
            );
        }
        self.extra::<types::MatchingOptions>("matching.", &fields.extra, &json!({}));
    }
}

/// Returns whether the type `R` of the bindings declares a field, as opposed to collecting it in its map of extra
/// fields. `minimal` is an `R` without optional fields.
fn declares<R: DeserializeOwned + Serialize>(minimal: &Value, name: &str) -> bool {
    if minimal.get(name).is_some() {
        return true;
    }
    let mut probe = minimal.clone();
    if let Some(object) = probe.as_object_mut() {
        object.insert(name.to_owned(), Value::Null);
    }
    // A declared field is optional, so that null is not written back; one in the map of extra fields is.
    let written = serde_json::from_value::<R>(probe).and_then(serde_json::to_value);
    written.is_ok_and(|written| written.get(name).is_none())
}

/// Returns whether the model is the open one, which supports diarization only.
fn is_community(model: Option<&Model>) -> bool {
    is_one_of(model, &[Model::Community1])
}

/// Returns whether the model is one of these, however it was named.
fn is_one_of(model: Option<&Model>, models: &[Model]) -> bool {
    model.is_some_and(|model| models.iter().any(|known| known.as_str() == model.as_str()))
}

fn check_webhook(text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|_| "must be an absolute https URL".to_owned())?;
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        scheme => Err(format!(
            "must be https, got {scheme}; http is allowed for loopback addresses only"
        )),
    }
}

fn check_label(text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if text.trim().is_empty() {
        return Err("must not be empty".to_owned());
    }
    if length > MAX_LABEL_CHARS {
        return Err(format!(
            "must have at most {MAX_LABEL_CHARS} characters, got {length}"
        ));
    }
    let prefix: String = text.chars().take(RESERVED_LABEL_PREFIX.len()).collect();
    if prefix.eq_ignore_ascii_case(RESERVED_LABEL_PREFIX) {
        return Err(
            "must not start with SPEAKER_ (case-insensitive), which is reserved for unmatched speakers"
                .to_owned(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_value() {
        assert_eq!(
            check_webhook("ftp://example.com").unwrap_err(),
            "must be https, got ftp; http is allowed for loopback addresses only"
        );
        assert_eq!(
            check_label(&"a".repeat(MAX_LABEL_CHARS + 1)).unwrap_err(),
            format!(
                "must have at most {MAX_LABEL_CHARS} characters, got {}",
                MAX_LABEL_CHARS + 1
            )
        );
        assert_eq!(
            check_label("speaker_1").unwrap_err(),
            "must not start with SPEAKER_ (case-insensitive), which is reserved for unmatched speakers"
        );
    }

    #[test]
    fn fields_that_the_bindings_declare() {
        let diarize = json!({ "url": "" });
        for name in [
            "confidence",
            "crosstalkProbability",
            "crosstalkSensitivity",
            "exclusive",
            "maxSpeakers",
            "minSpeakers",
            "model",
            "numSpeakers",
            "speakerProbability",
            "speechProbability",
            "transcription",
            "transcriptionConfig",
            "turnLevelConfidence",
            "url",
            "vadSensitivity",
            "webhook",
            "webhookStatusOnly",
        ] {
            assert!(declares::<types::DiarizeRequest>(&diarize, name), "{name}");
        }
        assert!(!declares::<types::DiarizeRequest>(&diarize, "sensitivity"));
        let identify = json!({ "voiceprints": [{ "label": "A", "voiceprint": "AAAA" }] });
        for name in ["url", "voiceprints", "matching", "exclusive", "model"] {
            assert!(
                declares::<types::IdentifyRequest>(&identify, name),
                "{name}"
            );
        }
        assert!(!declares::<types::IdentifyRequest>(
            &identify,
            "transcription"
        ));
        for name in ["url", "model", "webhook", "webhookStatusOnly"] {
            assert!(
                declares::<types::VoiceprintRequest>(&json!({ "url": "" }), name),
                "{name}"
            );
        }
        assert!(!declares::<types::VoiceprintRequest>(
            &json!({ "url": "" }),
            "language"
        ));
        assert!(declares::<types::MatchingOptions>(&json!({}), "threshold"));
        assert!(!declares::<types::MatchingOptions>(&json!({}), "strategy"));
        assert!(declares::<types::TranscriptionConfiguration>(
            &json!({}),
            "model"
        ));
        assert!(!declares::<types::TranscriptionConfiguration>(
            &json!({}),
            "language"
        ));
    }
}
