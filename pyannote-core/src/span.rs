//! Spans of time, and the set operations on them that the measures share.

use serde::{Deserialize, Serialize};

use super::Turn;

/// A stretch of time.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Span {
    /// Start, in seconds from the start of the recording.
    pub start: f64,
    /// End, in seconds from the start of the recording.
    pub end: f64,
}

impl Span {
    /// A span from `start` to `end`, in seconds.
    #[must_use]
    pub const fn new(start: f64, end: f64) -> Self {
        Self { start, end }
    }

    /// Returns the duration in seconds, or 0 if the end is not after the start.
    #[must_use]
    pub fn duration(&self) -> f64 {
        duration(self.start, self.end)
    }

    /// The speech of a turn; none where it has no positive, finite duration.
    ///
    /// All that measures or edits turns asks here, so that they agree on which turns count.
    pub(super) fn of(turn: &Turn) -> Option<Self> {
        let duration = turn.end - turn.start;
        (duration > 0.0 && duration.is_finite()).then(|| Self::new(turn.start, turn.end))
    }
}

/// Duration from `start` to `end` in seconds, or 0 if the end is not after the start; never negative zero.
pub(crate) fn duration(start: f64, end: f64) -> f64 {
    if end > start { end - start } else { 0.0 }
}

/// Where at least `depth` of the spans lie on each other: sorted, disjoint, never touching.
///
/// Depth 1 is the union. Spans whose end is not after their start are ignored. O(n log n).
pub(super) fn covered(spans: impl IntoIterator<Item = Span>, depth: usize) -> Vec<Span> {
    let mut bounds: Vec<(f64, Bound)> = spans
        .into_iter()
        .filter(|span| span.end > span.start)
        // Adding 0 makes -0 equal to 0 in the order below.
        .flat_map(|span| {
            [
                (span.start + 0.0, Bound::Start),
                (span.end + 0.0, Bound::End),
            ]
        })
        .collect();
    // Starts come before ends at the same time, so that touching spans are one.
    bounds.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut result = Vec::new();
    let mut open = 0_usize;
    let mut since = 0.0;
    for (time, bound) in bounds {
        match bound {
            Bound::Start => {
                open += 1;
                if open == depth {
                    since = time;
                }
            }
            Bound::End => {
                if open == depth && time > since {
                    result.push(Span::new(since, time));
                }
                open = open.saturating_sub(1);
            }
        }
    }
    result
}

/// What is left of `spans` without `holes`. Both are sorted and disjoint. O(n + m).
pub(super) fn without(spans: &[Span], holes: &[Span]) -> Vec<Span> {
    let mut result = Vec::new();
    let mut holes = holes.iter().peekable();
    for span in spans {
        let mut start = span.start;
        while let Some(hole) = holes.peek() {
            if hole.start >= span.end {
                break;
            }
            if hole.start > start {
                result.push(Span::new(start, hole.start));
            }
            start = start.max(hole.end);
            if hole.end >= span.end {
                // The hole may reach into the next span as well.
                break;
            }
            holes.next();
        }
        if span.end > start {
            result.push(Span::new(start, span.end));
        }
    }
    result
}

/// How long the spans are together, in seconds.
pub(super) fn total(spans: &[Span]) -> f64 {
    // `Iterator::sum` of no floats is -0.0.
    spans
        .iter()
        .map(Span::duration)
        .fold(0.0, |sum, duration| sum + duration)
}

#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Bound {
    Start,
    End,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(list: &[(f64, f64)]) -> Vec<Span> {
        list.iter().map(|&(a, b)| Span::new(a, b)).collect()
    }

    #[test]
    fn covered_counts_the_depth() {
        type List = &'static [(f64, f64)];
        let table: [(&str, List, usize, List); 8] = [
            ("none", &[], 1, &[]),
            (
                "union",
                &[(3.0, 4.0), (0.0, 1.0), (0.5, 2.0)],
                1,
                &[(0.0, 2.0), (3.0, 4.0)],
            ),
            (
                "touching is one",
                &[(0.0, 1.0), (1.0, 2.0)],
                1,
                &[(0.0, 2.0)],
            ),
            (
                "touching at zero is one",
                &[(-1.0, -0.0), (0.0, 2.0)],
                1,
                &[(-1.0, 2.0)],
            ),
            ("touching is no overlap", &[(0.0, 1.0), (1.0, 2.0)], 2, &[]),
            (
                "two",
                &[(0.0, 3.0), (1.0, 2.0), (2.5, 4.0)],
                2,
                &[(1.0, 2.0), (2.5, 3.0)],
            ),
            (
                "two without a break",
                &[(0.0, 9.0), (1.0, 5.0), (5.0, 6.0)],
                2,
                &[(1.0, 6.0)],
            ),
            (
                "bad spans",
                &[(2.0, 1.0), (f64::NAN, 1.0), (1.0, 1.0)],
                1,
                &[],
            ),
        ];
        for (name, list, depth, expected) in table {
            assert_eq!(covered(spans(list), depth), spans(expected), "{name}");
        }
    }

    #[test]
    fn without_leaves_what_no_hole_covers() {
        type List = &'static [(f64, f64)];
        let table: [(&str, List, List, List); 6] = [
            ("no hole", &[(0.0, 1.0)], &[], &[(0.0, 1.0)]),
            (
                "inside",
                &[(0.0, 9.0)],
                &[(1.0, 2.0), (3.0, 4.0)],
                &[(0.0, 1.0), (2.0, 3.0), (4.0, 9.0)],
            ),
            (
                "at the edges",
                &[(0.0, 9.0)],
                &[(-1.0, 2.0), (8.0, 10.0)],
                &[(2.0, 8.0)],
            ),
            ("all", &[(0.0, 9.0)], &[(-1.0, 10.0)], &[]),
            (
                "one hole, two spans",
                &[(0.0, 2.0), (3.0, 5.0)],
                &[(1.0, 4.0)],
                &[(0.0, 1.0), (4.0, 5.0)],
            ),
            (
                "before and after",
                &[(5.0, 6.0)],
                &[(0.0, 1.0), (6.0, 7.0)],
                &[(5.0, 6.0)],
            ),
        ];
        for (name, list, holes, expected) in table {
            assert_eq!(
                without(&spans(list), &spans(holes)),
                spans(expected),
                "{name}"
            );
        }
    }
}
