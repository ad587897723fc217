//! WebVTT subtitles.

use super::SubtitleOptions;
use super::cue::cues;
use crate::Transcript;
use crate::time_format::format_timestamp;

impl Transcript {
    /// Formats the transcript as WebVTT subtitles, with the speaker as the voice of each cue: `<v Ada>Good
    /// morning.</v>`
    ///
    /// Cues are the same as those of [`to_srt`](Self::to_srt), except that the name of the speaker takes up no space.
    /// The characters `&`, `<` and `>` are escaped.
    ///
    /// ```
    /// use pyannote_core::{Transcript, TranscriptSegment};
    ///
    /// let transcript = Transcript::from([TranscriptSegment::new(0.0, 1.5, "Q & A", "Ada")]);
    /// let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n<v Ada>Q &amp; A</v>\n";
    /// assert_eq!(transcript.to_webvtt(), expected);
    /// ```
    #[must_use]
    pub fn to_webvtt(&self) -> String {
        self.to_webvtt_with(&SubtitleOptions::default())
    }

    /// Formats the transcript as WebVTT subtitles with the given options. See [`to_webvtt`](Self::to_webvtt).
    #[must_use]
    pub fn to_webvtt_with(&self, options: &SubtitleOptions) -> String {
        let mut text = String::from("WEBVTT\n");
        // Players do not display the voice as part of the text.
        for cue in cues(self, options, |_| 0) {
            let (start, end) = cue.times_ms();
            let lines = escape(&cue.lines.join("\n"));
            let payload = if cue.speaker.is_empty() {
                lines
            } else {
                format!("<v {}>{lines}</v>", voice_name(&cue.speaker))
            };
            text.push_str(&format!(
                "\n{} --> {}\n{payload}\n",
                format_timestamp(start, '.'),
                format_timestamp(end, '.'),
            ));
        }
        text
    }
}

/// Escapes the name of a voice. A space after `--` prevents an arrow together with the end of the tag, which would end
/// the cue; parsers trim it.
fn voice_name(name: &str) -> String {
    let space = if name.ends_with("--") { " " } else { "" };
    escape(name) + space
}

/// Escapes the text of a cue. Without `>` it cannot contain `-->` either.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use crate::Transcript;
    use crate::subtitle::fixtures::{markup, turns, words};

    #[test]
    fn words_become_cues() {
        insta::assert_snapshot!(words().to_webvtt());
    }

    #[test]
    fn turns_become_cues() {
        insta::assert_snapshot!(turns().to_webvtt());
    }

    #[test]
    fn markup_is_escaped() {
        insta::assert_snapshot!(markup().to_webvtt());
    }

    #[test]
    fn empty_transcript_has_only_a_header() {
        assert_eq!(Transcript::default().to_webvtt(), "WEBVTT\n");
    }
}
