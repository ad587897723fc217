//! Request rules that the schemas do not express: rules across fields, and rules in the specification's prose.
//!
//! They are written from the API's documentation alone and share no code with the SDK, so that the two implementations
//! can be tested against each other.

use std::collections::HashSet;

use serde_json::{Map, Value};
use url::Url;

use super::schema::RequestKind;
use crate::engine::JobKind;
use crate::media::MediaKey;
use crate::parse::{decode_base64, non_negative_integer};
use crate::violation::Violation;
use crate::webhook;

/// Model that supports diarization only.
const DIARIZATION_ONLY_MODEL: &str = "community-1";
/// Model without frame-level confidence.
const MODEL_WITHOUT_CONFIDENCE: &str = "precision-3";
/// Models whose sensitivity cannot be set.
const MODELS_WITHOUT_SENSITIVITY: [&str; 2] = ["precision-2", "community-1"];
/// Maximum size of a submission as JSON, without the voiceprints, which the schema limits, in bytes.
const MAX_BYTES_WITHOUT_VOICEPRINTS: usize = 64 << 10;
/// Prefix of the labels of unmatched speakers, in lower case. Voiceprint labels must not start with it.
const SPEAKER_PREFIX: &[u8] = b"speaker_";

/// Returns all rules that a request violates, whether or not it matches its schema. With `allow_private`, webhooks may be
/// sent to private and loopback addresses.
pub(crate) fn check(
    kind: RequestKind,
    request: &Map<String, Value>,
    allow_private: bool,
) -> Vec<Violation> {
    let mut rules = Rules {
        request,
        allow_private,
        violations: Vec::new(),
    };
    match kind {
        RequestKind::Job(JobKind::Diarize) => {
            rules.submission();
            rules.speakers();
            rules.scores();
            rules.transcription();
        }
        RequestKind::Job(JobKind::Identify) => {
            rules.submission();
            rules.model();
            rules.speakers();
            rules.scores();
            rules.voiceprints();
        }
        RequestKind::Job(JobKind::Voiceprint) => {
            rules.submission();
            rules.model();
        }
        RequestKind::Media => rules.media(),
        RequestKind::Stream => {}
    }
    rules.violations
}

struct Rules<'a> {
    request: &'a Map<String, Value>,
    allow_private: bool,
    violations: Vec<Violation>,
}

