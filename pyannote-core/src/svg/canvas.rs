//! Draws the parts of a timeline.

use crate::markup::escape;
use crate::timeline::axis::axis;
use crate::timeline::bar::{Bar, bars};
use crate::timeline::curve::curve;
use crate::timeline::lane::Segment;
use crate::timeline::theme::{GRID, INK, LANE, MUTED, SPEAKERS};
use crate::{FrameScores, Span};

/// Margin around the document.
pub(super) const MARGIN_PX: f64 = 20.0;
/// Width of the speech time and share, to the right of the lanes.
pub(super) const SPEECH_TIME_WIDTH_PX: f64 = 138.0;
/// Width of the share.
const SHARE_WIDTH_PX: f64 = 46.0;
pub(super) const LANE_HEIGHT_PX: f64 = 32.0;
const BAR_HEIGHT_PX: f64 = 20.0;
const OVERLAP_BAR_HEIGHT_PX: f64 = 8.0;
/// Distance between names and lanes, and between lanes and speech times.
pub(super) const GUTTER_PX: f64 = 14.0;
pub(super) const NAME_FONT_SIZE_PX: f64 = 13.0;
pub(super) const TITLE_FONT_SIZE_PX: f64 = 16.0;

/// The name of the lane of overlapped speech.
pub(super) const OVERLAP_LABEL: &str = "Overlap";

/// An SVG document under construction.
pub(super) struct Canvas {
    pub(super) svg: String,
    /// Left edge of the lanes, in pixels.
    pub(super) left: f64,
    /// Right edge of the lanes, in pixels.
    pub(super) right: f64,
    /// The displayed times, in seconds.
    pub(super) range: Span,
}

impl Canvas {
    /// Draws text. `content` must be escaped.
    pub(super) fn text(&mut self, x: f64, y: f64, attributes: &str, content: &str) {
        let line = format!(
            "<text x=\"{}\" y=\"{}\" {attributes}>{content}</text>\n",
            format_px(x),
            format_px(y)
        );
        self.svg.push_str(&line);
    }

    /// Draws the background of the lane whose top is at `y`.
    pub(super) fn lane(&mut self, y: f64) {
        let top = y + (LANE_HEIGHT_PX - BAR_HEIGHT_PX) / 2.0;
        self.svg.push_str(&format!(
            "<rect class=\"pya-lane\" fill=\"{LANE}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{BAR_HEIGHT_PX}\" \
             rx=\"3\"/>\n",
            format_px(self.left),
            format_px(top),
            format_px(self.right - self.left)
        ));
    }

    /// Draws the axis at `y`, with grid lines up to `top`, and its unit right-aligned at `unit_x`.
    pub(super) fn axis(&mut self, y: f64, top: f64, unit_x: f64) {
        let axis = axis(self.range.start, self.range.end, self.right - self.left);
        for (time, _) in &axis.ticks {
            let x = format_px(self.x(*time));
            self.svg.push_str(&format!(
                "<path class=\"pya-grid\" stroke=\"{GRID}\" d=\"M{x} {}V{}\"/>\n",
                format_px(top),
                format_px(y + 4.0)
            ));
        }
        self.svg.push_str(&format!(
            "<g class=\"pya-mute\" fill=\"{MUTED}\" font-size=\"11\">\n"
        ));
        for (time, label) in &axis.ticks {
            self.text(self.x(*time), y + 18.0, "text-anchor=\"middle\"", label);
        }
        self.text(unit_x, y + 18.0, "text-anchor=\"end\"", axis.unit);
        self.svg.push_str("</g>\n");
    }

    /// Draws the name of the lane whose top is at `y`, with a tooltip if it is truncated.
    pub(super) fn name(&mut self, y: f64, truncated: &str, full: &str, class: &str, fill: &str) {
        let mut content = escape(truncated);
        if truncated != full {
            content.push_str(&format!("<title>{}</title>", escape(full)));
        }
        let attributes =
            format!("class=\"{class}\" fill=\"{fill}\" font-size=\"{NAME_FONT_SIZE_PX}\"");
        self.text(MARGIN_PX, lane_baseline(y), &attributes, &content);
    }

