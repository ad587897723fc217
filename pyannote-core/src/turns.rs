//! Speaker turns: who speaks when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A stretch of speech of one speaker.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Turn {
    /// Start, in seconds from the start of the recording.
    pub start: f64,
    /// End, in seconds from the start of the recording.
    pub end: f64,
    /// Name of the speaker: `SPEAKER_00` and so on, or the label of a voiceprint.
    pub speaker: String,
    /// Confidence that each speaker is the one speaking, 0..100, by speaker name. `None` unless it was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<BTreeMap<String, f64>>,
}

impl Turn {
    /// Creates a turn from `start` to `end`, in seconds, without confidence.
    pub fn new(start: f64, end: f64, speaker: impl Into<String>) -> Self {
        Self {
            start,
            end,
            speaker: speaker.into(),
            confidence: None,
        }
    }

    /// Sets the confidence of each speaker, 0..100, replacing any previous values.
    ///
    /// ```
    /// use pyannote_core::Turn;
    ///
    /// let turn = Turn::new(0.0, 1.5, "Ada").with_confidence([("Ada", 92.0), ("Grace", 8.0)]);
    /// assert_eq!(turn.speaker_confidence(), Some(92.0));
    /// ```
    #[must_use]
    pub fn with_confidence<S: Into<String>>(
        mut self,
        confidence: impl IntoIterator<Item = (S, f64)>,
    ) -> Self {
        self.confidence = Some(by_name(confidence));
        self
    }

    /// Returns the confidence of the turn's own speaker, 0..100, if it is known.
    #[must_use]
    pub fn speaker_confidence(&self) -> Option<f64> {
        self.confidence.as_ref()?.get(&self.speaker).copied()
    }

    /// Returns the duration in seconds, or 0 if the end is not after the start.
    #[must_use]
    pub fn duration(&self) -> f64 {
        crate::span::duration(self.start, self.end)
    }
}

/// Collects confidences by the name of a speaker or the label of a voiceprint.
pub(crate) fn by_name<S: Into<String>>(
    confidence: impl IntoIterator<Item = (S, f64)>,
) -> BTreeMap<String, f64> {
    let confidence = confidence.into_iter();
    confidence
        .map(|(name, value)| (name.into(), value))
        .collect()
}

/// A list of turns: the result of a diarization.
///
/// Turns keep the order in which they were added, which need not be sorted. Turns of different speakers may overlap.
///
/// ```
/// use pyannote_core::{Turn, Turns};
///
/// let turns = Turns::from([Turn::new(0.0, 2.0, "Ada"), Turn::new(1.5, 3.0, "Grace")]);
/// assert_eq!(turns.len(), 2);
/// assert_eq!(turns[1].speaker, "Grace");
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Turns(Vec<Turn>);

crate::list::impl_list!(Turns, Turn);
