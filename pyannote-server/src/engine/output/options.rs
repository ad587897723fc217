//! The options of a diarization request.

use pyannote_engine::{Sensitivity, SpeakerBounds};
use serde_json::{Map, Value};

use crate::parse::non_negative_integer;

/// Larger numbers of speakers count as this one.
const MAX_SPEAKERS: usize = 10_000;
/// The limit of a sensitivity in both directions.
const MAX_SENSITIVITY: f64 = 5.0;

/// The options of a request. Unknown fields are ignored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RequestOptions {
    pub(super) speakers: SpeakerBounds,
    pub(super) sensitivity: Sensitivity,
    /// Whether to return `exclusiveDiarization`.
    pub(super) exclusive: bool,
    /// Whether to return frame-level confidence.
    pub(super) confidence: bool,
    /// Whether to return turn-level confidence.
    pub(super) turn_confidence: bool,
    /// Whether to return the probability of speech in each frame.
    pub(super) speech_probability: bool,
    /// Whether to return the probability of overlapping speech in each frame.
    pub(super) crosstalk_probability: bool,
    /// Whether to return the probability of each speaker in each frame.
    pub(super) speaker_probability: bool,
}

impl RequestOptions {
    pub(super) fn read(request: &Map<String, Value>) -> Self {
        let is_true = |name: &str| request.get(name) == Some(&Value::Bool(true));
        Self {
            speakers: speakers(request),
            sensitivity: Sensitivity {
                vad: sensitivity(request, "vadSensitivity"),
                crosstalk: sensitivity(request, "crosstalkSensitivity"),
            },
            exclusive: is_true("exclusive"),
            confidence: is_true("confidence"),
            turn_confidence: is_true("turnLevelConfidence"),
            speech_probability: is_true("speechProbability"),
            crosstalk_probability: is_true("crosstalkProbability"),
            speaker_probability: is_true("speakerProbability"),
        }
    }
}

/// A sensitivity. The API rejects those that are out of range; jobs on a shared store may still contain them.
fn sensitivity(request: &Map<String, Value>, name: &str) -> f64 {
    let number = request.get(name).and_then(Value::as_f64);
    number
        .unwrap_or_default()
        .clamp(-MAX_SENSITIVITY, MAX_SENSITIVITY)
}

/// Warnings of numbers of speakers that count as smaller ones. The API has no maximum.
pub(super) fn warnings(request: &Map<String, Value>) -> Vec<String> {
    let too_many = |name: &&str| {
        let number = request.get(*name).and_then(non_negative_integer);
        number.is_some_and(|number| number > MAX_SPEAKERS as u64)
    };
    let names = ["numSpeakers", "minSpeakers"].into_iter();
    names
        .filter(too_many)
        .map(|name| {
            let number = &request[name];
            format!("{name} is {number}, but counts as {MAX_SPEAKERS}, the maximum of this server")
        })
        .collect()
}

/// The requested number of speakers. `numSpeakers` overrides the other fields.
fn speakers(request: &Map<String, Value>) -> SpeakerBounds {
    let number = |name: &str| {
        let number = non_negative_integer(request.get(name)?)?;
        Some(
            usize::try_from(number)
                .unwrap_or(MAX_SPEAKERS)
                .clamp(1, MAX_SPEAKERS),
        )
    };
    if let Some(number) = number("numSpeakers") {
        return SpeakerBounds::exactly(number);
    }
    let min = number("minSpeakers");
    SpeakerBounds {
        min,
        max: number("maxSpeakers").map(|max| max.max(min.unwrap_or(max))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sensitivities() {
        for (request, vad, crosstalk) in [
            (json!({}), 0.0, 0.0),
            (json!({ "vadSensitivity": 1 }), 1.0, 0.0),
            (json!({ "crosstalkSensitivity": -2.5 }), 0.0, -2.5),
            (
                json!({ "vadSensitivity": 9, "crosstalkSensitivity": -1e300 }),
                5.0,
                -5.0,
            ),
            (json!({ "vadSensitivity": "1" }), 0.0, 0.0),
        ] {
            let read = RequestOptions::read(request.as_object().unwrap()).sensitivity;
            assert_eq!(read, Sensitivity { vad, crosstalk }, "{request}");
        }
    }

    #[test]
    fn warnings_of_too_many_speakers() {
        let warning = |name: &str, number: &str| {
            vec![format!(
                "{name} is {number}, but counts as 10000, the maximum of this server"
            )]
        };
        for (request, expected) in [
            (json!({ "numSpeakers": 10_000 }), vec![]),
            (
                json!({ "numSpeakers": 10_001 }),
                warning("numSpeakers", "10001"),
            ),
            (
                json!({ "minSpeakers": 20_000, "maxSpeakers": 30_000 }),
                warning("minSpeakers", "20000"),
            ),
            (json!({ "maxSpeakers": 20_000 }), vec![]),
            (json!({ "numSpeakers": "20000" }), vec![]),
        ] {
            let found = warnings(request.as_object().unwrap());
            assert_eq!(found, expected, "{request}");
        }
    }

    #[test]
    fn number_of_speakers() {
        let speakers = |min, max| SpeakerBounds { min, max };
        for (request, expected) in [
            (json!({}), speakers(None, None)),
            (json!({ "numSpeakers": 2 }), SpeakerBounds::exactly(2)),
            (json!({ "numSpeakers": 2.0 }), SpeakerBounds::exactly(2)),
            (json!({ "minSpeakers": 2 }), speakers(Some(2), None)),
            (json!({ "maxSpeakers": 2 }), speakers(None, Some(2))),
            (
                json!({ "minSpeakers": 2, "maxSpeakers": 4 }),
                speakers(Some(2), Some(4)),
            ),
            (
                json!({ "numSpeakers": 1e300 }),
                SpeakerBounds::exactly(MAX_SPEAKERS),
            ),
            (
                json!({ "numSpeakers": u64::MAX }),
                SpeakerBounds::exactly(MAX_SPEAKERS),
            ),
            // The API rejects these; jobs on a shared store may still contain them.
            (json!({ "numSpeakers": 0 }), SpeakerBounds::exactly(1)),
            (json!({ "numSpeakers": "2" }), speakers(None, None)),
            (
                json!({ "minSpeakers": 4, "maxSpeakers": 2 }),
                speakers(Some(4), Some(4)),
            ),
        ] {
            let Value::Object(map) = &request else {
                panic!("{request}");
            };
            assert_eq!(RequestOptions::read(map).speakers, expected, "{request}");
        }
    }
}
