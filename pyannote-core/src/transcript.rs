//! A transcript: who said what.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// A word, or the words of a turn.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TranscriptSegment {
    /// Start, in seconds from the start of the recording.
    pub start: f64,
    /// End, in seconds from the start of the recording.
    pub end: f64,
    /// What is said.
    pub text: String,
    /// Who says it.
    pub speaker: String,
}

impl TranscriptSegment {
    /// A segment from `start` to `end`, in seconds.
    pub fn new(start: f64, end: f64, text: impl Into<String>, speaker: impl Into<String>) -> Self {
        Self {
            start,
            end,
            text: text.into(),
            speaker: speaker.into(),
        }
    }
}

/// Segments of a transcript, in the order in which they came.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Transcript(Vec<TranscriptSegment>);

impl Deref for Transcript {
    type Target = [TranscriptSegment];

    fn deref(&self) -> &[TranscriptSegment] {
        &self.0
    }
}

impl From<Vec<TranscriptSegment>> for Transcript {
    fn from(segments: Vec<TranscriptSegment>) -> Self {
        Self(segments)
    }
}

impl<'a> IntoIterator for &'a Transcript {
    type Item = &'a TranscriptSegment;
    type IntoIter = std::slice::Iter<'a, TranscriptSegment>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
