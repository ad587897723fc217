//! A picture of who speaks when: a timeline as SVG, with a lane for each speaker.
//!
//! From turns to picture: `lane` sorts turns by speaker and adds up, `bar` makes few enough bars of many turns, `axis`
//! chooses the ticks, `summary` finds the words, `picture` draws the parts and `draw` the whole. `text` fits and escapes
//! text, `theme` holds the colours.

mod axis;
mod bar;
mod draw;
mod lane;
mod options;
mod picture;
mod summary;
mod text;
mod theme;

pub use options::SvgOptions;

use super::Turns;

impl Turns {
    /// The turns as an SVG timeline: a lane a speaker, in the order in which they first speak, with how long each of
    /// them speaks and their share, and a lane for overlaps.
    ///
    /// The picture is complete in itself, follows the reader's light or dark colour scheme, and can stand inside HTML.
    /// Each bar tells its times when pointed at; screen readers get a summary. Turns that are closer than a pixel share
    /// a bar, paler the less of it is speech: a day of ten thousand turns stays small. The same turns always give the
    /// same text.
    ///
    /// Turns whose times are not finite or reversed, or that end before the recording starts, are left out.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from(vec![Turn::new(0.5, 12.0, "Ada"), Turn::new(11.0, 20.0, "Bob")]);
    /// assert!(turns.to_svg().starts_with("<svg xmlns="));
    /// ```
    #[must_use]
    pub fn to_svg(&self) -> String {
        self.to_svg_with(&SvgOptions::default())
    }

    /// The turns as an SVG timeline, as [`to_svg`](Self::to_svg), with a width, a title or a range of your own.
    ///
    /// ```
    /// use pyannote_core::{SvgOptions, Turn, Turns};
    ///
    /// let turns = Turns::from(vec![Turn::new(0.5, 12.0, "Ada"), Turn::new(11.0, 20.0, "Bob")]);
    /// let options = SvgOptions::default().title("Monday").width(640).range(10.0, 20.0);
    /// assert!(turns.to_svg_with(&options).contains("aria-label=\"Monday\""));
    /// ```
    #[must_use]
    pub fn to_svg_with(&self, options: &SvgOptions) -> String {
        draw::draw(self, options)
    }
}

#[cfg(test)]
mod tests;
