//! SRT, the subtitles that each player reads.

use super::super::Transcript;
use super::super::clock::timestamp;
use super::cue::cues;
use super::options::SubtitleOptions;

/// Between the name of a speaker and what they say.
const SAYS: &str = ": ";

/// An invisible character at which no line breaks.
const WORD_JOINER: char = '\u{2060}';

impl Transcript {
    /// The transcript as SRT, with the speaker before each cue: `Ada: Good morning.`
    ///
    /// Words are grouped into cues by speaker, pause and length, as [`SubtitleOptions`] says. A segment of more than
    /// one word is cut where it is too long for a cue; the times inside it are estimated from the number of
    /// characters. Speakers who talk at the same time have cues at the same time.
    ///
    /// Segments whose times are not finite or reversed, or that end before the recording starts, are left out. SRT has
    /// no escapes: an invisible U+2060 stands after a `<` or `{` that would begin a tag, and `-->` becomes `-- >`.
    ///
    /// ```
    /// use pyannote_core::{Transcript, TranscriptSegment};
    ///
    /// let transcript = Transcript::from(vec![TranscriptSegment::new(0.0, 1.5, "Good morning.", "Ada")]);
    /// assert_eq!(transcript.to_srt(), "1\n00:00:00,000 --> 00:00:01,500\nAda: Good morning.\n\n");
    /// ```
    #[must_use]
    pub fn to_srt(&self) -> String {
        self.to_srt_with(&SubtitleOptions::default())
    }

    /// The transcript as SRT, as [`to_srt`](Self::to_srt), with cues of another length.
    #[must_use]
    pub fn to_srt_with(&self, options: &SubtitleOptions) -> String {
        let prefix = |speaker: &str| match speaker.chars().count() {
            0 => 0,
            chars => chars + SAYS.len(),
        };
        let mut text = String::new();
        for (index, cue) in cues(self, options, prefix).iter().enumerate() {
            let (start, end) = cue.times();
            let says = if cue.speaker.is_empty() { "" } else { SAYS };
            text.push_str(&format!(
                "{}\n{} --> {}\n{}\n\n",
                index + 1,
                timestamp(start, ','),
                timestamp(end, ','),
                plain(&format!("{}{says}{}", cue.speaker, cue.lines.join("\n")))
            ));
        }
        text
    }
}

/// `text` without what a player would take as markup, or as the next time.
fn plain(text: &str) -> String {
    let text = text.replace("-->", "-- >");
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        plain.push(character);
        let tag = match (character, characters.peek()) {
            ('<', Some(next)) => next.is_alphabetic() || matches!(next, '/' | '!'),
            ('{', Some(next)) => next.is_alphabetic() || *next == '\\',
            _ => false,
        };
        if tag {
            plain.push(WORD_JOINER);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::super::sample::{hostile, turns, words};
    use super::plain;

    #[test]
    fn words_become_cues() {
        insta::assert_snapshot!(words().to_srt());
    }

    #[test]
    fn turns_become_cues() {
        insta::assert_snapshot!(turns().to_srt());
    }

    #[test]
    fn hostile_text_stays_text() {
        insta::assert_snapshot!(hostile().to_srt());
    }

    #[test]
    fn only_what_would_begin_a_tag_is_touched() {
        for (text, expected) in [
            ("1 < 2 <", "1 < 2 <"),
            ("<i>x</i>", "<\u{2060}i>x<\u{2060}/i>"),
            ("{\\an8}x {1}", "{\u{2060}\\an8}x {1}"),
            ("a --> b --->", "a -- > b --- >"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }
}
