//! What a live stream reports.

use pyannote_core::{Span, SpeakerEvent};
use serde::Deserialize;

use super::StreamId;

/// An event of a live stream. Times are seconds of its audio.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LiveEvent {
    /// A speaker starts.
    SpeakerStart {
        /// When, in seconds.
        time: f64,
        /// `SPEAKER_00` and so on.
        speaker: String,
    },
    /// A speaker stops.
    SpeakerEnd {
        /// When, in seconds.
        time: f64,
        /// `SPEAKER_00` and so on.
        speaker: String,
    },
    /// The service reports a problem. It usually closes the stream then.
    Error {
        /// The message of the service.
        message: String,
    },
    /// The connection was lost, and the session continues with a new stream: see [`Live::reconnect`](super::Live::reconnect).
    /// Speaker labels start afresh.
    Reconnected {
        /// The audio, in seconds, for which events may be missing.
        gap: Span,
        /// The id of the new stream.
        stream_id: StreamId,
    },
    /// A message that this version does not know.
    Unknown {
        /// The message as it was sent, usually JSON.
        message: String,
    },
}

/// The message of the service about a problem.
#[derive(Deserialize)]
struct ErrorMessage {
    r#type: String,
    #[serde(default)]
    message: Option<String>,
}

impl LiveEvent {
    /// Returns the event of [`LiveTurns`](super::LiveTurns) and [`LiveWords`](super::LiveWords), if it is one.
    #[must_use]
    pub fn speaker_event(&self) -> Option<SpeakerEvent> {
        match self {
            Self::SpeakerStart { time, speaker } => Some(SpeakerEvent::start(*time, speaker)),
            Self::SpeakerEnd { time, speaker } => Some(SpeakerEvent::end(*time, speaker)),
            _ => None,
        }
    }

    /// Decodes a message of a stream whose audio starts at `start_s`, in seconds, of that of the session.
    pub(super) fn decode(message: String, start_s: f64) -> Self {
        match serde_json::from_str(&message) {
            Ok(SpeakerEvent::Start { time, speaker }) => {
                let time = start_s + time;
                return Self::SpeakerStart { time, speaker };
            }
            Ok(SpeakerEvent::End { time, speaker }) => {
                let time = start_s + time;
                return Self::SpeakerEnd { time, speaker };
            }
            _ => {}
        }
        match serde_json::from_str(&message) {
            Ok(ErrorMessage {
                r#type,
                message: Some(message),
            }) if r#type == "error" => Self::Error { message },
            _ => Self::Unknown { message },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_events() {
        let messages = [
            r#"{"type":"diarization_speaker_start","data":{"timestamp":1.5,"speaker":"SPEAKER_00"}}"#,
            r#"{"type":"diarization_speaker_end","data":{"timestamp":2,"speaker":"SPEAKER_00"}}"#,
            // Fields that this version does not know.
            r#"{"id":7,"data":{"speaker":"A","score":9,"timestamp":0.0},"type":"diarization_speaker_end"}"#,
            r#"{"type":"error","message":"Invalid chunk size"}"#,
            r#"{"type":"error","code":7}"#,
            r#"{"type":"diarization_speaker_start","data":{"speaker":"SPEAKER_00"}}"#,
            r#"{"type":"diarization_speaker_start","data":{"timestamp":null,"speaker":"SPEAKER_00"}}"#,
            r#"{"type":"transcript","data":{"text":"Hello"}}"#,
            "[]",
            "not JSON",
            "",
        ];
        let decode = |message: &&str| LiveEvent::decode((*message).to_owned(), 10.0);
        let events: Vec<LiveEvent> = messages.iter().map(decode).collect();
        insta::assert_debug_snapshot!(events);
    }
}
