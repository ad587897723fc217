//! What can be chosen about a timeline.

/// The width, the title and the range of a timeline. The default: 960 pixels, no title, from 0 to the last end.
#[derive(Clone, Debug, PartialEq)]
pub struct SvgOptions {
    pub(super) width: u32,
    pub(super) title: Option<String>,
    pub(super) range: Option<(f64, f64)>,
}

impl Default for SvgOptions {
    fn default() -> Self {
        Self {
            width: 960,
            title: None,
            range: None,
        }
    }
}

impl SvgOptions {
    /// The width in pixels, kept within 480..=10000. The height follows from the number of speakers.
    #[must_use]
    pub fn width(mut self, pixels: u32) -> Self {
        self.width = pixels.clamp(480, 10_000);
        self
    }

    /// A title above the timeline, which also names it for screen readers. It is shortened where it does not fit.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// The part of the recording that is shown, in seconds. Speech times are those of this part.
    ///
    /// A range that is not finite, below 0, empty or reversed shows everything. Lanes and colours stay the same
    /// whatever the range, so that pictures of parts can be compared.
    #[must_use]
    pub fn range(mut self, start: f64, end: f64) -> Self {
        let sound = start >= 0.0 && start < end && end.is_finite();
        self.range = sound.then_some((start, end));
        self
    }
}
