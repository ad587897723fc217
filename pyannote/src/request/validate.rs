//! Every rule about a request, once.
//!
//! All violations are reported together, as field and message, in the form of the API's own 400. The sources are the
//! API's specification and the prose of its pages; what the service may still refuse is its own to say.

use std::collections::HashSet;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use pyannote_api_sys::hooks::is_loopback;
use reqwest::Url;
use serde_json::{Map, Value};

use super::common::{Common, Speakers, count};
use super::model::Model;
use crate::error::FieldError;
use crate::media::validate_audio_url;
use crate::results::Voiceprint;

/// How many voiceprints a request may have.
const VOICEPRINTS: std::ops::RangeInclusive<usize> = 1..=50;
/// The longest label, in characters.
const LABEL: usize = 100;
/// What no label may start with, in any case: it is how unmatched speakers are called.
const SPEAKER: &str = "speaker_";
/// The longest voiceprint, in characters of base64.
const VOICEPRINT: usize = 20_000;

/// The rules that a request breaks.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<FieldError>);

impl Violations {
    pub(crate) fn into_vec(self) -> Vec<FieldError> {
        self.0
    }

    fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError::new(field, message));
    }

    /// The rules for what every submission has. `fields` are the fields that `extra` may not set.
    pub(crate) fn common(&mut self, common: &Common, fields: &[&str]) {
        if let Err(message) = validate_audio_url(common.audio.as_str()) {
            self.add("url", message);
        }
        match &common.webhook {
            Some(webhook) => {
                if let Err(message) = webhook_url(webhook) {
                    self.add("webhook", message);
                }
            }
            None if common.webhook_status_only.is_some() => {
                self.add(
                    "webhookStatusOnly",
                    "needs a webhook; set one, or leave this out",
                );
            }
            None => {}
        }
        if common
            .model
            .as_ref()
            .is_some_and(|model| model.as_str().trim().is_empty())
        {
            self.add("model", "is empty; name a model, or leave it out");
        }
        self.extra("", &common.extra, fields);
    }

    /// Fields that were set as unknown ones, of a request or (with the prefix) of an object in it.
    pub(crate) fn extra(&mut self, prefix: &str, extra: &Map<String, Value>, known: &[&str]) {
        for name in extra.keys().filter(|name| known.contains(&name.as_str())) {
            let message = "is a field that this client knows; set it with its own method";
            self.add(format!("{prefix}{name}"), message);
        }
    }

    /// Models that only diarize.
    pub(crate) fn diarization_only_model(&mut self, model: Option<&Model>) {
        if is_community(model) {
            self.add(
                "model",
                "community-1 is for diarization only; use precision-2",
            );
        }
    }

    pub(crate) fn speakers(&mut self, speakers: &Speakers) {
        let mut number = |field: &str, number: Option<u32>| {
            if number == Some(0) {
                self.add(field, "must be at least 1");
            }
            count(number)
        };
        let num = number("numSpeakers", speakers.num_speakers);
        let min = number("minSpeakers", speakers.min_speakers);
        let max = number("maxSpeakers", speakers.max_speakers);
        for violation in pyannote_api_sys::speaker_count::check(num, min, max) {
            self.add(violation.field, violation.message);
        }
    }

    pub(crate) fn transcription(
        &mut self,
        model: Option<&Model>,
        transcription: Option<bool>,
        configured: bool,
    ) {
        if transcription == Some(true) && is_community(model) {
            self.add(
                "transcription",
                "community-1 does not transcribe; use precision-2",
            );
        }
        if configured && transcription != Some(true) {
            self.add(
                "transcriptionConfig",
                "needs transcription; set .transcription(true), or leave this out",
            );
        }
    }

    pub(crate) fn voiceprints(&mut self, voiceprints: &[(String, Voiceprint)]) {
        if !VOICEPRINTS.contains(&voiceprints.len()) {
            let (least, most) = (VOICEPRINTS.start(), VOICEPRINTS.end());
            self.add(
                "voiceprints",
                format!("must be {least} to {most}, and are {}", voiceprints.len()),
            );
        }
        let mut labels = HashSet::new();
        for (index, (text, voiceprint)) in voiceprints.iter().enumerate() {
            if let Err(message) = label(text) {
                self.add(format!("voiceprints[{index}].label"), message);
            }
            if !labels.insert(text) {
                self.add(
                    format!("voiceprints[{index}].label"),
                    format!("{text:?} is there twice; each needs its own"),
                );
            }
            if let Err(message) = base64_voiceprint(voiceprint.as_base64()) {
                self.add(format!("voiceprints[{index}].voiceprint"), message);
            }
        }
    }

    pub(crate) fn threshold(&mut self, threshold: Option<f64>) {
        if let Some(threshold) = threshold
            && !(0.0..=100.0).contains(&threshold)
        {
            self.add(
                "matching.threshold",
                format!("must be from 0 to 100, and is {threshold}"),
            );
        }
    }
}

/// Whether it is the open model, which only diarizes, however it was named.
fn is_community(model: Option<&Model>) -> bool {
    model.is_some_and(|model| model.as_str() == Model::Community1.as_str())
}

/// Where webhooks are sent.
fn webhook_url(text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|_| "must be an absolute https URL".to_owned())?;
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        scheme => Err(format!(
            "must be https, and is {scheme}; http is for loopback addresses only"
        )),
    }
}

/// The label of a voiceprint.
fn label(text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if text.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    if length > LABEL {
        return Err(format!(
            "must have at most {LABEL} characters, and has {length}"
        ));
    }
    let start: String = text.chars().take(SPEAKER.len()).collect();
    if start.eq_ignore_ascii_case(SPEAKER) {
        return Err(
            "must not start with SPEAKER_, in any case: that is how unmatched speakers are called"
                .to_owned(),
        );
    }
    Ok(())
}

/// A voiceprint as base64: the standard or the URL-safe alphabet, padded or not. Its text is not in the message.
pub(crate) fn base64_voiceprint(text: &str) -> Result<(), String> {
    const EITHER: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    let length = text.chars().count();
    if length > VOICEPRINT {
        return Err(format!(
            "must have at most {VOICEPRINT} characters, and has {length}"
        ));
    }
    let is_valid = [STANDARD, URL_SAFE]
        .iter()
        .any(|alphabet| GeneralPurpose::new(alphabet, EITHER).decode(text).is_ok());
    if is_valid {
        Ok(())
    } else {
        Err("is not base64; pass it as the service returned it".to_owned())
    }
}