    /// Draws speech time and share of the lane whose top is at `y`, right-aligned at `x`.
    pub(super) fn speech_time(&mut self, y: f64, x: f64, time: &str, share: &str) {
        let y = lane_baseline(y);
        self.text(
            x - SHARE_WIDTH_PX,
            y,
            &format!("class=\"pya-ink\" fill=\"{INK}\" font-size=\"12\" text-anchor=\"end\""),
            time,
        );
        if !share.is_empty() {
            let attributes =
                format!("class=\"pya-mute\" fill=\"{MUTED}\" font-size=\"12\" text-anchor=\"end\"");
            self.text(x, y, &attributes, &escape(share));
        }
    }

    /// Draws the bars of the lane whose top is at `y`, in the color of the speaker with this index. `name` must be
    /// escaped.
    pub(super) fn speaker_bars(
        &mut self,
        y: f64,
        segments: &[Segment],
        speaker: usize,
        name: &str,
    ) {
        let color = speaker % SPEAKERS.len();
        let fill = SPEAKERS[color];
        self.svg
            .push_str(&format!("<g class=\"pya-s{color}\" fill=\"{fill}\">\n"));
        for bar in bars(segments, self.seconds_per_px()) {
            self.bar(&bar, y, BAR_HEIGHT_PX, name);
        }
        self.svg.push_str("</g>\n");
    }

    /// Draws the bars of overlapped speech in the lane whose top is at `y`.
    pub(super) fn overlap_bars(&mut self, y: f64, overlaps: &[Segment]) {
        self.svg
            .push_str(&format!("<g class=\"pya-over\" fill=\"{INK}\">\n"));
        for bar in bars(overlaps, self.seconds_per_px()) {
            self.bar(&bar, y, OVERLAP_BAR_HEIGHT_PX, OVERLAP_LABEL);
        }
        self.svg.push_str("</g>\n");
    }

    /// Draws scores as a curve in the lane whose top is at `y`.
    pub(super) fn curve(&mut self, y: f64, scores: &FrameScores) {
        let bottom = y + (LANE_HEIGHT_PX + BAR_HEIGHT_PX) / 2.0;
        let size = (self.right - self.left, BAR_HEIGHT_PX);
        let path = curve(scores, self.range, (self.left, bottom), size);
        if !path.is_empty() {
            self.svg.push_str(&format!(
                "<path class=\"pya-curve\" stroke=\"{INK}\" fill=\"none\" d=\"{path}\"/>\n"
            ));
        }
    }

    /// Draws a bar in the lane whose top is at `lane_y`.
    fn bar(&mut self, bar: &Bar, lane_y: f64, height: f64, name: &str) {
        let (start, end) = (self.x(bar.start), self.x(bar.end));
        let y = lane_y + (LANE_HEIGHT_PX - height) / 2.0;
        let is_shared = bar.density() < 1.0;
        let (x, width, corners) = if is_shared {
            // Aligned to pixels, because adjacent translucent bars would show a seam otherwise.
            let x = start.round();
            (x, (end.round() - x).max(1.0), "")
        } else if end - start >= 8.0 {
            // Slightly shorter, so that adjacent turns can be distinguished.
            (start, end - start - 0.6, " rx=\"2\"")
        } else {
            (start, (end - start).max(1.0), "")
        };
        self.svg.push_str(&format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{height}\"{corners}{}>\
             <title>{name} {}</title></rect>\n",
            format_px(x),
            format_px(y),
            format_px(width),
            bar.opacity(),
            bar.times()
        ));
    }

    fn seconds_per_px(&self) -> f64 {
        (self.range.end - self.range.start) / (self.right - self.left)
    }

    /// The horizontal position of a time, in pixels, clamped to the lanes.
    fn x(&self, time: f64) -> f64 {
        let position = (time - self.range.start) / (self.range.end - self.range.start);
        self.left + position.clamp(0.0, 1.0) * (self.right - self.left)
    }
}

/// The baseline of text in the lane whose top is at `y`.
fn lane_baseline(y: f64) -> f64 {
    y + LANE_HEIGHT_PX / 2.0 + 4.5
}

/// Formats a length in pixels, rounded to one decimal, and without decimals if it is an integer.
fn format_px(value: f64) -> String {
    ((value * 10.0).round() / 10.0).to_string()
}
