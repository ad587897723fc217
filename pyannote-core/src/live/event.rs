//! Speakers who start and stop.

use serde::{Deserialize, Serialize};

/// A speaker starts or stops speaking.
///
/// Its JSON is that of the messages of the pyannoteAI live API:
///
/// ```
/// use pyannote_core::SpeakerEvent;
///
/// let json = r#"{"type":"diarization_speaker_start","data":{"timestamp":1.5,"speaker":"SPEAKER_00"}}"#;
/// let event: SpeakerEvent = serde_json::from_str(json)?;
/// assert_eq!(event, SpeakerEvent::start(1.5, "SPEAKER_00"));
/// assert_eq!(serde_json::to_string(&event)?, json);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", content = "data")]
#[non_exhaustive]
pub enum SpeakerEvent {
    /// A speaker starts.
    #[serde(rename = "diarization_speaker_start")]
    Start {
        /// When, in seconds from the start of the stream.
        #[serde(rename = "timestamp")]
        time: f64,
        /// Name of the speaker: `SPEAKER_00` and so on.
        speaker: String,
    },
    /// A speaker stops.
    #[serde(rename = "diarization_speaker_end")]
    End {
        /// When, in seconds from the start of the stream.
        #[serde(rename = "timestamp")]
        time: f64,
        /// Name of the speaker: `SPEAKER_00` and so on.
        speaker: String,
    },
}

impl SpeakerEvent {
    /// Creates the event that `speaker` starts at `time`, in seconds.
    pub fn start(time: f64, speaker: impl Into<String>) -> Self {
        let speaker = speaker.into();
        Self::Start { time, speaker }
    }

    /// Creates the event that `speaker` stops at `time`, in seconds.
    pub fn end(time: f64, speaker: impl Into<String>) -> Self {
        let speaker = speaker.into();
        Self::End { time, speaker }
    }

    /// Returns the time, in seconds from the start of the stream.
    #[must_use]
    pub fn time(&self) -> f64 {
        match self {
            Self::Start { time, .. } | Self::End { time, .. } => *time,
        }
    }

    /// Returns the name of the speaker.
    #[must_use]
    pub fn speaker(&self) -> &str {
        match self {
            Self::Start { speaker, .. } | Self::End { speaker, .. } => speaker,
        }
    }
}
