//! Maximum-weight bipartite matching (the linear assignment problem).
//!
//! This is the Hungarian algorithm with shortest augmenting paths on a sparse graph: pairs of speakers who never speak
//! at the same time cost nothing, so that thousands of speakers do not need a matrix of millions of entries. It takes
//! O(n e log e) time and O(e) memory for n rows and e pairs of positive weight.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Greater weights are clamped to this, so that sums of weights stay finite.
const MAX_WEIGHT: f64 = 1e300;

/// Returns the column of each row in the assignment with the greatest sum of weights.
///
/// `rows` contains the weights by column. Each column is assigned at most once. Pairs without a positive weight are
/// never assigned, so that some rows may have no column.
pub(super) fn assign(rows: &[BTreeMap<usize, f64>]) -> BTreeMap<usize, usize> {
    let edges: Vec<Vec<(usize, f64)>> = rows
        .iter()
        .map(|row| {
            let positive = row.iter().filter(|(_, weight)| **weight > 0.0);
            positive
                .map(|(column, weight)| (*column, weight.min(MAX_WEIGHT)))
                .collect()
        })
        .collect();
    let mut matching = Matching {
        row_price: edges
            .iter()
            .map(|row| row.iter().map(|edge| edge.1).fold(0.0, f64::max))
            .collect(),
        edges,
        column_price: BTreeMap::new(),
        row_of: BTreeMap::new(),
        column_of: BTreeMap::new(),
    };
    for row in 0..rows.len() {
        matching.add_row(row);
    }
    matching.column_of
}

/// The optimal matching of the rows added so far.
///
/// The prices (dual variables) certify optimality: `row price + column price >= weight` for each edge, with equality
/// for matched edges, and unmatched rows and columns have a price of 0. The slack of an edge is the difference between
/// the two sides.
struct Matching {
    edges: Vec<Vec<(usize, f64)>>,
    row_price: Vec<f64>,
    column_price: BTreeMap<usize, f64>,
    row_of: BTreeMap<usize, usize>,
    column_of: BTreeMap<usize, usize>,
}

/// The end of an augmenting path.
#[derive(Clone, Copy)]
enum PathEnd {
    /// A column that is not matched yet.
    FreeColumn(usize),
    /// A row that is better left unmatched.
    DroppedRow(usize),
}

impl Matching {
    /// Adds a row along the shortest augmenting path (Dijkstra's algorithm on the slacks).
    fn add_row(&mut self, start: usize) {
        // The bits of non-negative floats, as distances are, have the same order as the floats.
        let mut heap: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
        let mut distance: BTreeMap<usize, f64> = BTreeMap::new();
        let mut parent: BTreeMap<usize, usize> = BTreeMap::new();
        let mut settled_rows: Vec<(usize, f64)> = Vec::new();
        let mut settled_columns: BTreeMap<usize, f64> = BTreeMap::new();
        let mut shortest = (f64::INFINITY, PathEnd::DroppedRow(start));
        let mut next = Some((start, 0.0));
        while let Some((row, row_distance)) = next {
            settled_rows.push((row, row_distance));
            let price = self.row_price[row];
            if row_distance + price < shortest.0 {
                shortest = (row_distance + price, PathEnd::DroppedRow(row));
            }
            for &(column, weight) in &self.edges[row] {
                let column_price = self.column_price.get(&column).copied().unwrap_or(0.0);
                let slack = price + column_price - weight;
                let through_row = row_distance + slack.max(0.0);
                if distance
                    .get(&column)
                    .is_none_or(|known| through_row < *known)
                {
                    distance.insert(column, through_row);
                    parent.insert(column, row);
                    heap.push(Reverse((through_row.to_bits(), column)));
                }
            }
            next = None;
            while let Some(Reverse((bits, column))) = heap.pop() {
                let column_distance = f64::from_bits(bits);
                if column_distance >= shortest.0 {
                    break;
                }
                // A heap entry is stale if a shorter path was found after it.
                if settled_columns.contains_key(&column) {
                    continue;
                }
                let Some(matched_row) = self.row_of.get(&column) else {
                    shortest = (column_distance, PathEnd::FreeColumn(column));
                    break;
                };
                settled_columns.insert(column, column_distance);
                next = Some((*matched_row, column_distance));
                break;
            }
        }
        let (length, end) = shortest;
        for (row, row_distance) in settled_rows {
            let price = &mut self.row_price[row];
            *price = (*price - (length - row_distance).max(0.0)).max(0.0);
        }
        for (column, column_distance) in settled_columns {
            *self.column_price.entry(column).or_insert(0.0) += (length - column_distance).max(0.0);
        }
        self.augment(start, end, &parent);
    }

