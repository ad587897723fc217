//! Audacity's label track: a line a label, with start and end in seconds.

use super::super::one_line::one_line;
use super::super::shown::shown;
use super::super::{Transcript, Turns};

impl Turns {
    /// The turns as a label track for Audacity (File > Import > Labels): start, end and speaker, apart by tabs.
    ///
    /// Times are in seconds, with six decimals as Audacity writes them. White space in a name becomes one space. Turns
    /// whose times are not finite or reversed, or that end before the recording starts, are left out.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from(vec![Turn::new(0.5, 2.25, "Ada")]);
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
    /// The transcript as a label track for Audacity, as [`Turns::to_audacity`], with the labels `Speaker: text`.
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

fn label(start: f64, end: f64, text: &str) -> Option<String> {
    let (start, end) = shown(start, end)?;
    Some(format!("{start:.6}\t{end:.6}\t{}\n", one_line(text)))
}

#[cfg(test)]
mod tests {
    use super::super::super::{Transcript, TranscriptSegment, Turn, Turns};

    #[test]
    fn labels_are_lines() {
        let turns = Turns::from(vec![
            Turn::new(-0.0, 1.0 / 3.0, "Ada\tLovelace\n"),
            Turn::new(f64::NAN, 1.0, "lost"),
            Turn::new(2.0, 1.0, "lost"),
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
