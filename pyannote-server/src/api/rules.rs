//! The rules of requests that no schema expresses: those across fields, and those of the prose.
//!
//! They are written from the documents alone, without the SDK's own, so that the two can be tested against each other.

use std::collections::HashSet;

use serde_json::{Map, Value};
use url::{Host, Url};

use super::schema::Body;
use crate::lenient::{base64, whole};
use crate::media::MediaKey;
use crate::violation::Violation;

/// The model that diarizes and does nothing else.
const DIARIZES_ONLY: &str = "community-1";
/// How unmatched speakers are called, so that no label may start like it.
const SPEAKER: &[u8] = b"speaker_";

/// Every rule that a body breaks, whatever its schema says.
pub(crate) fn check(body: Body, request: &Map<String, Value>) -> Vec<Violation> {
    let mut rules = Rules {
        request,
        broken: Vec::new(),
    };
    match body {
        Body::Diarize => {
            rules.submission();
            rules.speakers();
            rules.transcription();
        }
        Body::Identify => {
            rules.submission();
            rules.model();
            rules.speakers();
            rules.voiceprints();
        }
        Body::Voiceprint => {
            rules.submission();
            rules.model();
        }
        Body::Media => rules.medium(),
    }
    rules.broken
}

struct Rules<'a> {
    request: &'a Map<String, Value>,
    broken: Vec<Violation>,
}

impl<'a> Rules<'a> {
    fn broken(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.broken.push(Violation::new(field, message));
    }

    fn text(&self, field: &str) -> Option<&'a str> {
        self.request.get(field)?.as_str()
    }

    /// A number of speakers. One that the schema refuses is compared with nothing.
    fn number(&self, field: &str) -> Option<u64> {
        whole(self.request.get(field)?).filter(|number| *number > 0)
    }

    /// What every submission has.
    fn submission(&mut self) {
        match self.request.get("url") {
            // The specification forgets to require it of an identification.
            None => self.broken("url", "is missing"),
            Some(url) => {
                if let Some(Err(message)) = url.as_str().map(recording) {
                    self.broken("url", message);
                }
            }
        }
        if let Some(Err(message)) = self.text("webhook").map(webhook) {
            self.broken("webhook", message);
        }
        if self.request.contains_key("webhookStatusOnly") && !self.request.contains_key("webhook") {
            self.broken("webhookStatusOnly", "needs a webhook");
        }
        if self
            .text("model")
            .is_some_and(|model| model.trim().is_empty())
        {
            self.broken("model", "is empty");
        }
    }

    fn model(&mut self) {
        if self.text("model") == Some(DIARIZES_ONLY) {
            let message = format!("{DIARIZES_ONLY} is for diarization only");
            self.broken("model", message);
        }
    }

    fn speakers(&mut self) {
        let min = self.number("minSpeakers");
        let max = self.number("maxSpeakers");
        if self.number("numSpeakers").is_some() {
            for (other, number) in [("minSpeakers", min), ("maxSpeakers", max)] {
                if number.is_some() {
                    let message = format!("cannot be used together with {other}");
                    self.broken("numSpeakers", message);
                }
            }
        }
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            self.broken("minSpeakers", format!("must be at most maxSpeakers, {max}"));
        }
    }

    fn transcription(&mut self) {
        let is_asked = self.request.get("transcription") == Some(&Value::Bool(true));
        if is_asked && self.text("model") == Some(DIARIZES_ONLY) {
            let message = format!("{DIARIZES_ONLY} does not transcribe");
            self.broken("transcription", message);
        }
        if !is_asked && self.request.contains_key("transcriptionConfig") {
            self.broken("transcriptionConfig", "needs transcription: true");
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
                    self.broken(&field, "is empty");
                }
                let start = label.as_bytes().get(..SPEAKER.len());
                if start.is_some_and(|start| start.eq_ignore_ascii_case(SPEAKER)) {
                    self.broken(&field, "must not start with SPEAKER_, in any case");
                }
                if !labels.insert(label) {
                    self.broken(&field, "is there twice");
                }
            }
            if text("voiceprint").is_some_and(|text| base64(text).is_none()) {
                self.broken(format!("voiceprints[{index}].voiceprint"), "is not base64");
            }
        }
    }

    fn medium(&mut self) {
        if let Some(Err(message)) = self.text("url").map(MediaKey::from_url) {
            self.broken("url", message);
        }
    }
}

/// The address of a recording.
fn recording(text: &str) -> Result<(), String> {
    if text.starts_with("media:") {
        return MediaKey::from_url(text).map(drop);
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(()),
        _ => Err("must be an absolute http(s) URL, or media:// and a key".to_owned()),
    }
}

/// The address of a receiver of webhooks.
fn webhook(text: &str) -> Result<(), String> {
    let Ok(url) = Url::parse(text) else {
        return Err("must be an absolute https URL".to_owned());
    };
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback => Ok(()),
        _ => Err("must be https; http is for loopback addresses only".to_owned()),
    }
}
