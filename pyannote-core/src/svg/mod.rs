//! SVG timeline of a diarization, with one lane per speaker.
//!
//! `summary` writes the text, `canvas` draws the parts and `render` the document. `text` truncates text.

mod canvas;
mod render;
mod summary;
mod text;

#[cfg(test)]
mod tests;

use crate::{FrameScores, Span, SpeakerScores, Turns};

/// Options of an SVG timeline: by default 960 pixels wide, without a title, from 0 to the last end.
#[derive(Clone, Debug, PartialEq)]
pub struct SvgOptions {
    width_px: u32,
    title: Option<String>,
    range: Option<Span>,
    curves: Vec<(String, FrameScores)>,
    speaker_scores: Option<SpeakerScores>,
}

impl Default for SvgOptions {
    fn default() -> Self {
        Self {
            width_px: 960,
            title: None,
            range: None,
            curves: Vec::new(),
            speaker_scores: None,
        }
    }
}

impl SvgOptions {
    /// Sets the width in pixels, clamped to 480..=10000. The height depends on the number of speakers.
    #[must_use]
    pub fn width(mut self, pixels: u32) -> Self {
        self.width_px = pixels.clamp(480, 10_000);
        self
    }

    /// Sets a title, which is displayed above the timeline and is its label for screen readers. Long titles are
    /// truncated.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the displayed part of the recording, in seconds. Speech times are those within this part.
    ///
    /// The whole recording is displayed if the range is not finite, negative, empty or reversed. Lanes and colors do
    /// not depend on the range, so that timelines of several parts can be compared.
    #[must_use]
    pub fn range(mut self, start: f64, end: f64) -> Self {
        let is_valid = start >= 0.0 && start < end && end.is_finite();
        self.range = is_valid.then_some(Span::new(start, end));
        self
    }

    /// Adds a lane with a curve of scores, 0..100, such as the probability of speech. It has a point per pixel, the
    /// mean of the scores there.
    ///
    /// ```
    /// use pyannote_core::{FrameScores, SvgOptions, Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.0, 2.0, "Ada")]);
    /// let speech = FrameScores::new(vec![97.0; 100], 0.02);
    /// let svg = turns.to_svg_with(&SvgOptions::default().curve("Speech", speech));
    /// assert!(svg.contains("Speech"));
    /// ```
    #[must_use]
    pub fn curve(mut self, name: impl Into<String>, scores: FrameScores) -> Self {
        self.curves.push((name.into(), scores));
        self
    }

    /// Draws the scores of speakers, such as their probabilities, as curves in their lanes. Speakers without turns have
    /// no lane.
    #[must_use]
    pub fn speaker_scores(mut self, scores: SpeakerScores) -> Self {
        self.speaker_scores = Some(scores);
        self
    }
}

impl Turns {
    /// Draws the turns as an SVG timeline: one lane per speaker in order of appearance, with their speech time and
    /// share, and a lane for overlapped speech.
    ///
    /// The document is self-contained, follows the light or dark color scheme of the viewer, and can be embedded in
    /// HTML. Each bar has a tooltip with its times; screen readers get a summary. Turns less than a pixel apart share a
    /// bar, whose opacity reflects the density of speech, so that a day with ten thousand turns remains a small file.
    /// The output is deterministic.
    ///
    /// Turns whose times are not finite, reversed, or before the start of the recording are skipped.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.5, 12.0, "Ada"), Turn::new(11.0, 20.0, "Bob")]);
    /// assert!(turns.to_svg().starts_with("<svg xmlns="));
    /// ```
    #[must_use]
    pub fn to_svg(&self) -> String {
        self.to_svg_with(&SvgOptions::default())
    }

    /// Draws the turns as an SVG timeline with the given options. See [`to_svg`](Self::to_svg).
    ///
    /// ```
    /// use pyannote_core::{SvgOptions, Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.5, 12.0, "Ada"), Turn::new(11.0, 20.0, "Bob")]);
    /// let options = SvgOptions::default().title("Monday").width(640).range(10.0, 20.0);
    /// assert!(turns.to_svg_with(&options).contains("aria-label=\"Monday\""));
    /// ```
    #[must_use]
    pub fn to_svg_with(&self, options: &SvgOptions) -> String {
        render::render(self, options)
    }
}
