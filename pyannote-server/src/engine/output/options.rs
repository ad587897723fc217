//! What a request asks for beyond the recording.

use serde_json::{Map, Value};

use crate::engine::SpeakerBounds;
use crate::parse::non_negative_integer;

/// More speakers than this are as many as this: a recording of a day has not so many turns.
const MOST: usize = 10_000;

/// What a request asks for. Fields that are not known are none of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Options {
    pub(super) speakers: SpeakerBounds,
    /// Whether to tell who spoke when, one speaker at a time.
    pub(super) exclusive: bool,
    /// Whether to tell how sure each frame is.
    pub(super) confidence: bool,
    /// Whether to tell how sure each turn is.
    pub(super) turn_confidence: bool,
}

impl Options {
    pub(super) fn read(request: &Map<String, Value>) -> Self {
        let asked = |name: &str| request.get(name) == Some(&Value::Bool(true));
        Self {
            speakers: speakers(request),
            exclusive: asked("exclusive"),
            confidence: asked("confidence"),
            turn_confidence: asked("turnLevelConfidence"),
        }
    }
}

fn speakers(request: &Map<String, Value>) -> SpeakerBounds {
    let number = |name: &str| {
        let number = non_negative_integer(request.get(name)?)?;
        Some(usize::try_from(number).unwrap_or(MOST).clamp(1, MOST))
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
    fn numbers_of_speakers() {
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
                SpeakerBounds::exactly(MOST),
            ),
            (
                json!({ "numSpeakers": u64::MAX }),
                SpeakerBounds::exactly(MOST),
            ),
            // What the API refuses is made the best of.
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
            assert_eq!(Options::read(map).speakers, expected, "{request}");
        }
    }
}
