//! What the timelines of SVG and HTML share.
//!
//! `lane` groups the turns by speaker, `bar` merges segments that are too small to be seen, `axis` chooses the ticks,
//! `curve` draws scores,
//! `theme` contains the colors.

pub(crate) mod axis;
pub(crate) mod bar;
pub(crate) mod curve;
pub(crate) mod lane;
pub(crate) mod theme;

use crate::Span;
use crate::whitespace::collapse_whitespace;

/// Minimum displayed range, in seconds, if all turns are instants.
const MIN_RANGE_S: f64 = 0.1;

/// The name of a lane.
pub(crate) fn display_name(speaker: &str) -> String {
    match collapse_whitespace(speaker) {
        name if name.is_empty() => "(no name)".to_owned(),
        name => name,
    }
}

/// Formats `part` as a percentage of `total`.
pub(crate) fn format_share(part: f64, total: f64) -> String {
    // The total is infinite if turns are near the limit of `f64`.
    let percent = if total > 0.0 && total.is_finite() {
        part / total * 100.0
    } else {
        0.0
    };
    if percent > 0.0 && percent < 1.0 {
        "<1%".to_owned()
    } else {
        format!("{percent:.0}%")
    }
}

/// The displayed times from `start` to `end` at least, in seconds.
pub(crate) fn displayed_span(start: f64, end: f64) -> Span {
    // At huge times, the minimum range is less than the distance between two floats.
    let min_end = (start + MIN_RANGE_S).max(start.next_up());
    Span::new(start, end.max(min_end).min(f64::MAX))
}
