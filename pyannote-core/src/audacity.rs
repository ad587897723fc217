//! Audacity label tracks: one label per line, with start and end in seconds.

use crate::span::clamp_to_recording;
use crate::whitespace::collapse_whitespace;
use crate::{Span, Transcript, Turns};

impl Turns {
    /// Formats the turns as an Audacity label track (File > Import > Labels).
    ///
    /// Each line has start, end and speaker, separated by tabs. Times are in seconds with six decimals, as Audacity
    /// writes them. White space in names becomes a single space. Turns whose times are not finite, reversed, or before
    /// the start of the recording are skipped.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.5, 2.25, "Ada")]);
    /// assert_eq!(turns.to_audacity(), "0.500000\t2.250000\tAda\n");
    /// ```
    #[must_use]
    pub fn to_audacity(&self) -> String {
        self.iter()
            .filter_map(|turn| label(turn.start, turn.end, &turn.speaker))
            .collect()
    }
}

impl Transcript {
    /// Formats the transcript as an Audacity label track with one label `Speaker: text` per segment.
    ///
    /// See [`Turns::to_audacity`].
    #[must_use]
    pub fn to_audacity(&self) -> String {
        self.iter()
            .filter_map(|segment| {
                let text = format!("{}: {}", segment.speaker, segment.text);
                label(segment.start, segment.end, &text)
            })
            .collect()
    }
}

/// One line of a label track, or `None` if the times are invalid.
fn label(start: f64, end: f64, text: &str) -> Option<String> {
    let Span { start, end } = clamp_to_recording(start, end)?;
    Some(format!(
        "{start:.6}\t{end:.6}\t{}\n",
        collapse_whitespace(text)
    ))
}

#[cfg(test)]
mod tests {
    use crate::{Transcript, TranscriptSegment, Turn, Turns};

    #[test]
    fn each_label_is_one_line() {
        let turns = Turns::from(vec![
            Turn::new(-0.0, 1.0 / 3.0, "Ada\tLovelace\n"),
            Turn::new(f64::NAN, 1.0, "skipped"),
            Turn::new(2.0, 1.0, "skipped"),
            Turn::new(2.0, 2.0, ""),
        ]);
        assert_eq!(
            turns.to_audacity(),
            "0.000000\t0.333333\tAda Lovelace\n2.000000\t2.000000\t\n"
        );
        let transcript = Transcript::from(vec![TranscriptSegment::new(1.0, 2.0, "a\tb", "Ada")]);
        assert_eq!(transcript.to_audacity(), "1.000000\t2.000000\tAda: a b\n");
    }
}
