//! WebVTT, the subtitles of the web.

use super::super::Transcript;
use super::super::clock::timestamp;
use super::cue::cues;
use super::options::SubtitleOptions;

impl Transcript {
    /// The transcript as WebVTT, with the speaker of each cue as its voice: `<v Ada>Good morning.</v>`
    ///
    /// Cues are made as for [`to_srt`](Self::to_srt), the same segments are left out. `&`, `<` and `>` are escaped.
    ///
    /// ```
    /// use pyannote_core::{Transcript, TranscriptSegment};
    ///
    /// let transcript = Transcript::from(vec![TranscriptSegment::new(0.0, 1.5, "Q & A", "Ada")]);
    /// let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n<v Ada>Q &amp; A</v>\n";
    /// assert_eq!(transcript.to_webvtt(), expected);
    /// ```
    #[must_use]
    pub fn to_webvtt(&self) -> String {
        self.to_webvtt_with(&SubtitleOptions::default())
    }

    /// The transcript as WebVTT, as [`to_webvtt`](Self::to_webvtt), with cues of another length.
    #[must_use]
    pub fn to_webvtt_with(&self, options: &SubtitleOptions) -> String {
        let mut text = String::from("WEBVTT\n");
        // The voice is not part of the visible line.
        for cue in cues(self, options, |_| 0) {
            let (start, end) = cue.times();
            let said = escaped(&cue.lines.join("\n"));
            let said = if cue.speaker.is_empty() {
                said
            } else {
                format!("<v {}>{said}</v>", voice(&cue.speaker))
            };
            text.push_str(&format!(
                "\n{} --> {}\n{said}\n",
                timestamp(start, '.'),
                timestamp(end, '.'),
            ));
        }
        text
    }
}

/// The name of a speaker as WebVTT holds it. The space keeps `--` and the end of the tag from being an arrow, which would
/// end the cue; it is not part of the name, as parsers trim it.
fn voice(name: &str) -> String {
    let space = if name.ends_with("--") { " " } else { "" };
    escaped(name) + space
}

/// `text` as WebVTT holds it. Without `>` there is no `-->` either.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::super::Transcript;
    use super::super::sample::{hostile, turns, words};

    #[test]
    fn words_become_cues() {
        insta::assert_snapshot!(words().to_webvtt());
    }

    #[test]
    fn turns_become_cues() {
        insta::assert_snapshot!(turns().to_webvtt());
    }

    #[test]
    fn hostile_text_stays_text() {
        insta::assert_snapshot!(hostile().to_webvtt());
    }

    #[test]
    fn a_transcript_without_words_is_a_header() {
        assert_eq!(Transcript::default().to_webvtt(), "WEBVTT\n");
    }
}