    /// Reassigns the columns along the path from `start` to `end`.
    fn augment(&mut self, start: usize, end: PathEnd, parent: &BTreeMap<usize, usize>) {
        let mut freed = match end {
            PathEnd::FreeColumn(column) => Some(column),
            PathEnd::DroppedRow(row) => self.column_of.remove(&row),
        };
        while let Some(column) = freed {
            let Some(&row) = parent.get(&column) else {
                return;
            };
            self.row_of.insert(column, row);
            freed = self.column_of.insert(row, column);
            if row == start {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(rows: &[BTreeMap<usize, f64>], pairs: &BTreeMap<usize, usize>) -> f64 {
        pairs.iter().map(|(row, column)| rows[*row][column]).sum()
    }

    /// The greatest sum of weights among all assignments.
    fn brute_force(rows: &[BTreeMap<usize, f64>], taken: u32) -> f64 {
        let Some((row, rest)) = rows.split_first() else {
            return 0.0;
        };
        row.iter()
            .filter(|(column, weight)| taken & (1 << **column) == 0 && **weight > 0.0)
            .map(|(column, weight)| weight + brute_force(rest, taken | (1 << column)))
            .fold(brute_force(rest, taken), f64::max)
    }

    #[test]
    fn finds_the_greatest_sum() {
        let row =
            |list: &[(usize, f64)]| -> BTreeMap<usize, f64> { list.iter().copied().collect() };
        let rows = [
            row(&[(0, 9.0), (1, 8.0)]),
            row(&[(0, 5.0)]),
            row(&[]),
            row(&[(2, 0.0), (1, -1.0)]),
        ];
        assert_eq!(assign(&rows), [(0, 1), (1, 0)].into());
        assert!(assign(&[]).is_empty());
        // The first row is matched, then dropped again.
        let rows = [row(&[(0, 2.0)]), row(&[(0, 3.0)]), row(&[(0, 1.0)])];
        assert_eq!(assign(&rows), [(1, 0)].into());
    }

    #[test]
    fn extreme_weights_terminate() {
        let extreme = [f64::INFINITY, f64::NAN, f64::MAX, 1.0, -0.0];
        let rows: Vec<BTreeMap<usize, f64>> = (0..5)
            .map(|row| {
                (0..5)
                    .map(|column| (column, extreme[(row + column) % 5]))
                    .collect()
            })
            .collect();
        assert!(assign(&rows).len() <= 5);
    }

    /// Weights by column. Some are integers, so that ties occur.
    fn row() -> impl Strategy<Value = BTreeMap<usize, f64>> {
        let weight = prop_oneof![0.0..10.0, (0_u8..4).prop_map(f64::from)];
        prop::collection::btree_map(0_usize..7, weight, 0..7)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn equals_brute_force(rows in prop::collection::vec(row(), 0..7)) {
            let pairs = assign(&rows);
            let mut columns: Vec<_> = pairs.values().collect();
            columns.sort_unstable();
            columns.dedup();
            prop_assert_eq!(columns.len(), pairs.len());
            prop_assert!((sum(&rows, &pairs) - brute_force(&rows, 0)).abs() < 1e-9);
        }
    }
}
