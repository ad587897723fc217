//! Spans of time, and the set operations on them that the measures share.

use serde::{Deserialize, Serialize};

use crate::Turn;

/// A span of time.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Span {
    /// Start, in seconds from the start of the recording.
    pub start: f64,
    /// End, in seconds from the start of the recording.
    pub end: f64,
}

impl Span {
    /// Creates a span from `start` to `end`, in seconds.
    #[must_use]
    pub const fn new(start: f64, end: f64) -> Self {
        Self { start, end }
    }

    /// Returns the duration in seconds, or 0 if the end is not after the start.
    #[must_use]
    pub fn duration(&self) -> f64 {
        duration(self.start, self.end)
    }

    /// The speech of a turn, or `None` unless its duration is positive and finite.
    ///
    /// Everything that measures or edits turns uses this function, so that all agree on which turns are valid.
    pub(crate) fn of_turn(turn: &Turn) -> Option<Self> {
        let duration = turn.end - turn.start;
        (duration > 0.0 && duration.is_finite()).then(|| Self::new(turn.start, turn.end))
    }
}

/// Duration from `start` to `end` in seconds, or 0 if the end is not after the start. Never negative zero.
pub(crate) fn duration(start: f64, end: f64) -> f64 {
    if end > start { end - start } else { 0.0 }
}

/// The span from `start` to `end` as an exported file can express it, or `None` if the times are invalid.
///
/// Times are invalid if they are not finite, reversed, or if the end is before the start of the recording. A negative
/// start becomes 0.
pub(crate) fn clamp_to_recording(start: f64, end: f64) -> Option<Span> {
    let valid = start.is_finite() && end.is_finite() && start <= end && end >= 0.0;
    // `+ 0.0` turns -0.0, which would be formatted with its sign, into 0.0.
    valid.then(|| Span::new(start.max(0.0) + 0.0, end + 0.0))
}

/// The regions in which at least `min_depth` of the spans overlap: sorted, disjoint, and not touching.
///
/// With a depth of 1 this is the union. Spans whose end is not after their start are ignored. O(n log n).
pub(crate) fn regions_with_depth(
    spans: impl IntoIterator<Item = Span>,
    min_depth: usize,
) -> Vec<Span> {
    let mut boundaries: Vec<(f64, Boundary)> = spans
        .into_iter()
        .filter(|span| span.end > span.start)
        // `+ 0.0` makes -0.0 equal to 0.0 in the order below.
        .flat_map(|span| {
            [
                (span.start + 0.0, Boundary::Start),
                (span.end + 0.0, Boundary::End),
            ]
        })
        .collect();
    // Starts come before ends at the same time, so that touching spans are merged.
    boundaries.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut regions = Vec::new();
    let mut depth = 0_usize;
    let mut region_start = 0.0;
    for (time, boundary) in boundaries {
        match boundary {
            Boundary::Start => {
                depth += 1;
                if depth == min_depth {
                    region_start = time;
                }
            }
            Boundary::End => {
                if depth == min_depth && time > region_start {
                    regions.push(Span::new(region_start, time));
                }
                depth = depth.saturating_sub(1);
            }
        }
    }
    regions
}

#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Boundary {
    Start,
    End,
}

/// The parts of `spans` outside of `holes`. Both must be sorted and disjoint. O(n + m).
pub(crate) fn subtract(spans: &[Span], holes: &[Span]) -> Vec<Span> {
    let mut remaining = Vec::new();
    let mut holes = holes.iter().peekable();
    for span in spans {
        let mut start = span.start;
        while let Some(hole) = holes.peek() {
            if hole.start >= span.end {
                break;
            }
            if hole.start > start {
                remaining.push(Span::new(start, hole.start));
            }
            start = start.max(hole.end);
            if hole.end >= span.end {
                // The hole may extend into the next span as well.
                break;
            }
            holes.next();
        }
        if span.end > start {
            remaining.push(Span::new(start, span.end));
        }
    }
    remaining
}

