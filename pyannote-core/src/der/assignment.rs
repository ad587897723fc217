//! The optimal assignment: pairs of rows and columns with the greatest sum of weights.
//!
//! This is the Hungarian method as shortest augmenting paths, on the pairs that have a weight and no others: speakers
//! who never speak together cost nothing, so that a list of thousands of speakers needs no matrix of millions. With n
//! rows and e pairs it takes O(n e log e) time and O(e) memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A bound on the weights under which sums of them stay finite.
const GREATEST: f64 = 1e300;

/// The column of each row that has one, so that the sum of the weights is greatest. No column is given twice.
///
/// `rows` hold the weights by column. Pairs whose weight is not positive are never made.
pub(super) fn assign(rows: &[BTreeMap<usize, f64>]) -> BTreeMap<usize, usize> {
    let edges: Vec<Vec<(usize, f64)>> = rows
        .iter()
        .map(|row| {
            let usable = row.iter().filter(|(_, weight)| **weight > 0.0);
            usable
                .map(|(column, weight)| (*column, weight.min(GREATEST)))
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
        matching.add(row);
    }
    matching.column_of
}

/// The best assignment of the rows so far.
///
/// The prices prove it: `row price + column price >= weight` for each pair, with equality for the pairs made, and a price
/// of 0 for every row and column that was left out. What a pair lacks to equality is its slack.
struct Matching {
    edges: Vec<Vec<(usize, f64)>>,
    row_price: Vec<f64>,
    column_price: BTreeMap<usize, f64>,
    row_of: BTreeMap<usize, usize>,
    column_of: BTreeMap<usize, usize>,
}

/// Where a path of exchanges ends.
#[derive(Clone, Copy)]
enum Exit {
    /// At a column that no row has.
    Free(usize),
    /// At a row that is better left without a column.
    Drop(usize),
}

impl Matching {
    /// Lets one more row in, along the cheapest path of exchanges.
    fn add(&mut self, start: usize) {
        // Distances are never negative, and the bits of such numbers are in the order of the numbers.
        let mut heap: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
        let mut distance: BTreeMap<usize, f64> = BTreeMap::new();
        let mut parent: BTreeMap<usize, usize> = BTreeMap::new();
        let mut rows_done: Vec<(usize, f64)> = Vec::new();
        let mut columns_done: BTreeMap<usize, f64> = BTreeMap::new();
        let mut best = (f64::INFINITY, Exit::Drop(start));
        let mut next = Some((start, 0.0));
        while let Some((row, reached)) = next {
            rows_done.push((row, reached));
            let price = self.row_price.get(row).copied().unwrap_or(0.0);
            if reached + price < best.0 {
                best = (reached + price, Exit::Drop(row));
            }
            for &(column, weight) in self.edges.get(row).into_iter().flatten() {
                let slack = price + self.column_price.get(&column).copied().unwrap_or(0.0) - weight;
                let through = reached + slack.max(0.0);
                if distance.get(&column).is_none_or(|known| through < *known) {
                    distance.insert(column, through);
                    parent.insert(column, row);
                    heap.push(Reverse((through.to_bits(), column)));
                }
            }
            next = None;
            while let Some(Reverse((bits, column))) = heap.pop() {
                let reached = f64::from_bits(bits);
                if reached >= best.0 {
                    break;
                }
                // An entry of the heap is stale where a shorter way was found since.
                if columns_done.contains_key(&column) {
                    continue;
                }
                let Some(holder) = self.row_of.get(&column) else {
                    best = (reached, Exit::Free(column));
                    break;
                };
                columns_done.insert(column, reached);
                next = Some((*holder, reached));
                break;
            }
        }
        let (length, exit) = best;
        for (row, reached) in rows_done {
            if let Some(price) = self.row_price.get_mut(row) {
                *price = (*price - (length - reached).max(0.0)).max(0.0);
            }
        }
        for (column, reached) in columns_done {
            *self.column_price.entry(column).or_insert(0.0) += (length - reached).max(0.0);
        }
        self.exchange(start, exit, &parent);
    }

    /// Passes the columns on along the path that ends in `exit`, so that `start` gets one.
    fn exchange(&mut self, start: usize, exit: Exit, parent: &BTreeMap<usize, usize>) {
        let mut freed = match exit {
            Exit::Free(column) => Some(column),
            Exit::Drop(row) => self.column_of.remove(&row),
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

    /// The greatest sum, by trying everything.
    fn brute(rows: &[BTreeMap<usize, f64>], taken: u32) -> f64 {
        let Some((row, rest)) = rows.split_first() else {
            return 0.0;
        };
        row.iter()
            .filter(|(column, weight)| taken & (1 << **column) == 0 && **weight > 0.0)
            .map(|(column, weight)| weight + brute(rest, taken | (1 << column)))
            .fold(brute(rest, taken), f64::max)
    }

    #[test]
    fn picks_the_best_sum() {
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
        // A row that came first is left out again.
        let rows = [row(&[(0, 2.0)]), row(&[(0, 3.0)]), row(&[(0, 1.0)])];
        assert_eq!(assign(&rows), [(1, 0)].into());
    }

    #[test]
    fn weights_beyond_all_bounds_end() {
        let odd = [f64::INFINITY, f64::NAN, f64::MAX, 1.0, -0.0];
        let rows: Vec<BTreeMap<usize, f64>> = (0..5)
            .map(|row| {
                (0..5)
                    .map(|column| (column, odd[(row + column) % 5]))
                    .collect()
            })
            .collect();
        assert!(assign(&rows).len() <= 5);
    }

    /// Weights by column; whole ones among them, so that there are ties.
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
            prop_assert!((sum(&rows, &pairs) - brute(&rows, 0)).abs() < 1e-9);
        }
    }
}
