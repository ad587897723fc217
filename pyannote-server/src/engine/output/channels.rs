//! The fields `channels` and `speakersPerChannel` of a request, which are not part of the API.

use std::collections::BTreeMap;

use pyannote_engine::{ChannelOptions, Diarization, SpeakerBounds};
use serde_json::{Map, Value};

use crate::parse::non_negative_integer;
use crate::violation::Violation;

const CHANNELS: &str = "channels";
const SPEAKERS_PER_CHANNEL: &str = "speakersPerChannel";
/// Maximum number of speakers of a channel.
const MAX_SPEAKERS: u64 = 10_000;

/// Whether each channel is to be diarized alone.
pub(in crate::engine) fn is_requested(request: &Map<String, Value>) -> bool {
    request.get(CHANNELS) == Some(&Value::Bool(true))
}

/// Returns the violations of the fields.
pub(in crate::engine) fn check(request: &Map<String, Value>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut add = |field: &str, message: String| violations.push(Violation::new(field, message));
    if request
        .get(CHANNELS)
        .is_some_and(|value| !value.is_boolean())
    {
        add(CHANNELS, "must be true or false".to_owned());
    }
    if let Some(value) = request.get(SPEAKERS_PER_CHANNEL) {
        if !is_requested(request) {
            add(SPEAKERS_PER_CHANNEL, format!("requires {CHANNELS}: true"));
        } else if !non_negative_integer(value)
            .is_some_and(|number| (1..=MAX_SPEAKERS).contains(&number))
        {
            add(
                SPEAKERS_PER_CHANNEL,
                "must be a whole number, 1 to 10,000".to_owned(),
            );
        }
    }
    if is_requested(request) {
        for field in ["numSpeakers", "minSpeakers", "maxSpeakers"] {
            if request.contains_key(field) {
                let message =
                    format!("cannot be combined with {CHANNELS}: set {SPEAKERS_PER_CHANNEL}");
                add(field, message);
            }
        }
    }
    violations
}

/// Reads the options of a request. Invalid ones are ignored: a server without this field may have accepted them.
pub(super) fn read(request: &Map<String, Value>) -> ChannelOptions {
    let number = request
        .get(SPEAKERS_PER_CHANNEL)
        .and_then(non_negative_integer);
    match number.and_then(|number| usize::try_from(number.clamp(1, MAX_SPEAKERS)).ok()) {
        Some(number) => ChannelOptions::new().speakers_per_channel(SpeakerBounds::exactly(number)),
        None => ChannelOptions::new(),
    }
}

/// The number of the channel of each speaker, from 1.
pub(super) fn of_speakers(diarization: &Diarization) -> BTreeMap<String, usize> {
    let speakers = diarization.speakers.iter();
    speakers
        .filter_map(|speaker| Some((speaker.label.clone(), speaker.channel?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn invalid_fields_are_violations() {
        let combined = "cannot be combined with channels: set speakersPerChannel";
        let number = "must be a whole number, 1 to 10,000";
        for (request, expected) in [
            (json!({}), &[][..]),
            (json!({ "channels": false, "numSpeakers": 2 }), &[]),
            (json!({ "channels": true }), &[]),
            (json!({ "channels": true, "speakersPerChannel": 2.0 }), &[]),
            (
                json!({ "channels": 2 }),
                &[("channels", "must be true or false")],
            ),
            (
                json!({ "channels": true, "numSpeakers": 2, "maxSpeakers": 2 }),
                &[("numSpeakers", combined), ("maxSpeakers", combined)],
            ),
            (
                json!({ "speakersPerChannel": 2 }),
                &[("speakersPerChannel", "requires channels: true")],
            ),
            (
                json!({ "channels": true, "speakersPerChannel": 0 }),
                &[("speakersPerChannel", number)],
            ),
            (
                json!({ "channels": true, "speakersPerChannel": "2" }),
                &[("speakersPerChannel", number)],
            ),
        ] {
            let violations = check(request.as_object().unwrap());
            let found: Vec<_> = violations
                .iter()
                .map(|violation| (violation.field.as_str(), violation.message.as_str()))
                .collect();
            assert_eq!(found, expected, "{request}");
        }
    }
}
