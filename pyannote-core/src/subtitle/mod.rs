//! SRT and WebVTT subtitles of a transcript.
//!
//! A transcript is split into tokens (`token`), which are grouped into cues (`cue`) that both formats share.
//! Transcripts with one segment per word and with one per turn thus give the same kind of subtitles.

mod cue;
mod srt;
mod token;
mod webvtt;

#[cfg(test)]
mod fixtures;

use std::time::Duration;

/// How the words of a transcript are grouped into cues.
///
/// The defaults are two lines of 42 characters, a duration of 7 seconds, and a new cue after a pause of 1 second.
///
/// ```
/// use pyannote_core::{SubtitleOptions, Transcript, TranscriptSegment};
///
/// let transcript = Transcript::from([
///     TranscriptSegment::new(0.0, 0.5, "one", "Ada"),
///     TranscriptSegment::new(0.5, 1.0, "two", "Ada"),
///     TranscriptSegment::new(1.0, 1.5, "three", "Ada"),
/// ]);
/// let options = SubtitleOptions::default().max_lines(1).max_line_chars(12);
/// let srt = transcript.to_srt_with(&options);
/// assert!(srt.starts_with("1\n00:00:00,000 --> 00:00:01,000\nAda: one two\n\n2\n"));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SubtitleOptions {
    max_line_chars: usize,
    max_lines: usize,
    max_duration: Duration,
    max_pause: Duration,
}

impl Default for SubtitleOptions {
    fn default() -> Self {
        Self {
            max_line_chars: 42,
            max_lines: 2,
            max_duration: Duration::from_secs(7),
            max_pause: Duration::from_secs(1),
        }
    }
}

impl SubtitleOptions {
    /// Sets the maximum length of a line in characters, at least 1.
    ///
    /// Scripts with wide characters, such as Chinese, need 16 to 20. The name of the speaker in SRT counts for up to
    /// half a line; a longer name makes the first line longer.
    #[must_use]
    pub fn max_line_chars(mut self, chars: usize) -> Self {
        self.max_line_chars = chars.max(1);
        self
    }

    /// Sets the maximum number of lines of a cue, at least 1.
    #[must_use]
    pub fn max_lines(mut self, lines: usize) -> Self {
        self.max_lines = lines.max(1);
        self
    }

    /// Sets the maximum duration of a cue. A cue with a single longer word ends after this time.
    #[must_use]
    pub fn max_duration(mut self, duration: Duration) -> Self {
        self.max_duration = duration;
        self
    }

    /// Sets the longest pause of a speaker within a cue. A longer pause starts a new cue.
    #[must_use]
    pub fn max_pause(mut self, pause: Duration) -> Self {
        self.max_pause = pause;
        self
    }
}