/// The sum of the durations of all spans, in seconds.
pub(crate) fn total_duration(spans: &[Span]) -> f64 {
    // Not `Iterator::sum`, which is -0.0 if there are no spans.
    spans
        .iter()
        .map(Span::duration)
        .fold(0.0, |sum, duration| sum + duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(list: &[(f64, f64)]) -> Vec<Span> {
        list.iter().map(|&(a, b)| Span::new(a, b)).collect()
    }

    #[test]
    fn regions_with_depth_counts_overlapping_spans() {
        type List = &'static [(f64, f64)];
        let table: [(&str, List, usize, List); 8] = [
            ("no spans", &[], 1, &[]),
            (
                "union",
                &[(3.0, 4.0), (0.0, 1.0), (0.5, 2.0)],
                1,
                &[(0.0, 2.0), (3.0, 4.0)],
            ),
            (
                "touching spans are merged",
                &[(0.0, 1.0), (1.0, 2.0)],
                1,
                &[(0.0, 2.0)],
            ),
            (
                "touching spans are merged at negative zero",
                &[(-1.0, -0.0), (0.0, 2.0)],
                1,
                &[(-1.0, 2.0)],
            ),
            (
                "touching spans do not overlap",
                &[(0.0, 1.0), (1.0, 2.0)],
                2,
                &[],
            ),
            (
                "overlap",
                &[(0.0, 3.0), (1.0, 2.0), (2.5, 4.0)],
                2,
                &[(1.0, 2.0), (2.5, 3.0)],
            ),
            (
                "overlap without a break",
                &[(0.0, 9.0), (1.0, 5.0), (5.0, 6.0)],
                2,
                &[(1.0, 6.0)],
            ),
            (
                "invalid spans",
                &[(2.0, 1.0), (f64::NAN, 1.0), (1.0, 1.0)],
                1,
                &[],
            ),
        ];
        for (name, list, depth, expected) in table {
            assert_eq!(
                regions_with_depth(spans(list), depth),
                spans(expected),
                "{name}"
            );
        }
    }

    #[test]
    fn subtract_keeps_the_parts_outside_of_holes() {
        type List = &'static [(f64, f64)];
        let table: [(&str, List, List, List); 6] = [
            ("no holes", &[(0.0, 1.0)], &[], &[(0.0, 1.0)]),
            (
                "holes inside",
                &[(0.0, 9.0)],
                &[(1.0, 2.0), (3.0, 4.0)],
                &[(0.0, 1.0), (2.0, 3.0), (4.0, 9.0)],
            ),
            (
                "holes at both ends",
                &[(0.0, 9.0)],
                &[(-1.0, 2.0), (8.0, 10.0)],
                &[(2.0, 8.0)],
            ),
            (
                "hole covers everything",
                &[(0.0, 9.0)],
                &[(-1.0, 10.0)],
                &[],
            ),
            (
                "one hole in two spans",
                &[(0.0, 2.0), (3.0, 5.0)],
                &[(1.0, 4.0)],
                &[(0.0, 1.0), (4.0, 5.0)],
            ),
            (
                "holes before and after",
                &[(5.0, 6.0)],
                &[(0.0, 1.0), (6.0, 7.0)],
                &[(5.0, 6.0)],
            ),
        ];
        for (name, list, holes, expected) in table {
            assert_eq!(
                subtract(&spans(list), &spans(holes)),
                spans(expected),
                "{name}"
            );
        }
    }

    #[test]
    fn clamp_to_recording_rejects_invalid_times() {
        for (start, end, expected) in [
            (1.0, 2.0, Some((1.0, 2.0))),
            (1.0, 1.0, Some((1.0, 1.0))),
            (-1.0, 2.0, Some((0.0, 2.0))),
            (-2.0, -1.0, None),
            (2.0, 1.0, None),
            (f64::NAN, 1.0, None),
            (0.0, f64::NAN, None),
            (0.0, f64::INFINITY, None),
            (f64::NEG_INFINITY, 1.0, None),
        ] {
            assert_eq!(
                clamp_to_recording(start, end),
                expected.map(|(start, end)| Span::new(start, end)),
                "{start}..{end}"
            );
        }
    }

    #[test]
    fn clamp_to_recording_never_returns_negative_zero() {
        let Span { start, end } = clamp_to_recording(-0.0, -0.0).unwrap();
        assert!(start.is_sign_positive() && end.is_sign_positive());
    }
}
