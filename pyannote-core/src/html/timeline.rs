//! The timeline as inline SVG. Its lengths are percentages, so that it fits any screen without scaling the text.

use std::fmt::Write;

use crate::markup::escape;
use crate::timeline::axis::axis;
use crate::timeline::bar::bars;
use crate::timeline::curve::curve;
use crate::timeline::lane::Segment;
use crate::{FrameScores, Span};

/// The width for which bars are merged, in pixels: that of a lane on a large screen.
const LANE_WIDTH_PX: f64 = 1200.0;
/// The width for which the ticks of the axis are chosen, in pixels. Phones show every second one.
const AXIS_WIDTH_PX: f64 = 600.0;
/// Minimum width of a bar, in percent.
const MIN_BAR_PERCENT: f64 = 0.12;
/// Labels nearer to an edge are aligned with it, in percent.
const EDGE_PERCENT: f64 = 3.0;

/// Height of the curve of a lane, in pixels.
const CURVE_HEIGHT_PX: f64 = 20.0;

/// Draws the bars of a lane, and a curve of scores. `name` is that of the speaker.
pub(super) fn lane(
    segments: &[Segment],
    range: Span,
    name: &str,
    scores: Option<&FrameScores>,
) -> String {
    let mut svg = r#"<svg class="track" aria-hidden="true">"#.to_owned();
    for bar in bars(segments, (range.end - range.start) / LANE_WIDTH_PX) {
        let start = percent(bar.start, range);
        let width = (percent(bar.end, range) - start).max(MIN_BAR_PERCENT);
        let start = start.min(100.0 - width);
        // The name is last, so that control characters for the direction of text cannot reorder the times.
        let _ = write!(
            svg,
            r#"<rect x="{}%" y="4" width="{}%" height="20"{}><title>{} {}</title></rect>"#,
            short(start),
            short(width),
            bar.opacity(),
            bar.times(),
            escape(name)
        );
    }
    let size = (LANE_WIDTH_PX, CURVE_HEIGHT_PX);
    let path = scores.map(|scores| curve(scores, range, (0.0, CURVE_HEIGHT_PX), size));
    if let Some(path) = path.filter(|path| !path.is_empty()) {
        let _ = write!(
            svg,
            r#"<svg viewBox="0 0 {LANE_WIDTH_PX} {CURVE_HEIGHT_PX}" preserveAspectRatio="none" y="4" height="{CURVE_HEIGHT_PX}"><path d="{path}"/></svg>"#
        );
    }
    svg + "</svg>"
}

/// Draws the axis.
pub(super) fn time_axis(range: Span) -> String {
    let axis = axis(range.start, range.end, AXIS_WIDTH_PX);
    let mut svg = r#"<svg class="axis" aria-hidden="true">"#.to_owned();
    for (time, label) in &axis.ticks {
        let x = percent(*time, range);
        let (anchor, dx) = if x < EDGE_PERCENT {
            ("start", "4")
        } else if x > 100.0 - EDGE_PERCENT {
            ("end", "0")
        } else {
            ("middle", "0")
        };
        let x = short(x);
        let _ = write!(
            svg,
            r#"<g><line x1="{x}%" x2="{x}%" y2="4"/><text x="{x}%" dx="{dx}" y="17" text-anchor="{anchor}">{label}</text></g>"#
        );
    }
    let _ = write!(svg, "<title>{}</title></svg>", axis.unit);
    svg
}

/// The position of a time, in percent of the range.
fn percent(time: f64, range: Span) -> f64 {
    let position = (time - range.start) / (range.end - range.start);
    100.0 * position.clamp(0.0, 1.0)
}

/// Formats a percentage with two decimals at most.
fn short(percent: f64) -> String {
    ((percent * 100.0).round() / 100.0).to_string()
}
