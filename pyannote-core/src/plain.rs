//! A transcript as plain text, to read.

use super::Transcript;
use super::clock::{hms, milliseconds};
use super::one_line::one_line;

impl Transcript {
    /// The transcript as text, a line a turn: `[hh:mm:ss] Speaker: text`, with the time at which the turn starts.
    ///
    /// Segments of one speaker that follow each other are joined, in the order in which they came. White space in
    /// names and words becomes one space, so that a line is a turn. Nothing that is said is left out: where a start is
    /// not finite or below 0, the line begins with `[--:--:--]`.
    ///
    /// ```
    /// use pyannote_core::{Transcript, TranscriptSegment};
    ///
    /// let transcript = Transcript::from(vec![
    ///     TranscriptSegment::new(0.2, 0.5, "Good", "Ada"),
    ///     TranscriptSegment::new(0.5, 1.0, "morning.", "Ada"),
    ///     TranscriptSegment::new(61.5, 62.0, "Hello.", "Bob"),
    /// ]);
    /// assert_eq!(transcript.to_text(), "[00:00:00] Ada: Good morning.\n[00:01:01] Bob: Hello.\n");
    /// ```
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let mut last = None;
        for segment in self {
            let said = one_line(&segment.text);
            if said.is_empty() {
                continue;
            }
            if last == Some(&segment.speaker) {
                text.push(' ');
            } else {
                if last.is_some() {
                    text.push('\n');
                }
                text.push_str(&head(segment.start, &segment.speaker));
                last = Some(&segment.speaker);
            }
            text.push_str(&said);
        }
        if last.is_some() {
            text.push('\n');
        }
        text
    }
}

/// What stands before the words of a turn.
fn head(start: f64, speaker: &str) -> String {
    // Seconds are cut, not rounded, as on the clock of a player.
    let at = if start.is_finite() && start >= 0.0 {
        hms(milliseconds(start) / 1000)
    } else {
        "--:--:--".to_owned()
    };
    match one_line(speaker).as_str() {
        "" => format!("[{at}] "),
        speaker => format!("[{at}] {speaker}: "),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Transcript, TranscriptSegment};

    #[test]
    fn segments_become_lines() {
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
