//! Turns and transcripts as plain text.

use crate::time_format::{format_hms, format_timestamp, to_millis};
use crate::whitespace::collapse_whitespace;
use crate::{Transcript, Turns};

impl Turns {
    /// Formats the turns as text, one line per turn: `[hh:mm:ss.mmm --> hh:mm:ss.mmm] Speaker`.
    ///
    /// The turns keep their order, and no turn is skipped: times that are negative or not finite are written as
    /// `--:--:--.---`. White space in names becomes a single space.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.5, 2.25, "Ada"), Turn::new(62.0, 63.5, "Bob")]);
    /// assert_eq!(
    ///     turns.to_text(),
    ///     "[00:00:00.500 --> 00:00:02.250] Ada\n[00:01:02.000 --> 00:01:03.500] Bob\n",
    /// );
    /// ```
    #[must_use]
    pub fn to_text(&self) -> String {
        let time = |seconds: f64| {
            if is_valid(seconds) {
                format_timestamp(to_millis(seconds), '.')
            } else {
                "--:--:--.---".to_owned()
            }
        };
        self.iter()
            .map(|turn| {
                let (start, end) = (time(turn.start), time(turn.end));
                match collapse_whitespace(&turn.speaker).as_str() {
                    "" => format!("[{start} --> {end}]\n"),
                    speaker => format!("[{start} --> {end}] {speaker}\n"),
                }
            })
            .collect()
    }
}

impl Transcript {
    /// Formats the transcript as text, one line per turn: `[hh:mm:ss] Speaker: text`, with the start time of the turn.
    ///
    /// Consecutive segments of the same speaker are joined, in the order of the list. White space in names and words
    /// becomes a single space, so that each turn is exactly one line. No text is skipped: a start that is negative or
    /// not finite is written as `[--:--:--]`.
    ///
    /// ```
    /// use pyannote_core::{Transcript, TranscriptSegment};
    ///
    /// let transcript = Transcript::from([
    ///     TranscriptSegment::new(0.2, 0.5, "Good", "Ada"),
    ///     TranscriptSegment::new(0.5, 1.0, "morning.", "Ada"),
    ///     TranscriptSegment::new(61.5, 62.0, "Hello.", "Bob"),
    /// ]);
    /// assert_eq!(transcript.to_text(), "[00:00:00] Ada: Good morning.\n[00:01:01] Bob: Hello.\n");
    /// ```
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut lines = String::new();
        let mut current_speaker = None;
        for segment in self {
            let text = collapse_whitespace(&segment.text);
            if text.is_empty() {
                continue;
            }
            if current_speaker == Some(&segment.speaker) {
                lines.push(' ');
            } else {
                if current_speaker.is_some() {
                    lines.push('\n');
                }
                lines.push_str(&line_prefix(segment.start, &segment.speaker));
                current_speaker = Some(&segment.speaker);
            }
            lines.push_str(&text);
        }
        if current_speaker.is_some() {
            lines.push('\n');
        }
        lines
    }
}

/// The part of a transcript line before the words.
fn line_prefix(start: f64, speaker: &str) -> String {
    let time = if is_valid(start) {
        // Whole seconds are truncated, as on the clock of a player.
        format_hms(to_millis(start) / 1000)
    } else {
        "--:--:--".to_owned()
    };
    match collapse_whitespace(speaker).as_str() {
        "" => format!("[{time}] "),
        speaker => format!("[{time}] {speaker}: "),
    }
}

/// Whether a time is inside the recording.
fn is_valid(seconds: f64) -> bool {
    seconds.is_finite() && seconds >= 0.0
}

#[cfg(test)]
mod tests {
    use crate::{Transcript, TranscriptSegment, Turn, Turns};

    #[test]
    fn turns_become_lines() {
        let turns = Turns::from([
            Turn::new(3661.9, 3662.0004, "Ada\nLovelace"),
            Turn::new(0.0, 1.0, " "),
            Turn::new(f64::NAN, f64::INFINITY, "Bob"),
            Turn::new(-1.0, 1.0, "Bob"),
        ]);
        insta::assert_snapshot!(turns.to_text(), @r"
        [01:01:01.900 --> 01:01:02.000] Ada Lovelace
        [00:00:00.000 --> 00:00:01.000]
        [--:--:--.--- --> --:--:--.---] Bob
        [--:--:--.--- --> 00:00:01.000] Bob
        ");
        assert_eq!(Turns::new().to_text(), "");
    }

    #[test]
    fn segments_of_one_speaker_become_one_line() {
        let segment = TranscriptSegment::new;
        let transcript = Transcript::from(vec![
            segment(0.0, 1.0, "one", "Ada"),
            segment(1.0, 2.0, " ", "Bob"),
            segment(2.0, 3.0, "two\n[00:00:00] Bob: no", "Ada"),
            segment(3661.9, 3662.0, "three", "Bob\nBo"),
            segment(59.9999, 61.0, "four", ""),
            segment(f64::NAN, 1.0, "five", "Ada"),
            segment(-1.0, 1.0, "six", "Bob"),
            segment(f64::INFINITY, 1.0, "seven", "Eve"),
        ]);
        insta::assert_snapshot!(transcript.to_text(), @r"
        [00:00:00] Ada: one two [00:00:00] Bob: no
        [01:01:01] Bob Bo: three
        [00:01:00] four
        [--:--:--] Ada: five
        [--:--:--] Bob: six
        [--:--:--] Eve: seven
        ");
        assert_eq!(Transcript::default().to_text(), "");
    }
}
