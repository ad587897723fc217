//! An interval tree: finds the spans that overlap a range of time, or the nearest one.
//!
//! Words are looked up one by one, and a day of speech has a hundred thousand of them: scanning all turns for each
//! would be quadratic.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::Span;

/// Spans with a value each, indexed by time. A query takes O(log n + k) for k results.
pub(crate) struct IntervalIndex<T> {
    /// A balanced tree stored in order of start: the middle element is the root, the halves are its subtrees.
    nodes: Vec<Node<T>>,
    /// For each node, the latest end among it and all nodes before it, and the value of that span.
    latest_ends: Vec<(f64, T)>,
}

struct Node<T> {
    span: Span,
    value: T,
    /// The latest end in the subtree of this node.
    subtree_end: f64,
}

impl<T: Copy + Ord> IntervalIndex<T> {
    /// Builds an index of `spans`, which must be finite and of positive duration.
    pub(crate) fn new(spans: impl IntoIterator<Item = (Span, T)>) -> Self {
        let node = |(span, value)| Node {
            span,
            value,
            subtree_end: f64::NEG_INFINITY,
        };
        let mut nodes: Vec<Node<T>> = spans.into_iter().map(node).collect();
        nodes.sort_by(|a, b| a.span.start.total_cmp(&b.span.start));
        set_subtree_ends(&mut nodes);
        let mut latest_ends: Vec<(f64, T)> = Vec::with_capacity(nodes.len());
        for node in &nodes {
            latest_ends.push(match latest_ends.last() {
                Some(latest) if latest.0 >= node.span.end => *latest,
                _ => (node.span.end, node.value),
            });
        }
        Self { nodes, latest_ends }
    }

    /// Returns the value whose spans overlap the range most, or the least such value if several do equally.
    ///
    /// If `end` is not after `start`, the range is the instant `start`. A span contains its start but not its end.
    pub(crate) fn greatest_overlap(&self, start: f64, end: f64) -> Option<T> {
        let mut overlaps: BTreeMap<T, f64> = BTreeMap::new();
        let is_instant = start.partial_cmp(&end) != Some(Ordering::Less);
        let end = if is_instant { start } else { end };
        visit_overlapping(&self.nodes, start, end, &mut |node| {
            if is_instant {
                if node.span.start <= start && start < node.span.end {
                    // Any positive value, as all overlaps are equal.
                    overlaps.insert(node.value, 1.0);
                }
            } else {
                let overlap = node.span.end.min(end) - node.span.start.max(start);
                if overlap > 0.0 {
                    *overlaps.entry(node.value).or_insert(0.0) += overlap;
                }
            }
        });
        let mut greatest: Option<(T, f64)> = None;
        for (value, overlap) in overlaps {
            if greatest.is_none_or(|(_, greatest)| overlap > greatest) {
                greatest = Some((value, overlap));
            }
        }
        greatest.map(|(value, _)| value)
    }

    /// Returns the distance in seconds and the value of the span nearest to a range that overlaps no span.
    ///
    /// If two spans are equally near, returns the earlier one.
    pub(crate) fn nearest(&self, start: f64, end: f64) -> Option<(f64, T)> {
        let after = self.nodes.partition_point(|node| node.span.start <= start);
        let before = after
            .checked_sub(1)
            .and_then(|index| self.latest_ends.get(index));
        let before = before.map(|&(end, value)| ((start - end).max(0.0), value));
        let after = self.nodes.get(after);
        let after = after.map(|node| ((node.span.start - end.max(start)).max(0.0), node.value));
        match (before, after) {
            (Some(before), Some(after)) if after.0 < before.0 => Some(after),
            (before, after) => before.or(after),
        }
    }
}

/// Sets `subtree_end` of each node of a subtree, and returns that of its root.
fn set_subtree_ends<T>(nodes: &mut [Node<T>]) -> f64 {
    let (left, rest) = nodes.split_at_mut(nodes.len() / 2);
    let Some((root, right)) = rest.split_first_mut() else {
        return f64::NEG_INFINITY;
    };
    root.subtree_end = root
        .span
        .end
        .max(set_subtree_ends(left))
        .max(set_subtree_ends(right));
    root.subtree_end
}

/// Calls `visit` with every node of a subtree whose span overlaps or touches the range. Recursion depth is O(log n).
fn visit_overlapping<'a, T>(
    nodes: &'a [Node<T>],
    start: f64,
    end: f64,
    visit: &mut impl FnMut(&'a Node<T>),
) {
    let (left, rest) = nodes.split_at(nodes.len() / 2);
    let Some((root, right)) = rest.split_first() else {
        return;
    };
    if root.subtree_end < start {
        return;
    }
    visit_overlapping(left, start, end, visit);
    if root.span.start <= end {
        if root.span.end >= start {
            visit(root);
        }
        visit_overlapping(right, start, end, visit);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn queries_equal_a_linear_search(
            spans in prop::collection::vec((0_u8..60, 1_u8..30, 0_u8..5), 0..40),
            start in 0_u8..90,
            length in 0_u8..20,
        ) {
            let spans: Vec<(Span, u8)> = spans
                .into_iter()
                .map(|(start, length, value)| (Span::new(f64::from(start), f64::from(start + length)), value))
                .collect();
            let (start, end) = (f64::from(start), f64::from(start + length));
            let index = IntervalIndex::new(spans.clone());
            let overlap = |queried: u8| -> f64 {
                let overlap_of = |(span, value): &(Span, u8)| {
                    if *value != queried {
                        0.0
                    } else if length == 0 {
                        f64::from(u8::from(span.start <= start && start < span.end))
                    } else {
                        (span.end.min(end) - span.start.max(start)).max(0.0)
                    }
                };
                let each = spans.iter().map(overlap_of);
                if length == 0 { each.fold(0.0, f64::max) } else { each.sum() }
            };
            let greatest = (0..5).map(overlap).fold(0.0, f64::max);
            let expected = (0..5).find(|value| greatest > 0.0 && overlap(*value) == greatest);
            prop_assert_eq!(index.greatest_overlap(start, end), expected);
            if expected.is_none() {
                let distance = |(span, _): &(Span, u8)| (span.start - end).max(start - span.end).max(0.0);
                let nearest = spans.iter().map(distance).reduce(f64::min);
                prop_assert_eq!(index.nearest(start, end).map(|found| found.0), nearest);
            }
        }
    }
}
