//! HTML page of a diarization: timeline, speakers, and turns or transcript, which play the recording.
//!
//! `speakers` measures the speakers, `rows` groups the words by turn, `timeline` draws the lanes, `audio` checks the
//! URL of the recording, `page` writes the document. `page.css` and `page.js` are its style sheet and its script.

mod audio;
mod page;
mod rows;
mod speakers;
mod timeline;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::audio::AudioUrl;
pub use self::audio::InvalidAudioUrl;
use crate::{FrameScores, SpeakerScores, Transcript, Turns};

/// Options of an HTML page: by default without a title, recording, transcript, names and facts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HtmlOptions {
    title: Option<String>,
    audio: Option<AudioUrl>,
    duration_s: f64,
    transcript: Transcript,
    names: BTreeMap<String, String>,
    facts: Vec<(String, String)>,
    curves: Vec<(String, FrameScores)>,
    speaker_scores: Option<SpeakerScores>,
}

impl HtmlOptions {
    /// Sets the title of the page, such as the name of the recording.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the URL of the recording, which the page then plays.
    ///
    /// The URL is relative to the page, such as `meeting.wav` for a file in the same folder; absolute with the scheme
    /// `http`, `https` or `file`; or `data:audio/…` with the recording itself. Characters that have a meaning in URLs,
    /// such as `#`, `?` and `%` in the name of a file, must be percent-encoded.
    ///
    /// Everyone who has the page has the URL as well: a pre-signed URL gives access to the recording until it expires.
    ///
    /// # Errors
    ///
    /// Fails if the URL is empty, contains control characters or credentials, starts with `//`, or has another scheme.
    ///
    /// ```
    /// use pyannote_core::HtmlOptions;
    ///
    /// assert!(HtmlOptions::default().audio("recordings/meeting.wav").is_ok());
    /// let error = HtmlOptions::default().audio(r"C:\meeting.wav").unwrap_err();
    /// assert!(error.to_string().contains("scheme"));
    /// ```
    pub fn audio(mut self, url: impl AsRef<str>) -> Result<Self, InvalidAudioUrl> {
        self.audio = Some(AudioUrl::parse(url.as_ref())?);
        Ok(self)
    }

    /// Sets the duration of the recording in seconds, to which the timeline extends. By default, the timeline ends with
    /// the last turn or word. Ignored if it is shorter than that, or not finite.
    #[must_use]
    pub fn duration(mut self, seconds: f64) -> Self {
        self.duration_s = if seconds.is_finite() { seconds } else { 0.0 };
        self
    }

    /// Sets the transcript, whose text is displayed with the turns. With one segment per word, each word can be
    /// clicked.
    ///
    /// Words are grouped as by [`Turns::words`]; those outside of all turns of their speaker are displayed between the
    /// turns.
    #[must_use]
    pub fn transcript(mut self, transcript: impl Into<Transcript>) -> Self {
        self.transcript = transcript.into();
        self
    }

    /// Sets the names of identified speakers, by the speaker's name in turns and transcript.
    #[must_use]
    pub fn names<K: Into<String>, V: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let names = names.into_iter();
        self.names = names.map(|(k, v)| (k.into(), v.into())).collect();
        self
    }

    /// Adds a fact that is displayed below the title, such as `DER` and `12.3 %`, or `Model` and its name.
    #[must_use]
    pub fn fact(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.push((name.into(), value.into()));
        self
    }

    /// Adds a lane with a curve of scores, 0..100, such as the probability of speech. See
    /// [`SvgOptions::curve`](crate::SvgOptions::curve).
    #[must_use]
    pub fn curve(mut self, name: impl Into<String>, scores: FrameScores) -> Self {
        self.curves.push((name.into(), scores));
        self
    }

    /// Draws the scores of speakers, such as their probabilities, as curves in their lanes. The labels are those of the
    /// turns.
    #[must_use]
    pub fn speaker_scores(mut self, scores: SpeakerScores) -> Self {
        self.speaker_scores = Some(scores);
        self
    }
}

impl Turns {
    /// Writes the turns as an HTML page: timeline, speakers and turns.
    ///
    /// See [`to_html_with`](Self::to_html_with).
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.5, 12.0, "Ada"), Turn::new(11.0, 20.0, "Bob")]);
    /// assert!(turns.to_html().starts_with("<!DOCTYPE html>"));
    /// ```
    #[must_use]
    pub fn to_html(&self) -> String {
        self.to_html_with(&HtmlOptions::default())
    }

    /// Writes the turns as an HTML page with the given options.
    ///
    /// The page shows a lane per speaker with speech time, share, number of turns and overlapped speech, and the list
    /// of turns with their text. A click on the timeline, a turn or a word plays the recording from there; the current
    /// turn and word are highlighted. Speakers can be hidden. It can be used with the keyboard and on a phone, follows
    /// the light or dark color scheme of the viewer, and can be printed.
    ///
    /// The page is a single file. Its content security policy permits no requests but that for the recording, and no
    /// scripts but its own. All text is escaped. The output is deterministic. A page with 5,000 turns and 50,000 words
    /// is a file of 3.5 MB; the browser lays out only the visible turns.
    ///
    /// Turns whose times are not finite, reversed, or before the start of the recording are skipped. No text of the
    /// transcript is skipped: without valid times, it is at the end of the list.
    ///
    /// ```
    /// use pyannote_core::{HtmlOptions, Transcript, TranscriptSegment, Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.5, 2.0, "SPEAKER_00"), Turn::new(2.0, 4.0, "SPEAKER_01")]);
    /// let transcript = Transcript::from([
    ///     TranscriptSegment::new(0.5, 1.0, "Good", "SPEAKER_00"),
    ///     TranscriptSegment::new(1.0, 1.4, "morning.", "SPEAKER_00"),
    /// ]);
    /// let options = HtmlOptions::default()
    ///     .title("Monday meeting")
    ///     .audio("monday.wav")?
    ///     .transcript(transcript)
    ///     .names([("SPEAKER_00", "Ada")])
    ///     .fact("DER", "3.1 %");
    /// let page = turns.to_html_with(&options);
    /// assert!(page.contains("<title>Monday meeting</title>"));
    /// # Ok::<(), pyannote_core::InvalidAudioUrl>(())
    /// ```
    #[must_use]
    pub fn to_html_with(&self, options: &HtmlOptions) -> String {
        page::render(self, options)
    }
}
