//! The options of a diarization request.

use pyannote_engine::SpeakerBounds;
use serde_json::{Map, Value};

use crate::parse::non_negative_integer;

/// Larger numbers of speakers count as this one.
const MAX_SPEAKERS: usize = 10_000;

/// The options of a request. Unknown fields are ignored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct RequestOptions {
    pub(super) speakers: SpeakerBounds,
    /// Whether to return `exclusiveDiarization`.
    pub(super) exclusive: bool,
    /// Whether to return frame-level confidence.
    pub(super) confidence: bool,
    /// Whether to return turn-level confidence.
    pub(super) turn_confidence: bool,
}

impl RequestOptions {
    pub(super) fn read(request: &Map<String, Value>) -> Self {
        let is_true = |name: &str| request.get(name) == Some(&Value::Bool(true));
        Self {
            speakers: speakers(request),
            exclusive: is_true("exclusive"),
            confidence: is_true("confidence"),
            turn_confidence: is_true("turnLevelConfidence"),
        }
    }
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