impl<'a> Rules<'a> {
    fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.violations.push(Violation::new(field, message));
    }

    fn text(&self, field: &str) -> Option<&'a str> {
        self.request.get(field)?.as_str()
    }

    /// Reads a number of speakers. Ignores a value that the schema rejects.
    fn speaker_count(&self, field: &str) -> Option<u64> {
        non_negative_integer(self.request.get(field)?).filter(|count| *count > 0)
    }

    /// Rules of all job submissions.
    fn submission(&mut self) {
        self.size();
        match self.request.get("url") {
            // The schema of identifications does not require it.
            None => self.add("url", "is missing"),
            Some(url) => {
                if let Some(Err(message)) = url.as_str().map(check_recording_url) {
                    self.add("url", message);
                }
            }
        }
        if let Some(url) = self.text("webhook") {
            let result = match Url::parse(url) {
                Ok(url) => webhook::check_url(&url, self.allow_private),
                Err(_) => Err("must be an https URL"),
            };
            if let Err(message) = result {
                self.add("webhook", message);
            }
        }
        if self.request.contains_key("webhookStatusOnly") && !self.request.contains_key("webhook") {
            self.add("webhookStatusOnly", "requires webhook");
        }
        if self
            .text("model")
            .is_some_and(|model| model.trim().is_empty())
        {
            self.add("model", "must not be empty");
        }
    }

    /// Limits what is stored until the job ends: unknown fields, and texts that the schema does not limit.
    fn size(&mut self) {
        let voiceprints = self.request.get("voiceprints").and_then(Value::as_array);
        let voiceprints = voiceprints.into_iter().flatten();
        let texts = voiceprints.filter_map(|entry| entry.get("voiceprint")?.as_str());
        let voiceprint_bytes: usize = texts.map(str::len).sum();
        let bytes = serde_json::to_vec(self.request).map_or(0, |json| json.len());
        if bytes.saturating_sub(voiceprint_bytes) > MAX_BYTES_WITHOUT_VOICEPRINTS {
            let message = format!(
                "must have at most {MAX_BYTES_WITHOUT_VOICEPRINTS} bytes besides voiceprints"
            );
            self.add("body", message);
        }
    }

    fn model(&mut self) {
        if self.text("model") == Some(DIARIZATION_ONLY_MODEL) {
            let message =
                format!("must not be {DIARIZATION_ONLY_MODEL}, which supports diarization only");
            self.add("model", message);
        }
    }

    fn speakers(&mut self) {
        let min = self.speaker_count("minSpeakers");
        let max = self.speaker_count("maxSpeakers");
        if self.speaker_count("numSpeakers").is_some() {
            for (other, count) in [("minSpeakers", min), ("maxSpeakers", max)] {
                if count.is_some() {
                    self.add("numSpeakers", format!("cannot be combined with {other}"));
                }
            }
        }
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            let message = format!("must be at most maxSpeakers ({max})");
            self.add("minSpeakers", message);
        }
    }

    /// Rules of scores and sensitivities. Their ranges are in the schema.
    fn scores(&mut self) {
        let model = self.text("model");
        if self.request.get("confidence") == Some(&Value::Bool(true))
            && model == Some(MODEL_WITHOUT_CONFIDENCE)
        {
            let message = format!("is not supported by {MODEL_WITHOUT_CONFIDENCE}");
            self.add("confidence", message);
        }
        if let Some(model) = model.filter(|model| MODELS_WITHOUT_SENSITIVITY.contains(model)) {
            for field in ["vadSensitivity", "crosstalkSensitivity"] {
                if self.request.contains_key(field) {
                    self.add(field, format!("is not supported by {model}"));
                }
            }
        }
    }

    fn transcription(&mut self) {
        let is_enabled = self.request.get("transcription") == Some(&Value::Bool(true));
        if is_enabled && self.text("model") == Some(DIARIZATION_ONLY_MODEL) {
            let message = format!("is not supported by {DIARIZATION_ONLY_MODEL}");
            self.add("transcription", message);
        }
        if !is_enabled && self.request.contains_key("transcriptionConfig") {
            self.add("transcriptionConfig", "requires transcription: true");
        }
    }

    fn voiceprints(&mut self) {
        let Some(list) = self.request.get("voiceprints").and_then(Value::as_array) else {
            return;
        };
        let mut labels = HashSet::new();
        for (index, entry) in list.iter().enumerate() {
            let text = |field: &str| entry.get(field).and_then(Value::as_str);
            if let Some(label) = text("label") {
                let field = format!("voiceprints[{index}].label");
                if label.trim().is_empty() {
                    self.add(&field, "must not be empty");
                }
                let start = label.as_bytes().get(..SPEAKER_PREFIX.len());
                if start.is_some_and(|start| start.eq_ignore_ascii_case(SPEAKER_PREFIX)) {
                    self.add(
                        &field,
                        "must not start with SPEAKER_, in upper or lower case",
                    );
                }
                if !labels.insert(label) {
                    self.add(&field, "is a duplicate");
                }
            }
            if text("voiceprint").is_some_and(|text| decode_base64(text).is_none()) {
                let field = format!("voiceprints[{index}].voiceprint");
                self.add(field, "is not valid base64");
            }
        }
    }

    fn media(&mut self) {
        if let Some(Err(error)) = self.text("url").map(MediaKey::from_url) {
            self.add("url", error.to_string());
        }
    }
}

/// Checks the URL of a recording.
fn check_recording_url(text: &str) -> Result<(), String> {
    if text.starts_with("media:") {
        return match MediaKey::from_url(text) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(()),
        _ => Err("must be an http(s) or media:// URL".to_owned()),
    }
}
