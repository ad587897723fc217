//! The parts of a timeline, and where they stand in their lane.

use super::super::clock::{length, tenths};
use super::axis::axis;
use super::bar::{Bar, bars};
use super::lane::Stretch;
use super::text::escaped;
use super::theme::SPEAKERS;

// All in pixels.
/// Around everything.
pub(super) const EDGE: f64 = 20.0;
/// Room for speech time and share, at the right.
pub(super) const NUMBERS: f64 = 138.0;
/// Room for the share alone.
const SHARE: f64 = 46.0;
/// A lane, its bar, and the bar of the overlaps.
pub(super) const LANE: f64 = 32.0;
const BAR: f64 = 20.0;
const OVERLAP: f64 = 8.0;
/// Between names and lanes, and between lanes and numbers.
pub(super) const GAP: f64 = 14.0;
/// Font sizes.
pub(super) const NAME: f64 = 13.0;
pub(super) const TITLE: f64 = 16.0;

/// The name of the lane below the speakers.
pub(super) const OVERLAPS: &str = "Overlap";

/// The colours of text, for programs that know no custom properties.
pub(super) const INK: &str = "#18212d";
pub(super) const MUTE: &str = "#566273";

/// A picture in the making.
pub(super) struct Picture {
    pub(super) svg: String,
    /// Where the lanes start and end, in pixels.
    pub(super) left: f64,
    pub(super) right: f64,
    /// Which times these are, in seconds.
    pub(super) range: (f64, f64),
}

impl Picture {
    pub(super) fn text(&mut self, x: f64, y: f64, attributes: &str, content: &str) {
        let line = format!(
            "<text x=\"{}\" y=\"{}\" {attributes}>{content}</text>\n",
            px(x),
            px(y)
        );
        self.svg.push_str(&line);
    }

    /// The background of the lane whose top is `y`.
    pub(super) fn lane(&mut self, y: f64) {
        let top = y + (LANE - BAR) / 2.0;
        self.svg.push_str(&format!(
            "<rect class=\"pya-lane\" fill=\"#f3f5f8\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{BAR}\" rx=\"3\"/>\n",
            px(self.left), px(top), px(self.right - self.left)
        ));
    }

    /// The axis below `y`, with lines up to `top`. Its unit ends at `end`.
    pub(super) fn axis(&mut self, y: f64, top: f64, end: f64) {
        let axis = axis(self.range.0, self.range.1, self.right - self.left);
        for (time, _) in &axis.ticks {
            let x = px(self.x(*time));
            self.svg.push_str(&format!(
                "<path class=\"pya-grid\" stroke=\"#dfe5ec\" d=\"M{x} {}V{}\"/>\n",
                px(top),
                px(y + 4.0)
            ));
        }
        self.svg.push_str(&format!(
            "<g class=\"pya-mute\" fill=\"{MUTE}\" font-size=\"11\">\n"
        ));
        for (time, label) in &axis.ticks {
            self.text(self.x(*time), y + 18.0, "text-anchor=\"middle\"", label);
        }
        self.text(end, y + 18.0, "text-anchor=\"end\"", axis.unit);
        self.svg.push_str("</g>\n");
    }

    /// The name of the lane whose top is `y`; the whole name where it was shortened.
    pub(super) fn name(&mut self, y: f64, shown: &str, whole: &str, class: &str, fill: &str) {
        let mut content = escaped(shown);
        if shown != whole {
            content.push_str(&format!("<title>{}</title>", escaped(whole)));
        }
        let attributes = format!("class=\"{class}\" fill=\"{fill}\" font-size=\"13\"");
        self.text(EDGE, y + LANE / 2.0 + 4.5, &attributes, &content);
    }

    /// Speech time and share of the lane whose top is `y`, up to `end`.
    pub(super) fn numbers(&mut self, y: f64, end: f64, time: &str, share: &str) {
        let y = y + LANE / 2.0 + 4.5;
        self.text(
            end - SHARE,
            y,
            &format!("class=\"pya-ink\" fill=\"{INK}\" font-size=\"12\" text-anchor=\"end\""),
            time,
        );
        if !share.is_empty() {
            let attributes =
                format!("class=\"pya-mute\" fill=\"{MUTE}\" font-size=\"12\" text-anchor=\"end\"");
            self.text(end, y, &attributes, &escaped(share));
        }
    }

    /// The bars of the lane whose top is `y`, with the colour of speaker `index`.
    pub(super) fn bars(&mut self, y: f64, row: &[Stretch], index: usize, name: &str) {
        let place = index % SPEAKERS.len();
        let fill = SPEAKERS.get(place).copied().unwrap_or(INK);
        self.svg
            .push_str(&format!("<g class=\"pya-s{place}\" fill=\"{fill}\">\n"));
        for bar in bars(row, self.pixel()) {
            self.bar(&bar, y + (LANE - BAR) / 2.0, BAR, name);
        }
        self.svg.push_str("</g>\n");
    }

    pub(super) fn overlaps(&mut self, y: f64, overlaps: &[Stretch]) {
        self.svg
            .push_str("<g class=\"pya-over\" fill=\"#18212d\">\n");
        for bar in bars(overlaps, self.pixel()) {
            self.bar(&bar, y + (LANE - OVERLAP) / 2.0, OVERLAP, OVERLAPS);
        }
        self.svg.push_str("</g>\n");
    }

    fn bar(&mut self, bar: &Bar, y: f64, height: f64, name: &str) {
        let (x, end) = (self.x(bar.start), self.x(bar.end));
        let shared = bar.density() < 1.0;
        let (x, width, round) = if shared {
            // On whole pixels, as pale bars side by side show a seam between pixels.
            (x.round(), (end.round() - x.round()).max(1.0), "")
        } else if end - x >= 8.0 {
            // A hair less than its length, so that turns without a pause stay apart.
            (x, end - x - 0.6, " rx=\"2\"")
        } else {
            // Never too thin to be seen.
            (x, (end - x).max(1.0), "")
        };
        // Even the palest must be seen.
        let shade = 0.35 + 0.65 * bar.density();
        let shade = if shade > 0.99 {
            String::new()
        } else {
            format!(" fill-opacity=\"{shade:.2}\"")
        };
        let many = if bar.turns > 1 {
            format!(" in {} turns", bar.turns)
        } else {
            String::new()
        };
        self.svg.push_str(&format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{height}\"{round}{shade}><title>{name} {}–{} ({}{many})</title></rect>\n",
            px(x), px(y), px(width), tenths(bar.start), tenths(bar.end), length(bar.speech)
        ));
    }

    /// How many seconds a pixel is.
    fn pixel(&self) -> f64 {
        (self.range.1 - self.range.0) / (self.right - self.left)
    }

    /// Where a time stands, in pixels.
    fn x(&self, time: f64) -> f64 {
        let part = (time - self.range.0) / (self.range.1 - self.range.0);
        self.left + part.clamp(0.0, 1.0) * (self.right - self.left)
    }
}

/// A length in pixels, to a tenth.
fn px(value: f64) -> String {
    // Rounded first, so that whole numbers are written without decimals.
    ((value * 10.0).round() / 10.0).to_string()
}
