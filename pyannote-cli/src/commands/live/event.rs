//! The events of `pyannote live`, as JSON.

use pyannote::live::{LiveEvent, LiveTurns, SpeakerEvent};
use schemars::JsonSchema;
use serde::Serialize;

use crate::ui::Ui;

/// An event of a live diarization. Times are seconds of the audio.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(title = "Live event")]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Event {
    /// A speaker starts.
    SpeakerStart { time: f64, speaker: String },
    /// A speaker stops.
    SpeakerEnd { time: f64, speaker: String },
    /// The service reports a problem.
    Error { message: String },
    /// The connection was lost, and a new stream goes on. Labels start afresh.
    Reconnected {
        /// Start of the audio for which events may be missing.
        gap_start: f64,
        /// End of the audio for which events may be missing.
        gap_end: f64,
        stream_id: String,
    },
    /// A message of the service that this version does not know.
    Unknown { message: String },
}

impl From<LiveEvent> for Event {
    fn from(event: LiveEvent) -> Self {
        match event {
            LiveEvent::SpeakerStart { time, speaker } => Self::SpeakerStart { time, speaker },
            LiveEvent::SpeakerEnd { time, speaker } => Self::SpeakerEnd { time, speaker },
            LiveEvent::Error { message } => Self::Error { message },
            LiveEvent::Reconnected { gap, stream_id } => Self::Reconnected {
                gap_start: gap.start,
                gap_end: gap.end,
                stream_id: stream_id.to_string(),
            },
            LiveEvent::Unknown { message } => Self::Unknown { message },
            other => Self::Unknown {
                message: format!("{other:?}"),
            },
        }
    }
}

impl From<SpeakerEvent> for Event {
    fn from(event: SpeakerEvent) -> Self {
        let (time, speaker) = (event.time(), event.speaker().to_owned());
        match event {
            SpeakerEvent::End { .. } => Self::SpeakerEnd { time, speaker },
            _ => Self::SpeakerStart { time, speaker },
        }
    }
}

impl Event {
    /// Adds the event to the turns.
    pub(super) fn apply(&self, turns: &mut LiveTurns) {
        match self {
            Self::SpeakerStart { time, speaker } => {
                turns.apply(&SpeakerEvent::start(*time, speaker))
            }
            Self::SpeakerEnd { time, speaker } => turns.apply(&SpeakerEvent::end(*time, speaker)),
            Self::Reconnected { gap_end, .. } => turns.restart(*gap_end),
            Self::Error { .. } | Self::Unknown { .. } => {}
        }
    }

    /// Prints what the view does not show.
    pub(super) fn note(&self, ui: Ui) {
        match self {
            Self::Error { message } => ui.warn(&format!("the service says: {message}")),
            Self::Reconnected { gap_start, gap_end, stream_id } => ui.note(&format!(
                "connected again as stream {stream_id}; {gap_start:.1} s to {gap_end:.1} s may be incomplete"
            )),
            Self::SpeakerStart { .. } | Self::SpeakerEnd { .. } | Self::Unknown { .. } => {}
        }
    }
}
