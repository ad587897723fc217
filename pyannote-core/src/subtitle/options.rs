//! How long a cue may get.

use std::time::Duration;

/// How the words of a transcript are grouped into cues. The default: two lines of 42 characters, 7 seconds, and a new
/// cue after a pause of 1 second.
///
/// ```
/// use pyannote_core::{SubtitleOptions, Transcript, TranscriptSegment};
///
/// let words = ["one", "two", "three"].iter().zip([0.0, 0.5, 1.0]);
/// let words = words.map(|(word, at)| TranscriptSegment::new(at, at + 0.5, *word, "Ada"));
/// let transcript = Transcript::from(words.collect::<Vec<_>>());
/// let options = SubtitleOptions::default().lines(1).line_chars(12);
/// let srt = transcript.to_srt_with(&options);
/// assert!(srt.starts_with("1\n00:00:00,000 --> 00:00:01,000\nAda: one two\n\n2\n"));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SubtitleOptions {
    pub(super) line_chars: usize,
    pub(super) lines: usize,
    pub(super) max_duration: Duration,
    pub(super) max_pause: Duration,
}

impl Default for SubtitleOptions {
    fn default() -> Self {
        Self {
            line_chars: 42,
            lines: 2,
            max_duration: Duration::from_secs(7),
            max_pause: Duration::from_secs(1),
        }
    }
}

impl SubtitleOptions {
    /// The longest line, in characters. 0 is taken as 1. Scripts of wide characters, as Chinese, want some 16 to 20.
    ///
    /// The speaker's name in SRT counts too, up to half a line: with a longer name the first line gets longer.
    #[must_use]
    pub fn line_chars(mut self, characters: usize) -> Self {
        self.line_chars = characters.max(1);
        self
    }

    /// The most lines of a cue. 0 is taken as 1.
    #[must_use]
    pub fn lines(mut self, lines: usize) -> Self {
        self.lines = lines.max(1);
        self
    }

    /// The longest time that a cue stays. A single word that lasts longer is taken away after this time.
    #[must_use]
    pub fn max_duration(mut self, duration: Duration) -> Self {
        self.max_duration = duration;
        self
    }

    /// The longest silence of a speaker inside a cue: after a longer one a new cue begins.
    #[must_use]
    pub fn max_pause(mut self, pause: Duration) -> Self {
        self.max_pause = pause;
        self
    }
}
