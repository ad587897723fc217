//! What a timeline says in words: its summary, its shares, and what a screen reader says.

use super::super::clock::length;
use super::lane::{Lane, Stretch, at_once, seconds};
use super::text::fitted;

/// A description names so many speakers; more than these nobody listens to.
const DESCRIBED: usize = 30;

/// Room for a name in a description, in pixels of a font of size 1.
const NAME: f64 = 50.0;

/// `part` of `total` in per cent.
pub(super) fn share(part: f64, total: f64) -> String {
    // Made-up times can be so long that their sum is no number.
    let share = if total > 0.0 && total.is_finite() {
        part / total * 100.0
    } else {
        0.0
    };
    if share > 0.0 && share < 1.0 {
        "<1%".to_owned()
    } else {
        format!("{share:.0}%")
    }
}

/// The line above the lanes.
pub(super) fn summary(lanes: &[Lane<'_>], rows: &[Vec<Stretch>], overlaps: &[Stretch]) -> String {
    let speakers = match lanes.len() {
        0 => return "No speech".to_owned(),
        1 => "1 speaker".to_owned(),
        count => format!("{count} speakers"),
    };
    let speech = length(seconds(&at_once(rows, 1)));
    let overlap = match overlaps {
        [] => "no overlap".to_owned(),
        overlaps => format!("{} of overlap", length(seconds(overlaps))),
    };
    format!("{speakers} · {speech} of speech · {overlap}")
}

/// What a screen reader says.
pub(super) fn described(summary: &str, names: &[String], numbers: &[(String, String)]) -> String {
    let mut text = format!("{summary}.");
    for (name, (time, share)) in names.iter().zip(numbers).take(DESCRIBED) {
        let name = fitted(name, 1.0, NAME);
        text.push_str(&format!(" {name}: {time}, {share}."));
    }
    if let Some(more) = names.len().checked_sub(DESCRIBED).filter(|more| *more > 0) {
        text.push_str(&format!(" And {more} more."));
    }
    text
}
