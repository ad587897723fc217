//! Transcripts: who says what, and when.

use serde::{Deserialize, Serialize};

/// A word of a transcript, or all the words of a turn.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TranscriptSegment {
    /// Start, in seconds from the start of the recording.
    pub start: f64,
    /// End, in seconds from the start of the recording.
    pub end: f64,
    /// The words spoken.
    pub text: String,
    /// Name of the speaker.
    pub speaker: String,
}

impl TranscriptSegment {
    /// Creates a segment from `start` to `end`, in seconds.
    pub fn new(start: f64, end: f64, text: impl Into<String>, speaker: impl Into<String>) -> Self {
        Self {
            start,
            end,
            text: text.into(),
            speaker: speaker.into(),
        }
    }

    /// Returns the duration in seconds, or 0 if the end is not after the start.
    #[must_use]
    pub fn duration(&self) -> f64 {
        crate::span::duration(self.start, self.end)
    }
}

/// A list of transcript segments, either one per word or one per turn.
///
/// Segments keep the order in which they were added, which need not be sorted.
///
/// ```
/// use pyannote_core::{Transcript, TranscriptSegment};
///
/// let transcript = Transcript::from([
///     TranscriptSegment::new(0.0, 0.4, "Good", "Ada"),
///     TranscriptSegment::new(0.4, 0.9, "morning.", "Ada"),
/// ]);
/// assert_eq!(transcript.to_text(), "[00:00:00] Ada: Good morning.\n");
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Transcript(Vec<TranscriptSegment>);

crate::list::impl_list!(Transcript, TranscriptSegment);
