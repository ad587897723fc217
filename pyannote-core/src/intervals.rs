//! An index of spans: which of them does this stretch of time lie on, and which is the nearest?
//!
//! Words ask this once each, and a day has a hundred thousand of them: going through all turns would not do.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::Span;

/// Spans with a value each, to be asked by time. A question costs O(log n) and what it finds.
pub(super) struct Intervals<T> {
    /// A balanced tree in one list: the middle is the root, the halves are its subtrees. Sorted by start.
    nodes: Vec<Node<T>>,
    /// For each node, the span of the latest end among it and those before it.
    latest: Vec<(f64, T)>,
}

struct Node<T> {
    span: Span,
    value: T,
    /// The latest end in this node's subtree.
    reach: f64,
}

impl<T: Copy + Ord> Intervals<T> {
    /// The index of `spans`. They are finite, and of positive duration.
    pub(super) fn new(spans: impl IntoIterator<Item = (Span, T)>) -> Self {
        let node = |(span, value)| Node {
            span,
            value,
            reach: f64::NEG_INFINITY,
        };
        let mut nodes: Vec<Node<T>> = spans.into_iter().map(node).collect();
        nodes.sort_by(|a, b| a.span.start.total_cmp(&b.span.start));
        set_reach(&mut nodes);
        let mut latest: Vec<(f64, T)> = Vec::with_capacity(nodes.len());
        for node in &nodes {
            latest.push(match latest.last() {
                Some(before) if before.0 >= node.span.end => *before,
                _ => (node.span.end, node.value),
            });
        }
        Self { nodes, latest }
    }

    /// The value whose spans cover most of the range; of equals the least one.
    ///
    /// Where `end` is not after `start`, the range is the moment `start`, and a span holds it from its start to just
    /// before its end.
    pub(super) fn greatest_overlap(&self, start: f64, end: f64) -> Option<T> {
        let mut overlaps: BTreeMap<T, f64> = BTreeMap::new();
        let moment = start.partial_cmp(&end) != Some(Ordering::Less);
        let end = if moment { start } else { end };
        visit(&self.nodes, start, end, &mut |node| {
            if moment {
                if node.span.start <= start && start < node.span.end {
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
            if greatest.is_none_or(|(_, most)| overlap > most) {
                greatest = Some((value, overlap));
            }
        }
        greatest.map(|(value, _)| value)
    }

    /// The value of the span that is nearest to a range on which no span lies, and its distance in seconds.
    ///
    /// Of two that are equally near, the earlier one.
    pub(super) fn nearest(&self, start: f64, end: f64) -> Option<(f64, T)> {
        let after = self.nodes.partition_point(|node| node.span.start <= start);
        let before = after.checked_sub(1).and_then(|at| self.latest.get(at));
        let before = before.map(|&(latest, value)| ((start - latest).max(0.0), value));
        let after = self.nodes.get(after);
        let after = after.map(|node| ((node.span.start - end.max(start)).max(0.0), node.value));
        match (before, after) {
            (Some(before), Some(after)) if after.0 < before.0 => Some(after),
            (before, after) => before.or(after),
        }
    }
}

/// Sets the reach of each node of a subtree, and returns that of its root.
fn set_reach<T>(nodes: &mut [Node<T>]) -> f64 {
    let (left, rest) = nodes.split_at_mut(nodes.len() / 2);
    let Some((root, right)) = rest.split_first_mut() else {
        return f64::NEG_INFINITY;
    };
    root.reach = root.span.end.max(set_reach(left)).max(set_reach(right));
    root.reach
}

/// Shows every node of a subtree whose span touches the range. It is as deep as the tree: log n.
fn visit<'a, T>(nodes: &'a [Node<T>], start: f64, end: f64, found: &mut impl FnMut(&'a Node<T>)) {
    let (left, rest) = nodes.split_at(nodes.len() / 2);
    let Some((root, right)) = rest.split_first() else {
        return;
    };
    if root.reach < start {
        return;
    }
    visit(left, start, end, found);
    if root.span.start <= end {
        if root.span.end >= start {
            found(root);
        }
        visit(right, start, end, found);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_a_plain_search_finds(
            spans in prop::collection::vec((0_u8..60, 1_u8..30, 0_u8..5), 0..40),
            start in 0_u8..90,
            length in 0_u8..20,
        ) {
            let spans: Vec<(Span, u8)> = spans
                .into_iter()
                .map(|(from, length, value)| (Span::new(f64::from(from), f64::from(from + length)), value))
                .collect();
            let (start, end) = (f64::from(start), f64::from(start + length));
            let index = Intervals::new(spans.clone());
            let overlap = |wanted: u8| -> f64 {
                let of = |(span, value): &(Span, u8)| {
                    if *value != wanted {
                        0.0
                    } else if length == 0 {
                        f64::from(u8::from(span.start <= start && start < span.end))
                    } else {
                        (span.end.min(end) - span.start.max(start)).max(0.0)
                    }
                };
                let each = spans.iter().map(of);
                if length == 0 { each.fold(0.0, f64::max) } else { each.sum() }
            };
            let most = (0..5).map(overlap).fold(0.0, f64::max);
            let expected = (0..5).find(|value| most > 0.0 && overlap(*value) == most);
            prop_assert_eq!(index.greatest_overlap(start, end), expected);
            if expected.is_none() {
                let distance = |(span, _): &(Span, u8)| (span.start - end).max(start - span.end).max(0.0);
                let nearest = spans.iter().map(distance).reduce(f64::min);
                prop_assert_eq!(index.nearest(start, end).map(|found| found.0), nearest);
            }
        }
    }
}
