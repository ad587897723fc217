//! SRT (SubRip) subtitles.

use super::SubtitleOptions;
use super::cue::cues;
use crate::Transcript;
use crate::time_format::format_timestamp;

/// Separates the name of a speaker from the words.
const SPEAKER_SEPARATOR: &str = ": ";

/// An invisible character that does not allow a line break.
const WORD_JOINER: char = '\u{2060}';

impl Transcript {
    /// Formats the transcript as SRT subtitles, with the speaker at the beginning of each cue: `Ada: Good morning.`
    ///
    /// Words are grouped into cues by speaker, pause and length with the default [`SubtitleOptions`]. Segments that are
    /// too long for a cue are split; the times within them are estimated from the number of characters. If speakers
    /// speak at the same time, their cues overlap.
    ///
    /// Segments whose times are not finite, reversed, or before the start of the recording are skipped. SRT has no
    /// escape sequences: an invisible U+2060 follows each `<` or `{` that would begin a tag, and `-->` becomes `-- >`.
    ///
    /// ```
    /// use pyannote_core::{Transcript, TranscriptSegment};
    ///
    /// let transcript = Transcript::from([TranscriptSegment::new(0.0, 1.5, "Good morning.", "Ada")]);
    /// assert_eq!(transcript.to_srt(), "1\n00:00:00,000 --> 00:00:01,500\nAda: Good morning.\n\n");
    /// ```
    #[must_use]
    pub fn to_srt(&self) -> String {
        self.to_srt_with(&SubtitleOptions::default())
    }

    /// Formats the transcript as SRT subtitles with the given options. See [`to_srt`](Self::to_srt).
    #[must_use]
    pub fn to_srt_with(&self, options: &SubtitleOptions) -> String {
        let prefix_chars = |speaker: &str| match speaker.chars().count() {
            0 => 0,
            chars => chars + SPEAKER_SEPARATOR.len(),
        };
        let mut text = String::new();
        for (index, cue) in cues(self, options, prefix_chars).iter().enumerate() {
            let (start, end) = cue.times_ms();
            let separator = if cue.speaker.is_empty() {
                ""
            } else {
                SPEAKER_SEPARATOR
            };
            text.push_str(&format!(
                "{}\n{} --> {}\n{}\n\n",
                index + 1,
                format_timestamp(start, ','),
                format_timestamp(end, ','),
                neutralize_markup(&format!(
                    "{}{separator}{}",
                    cue.speaker,
                    cue.lines.join("\n")
                ))
            ));
        }
        text
    }
}

/// Changes text that a player would interpret as a tag or as a timing line.
fn neutralize_markup(text: &str) -> String {
    let text = text.replace("-->", "-- >");
    let mut neutralized = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        neutralized.push(character);
        let begins_tag = match (character, characters.peek()) {
            ('<', Some(next)) => next.is_alphabetic() || matches!(next, '/' | '!'),
            ('{', Some(next)) => next.is_alphabetic() || *next == '\\',
            _ => false,
        };
        if begins_tag {
            neutralized.push(WORD_JOINER);
        }
    }
    neutralized
}

#[cfg(test)]
mod tests {
    use super::neutralize_markup;
    use crate::subtitle::fixtures::{markup, turns, words};

    #[test]
    fn words_become_cues() {
        insta::assert_snapshot!(words().to_srt());
    }

    #[test]
    fn turns_become_cues() {
        insta::assert_snapshot!(turns().to_srt());
    }

    #[test]
    fn markup_is_neutralized() {
        insta::assert_snapshot!(markup().to_srt());
    }

    #[test]
    fn only_tags_and_arrows_are_changed() {
        for (text, expected) in [
            ("1 < 2 <", "1 < 2 <"),
            ("<i>x</i>", "<\u{2060}i>x<\u{2060}/i>"),
            ("{\\an8}x {1}", "{\u{2060}\\an8}x {1}"),
            ("a --> b --->", "a -- > b --- >"),
        ] {
            assert_eq!(neutralize_markup(text), expected);
        }
    }
}
