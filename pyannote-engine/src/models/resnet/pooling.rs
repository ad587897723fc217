//! Statistics pooling over the frames of one speaker.

use crate::models::nn::vectorized;

/// Keeps divisors from being zero, as in the reference implementation.
const EPSILON: f32 = 1e-8;

/// The mean of each column over the rows, followed by the standard deviation of each.
///
/// This is weighted statistics pooling with weights of 0 and 1. The standard deviation is unbiased, and 0 for a single
/// row. Without rows, all values are 0.
pub(super) fn statistics<'a>(
    rows: impl Iterator<Item = &'a [f32]> + Clone,
    columns: usize,
) -> Vec<f32> {
    let count = rows.clone().count() as f32;
    let total = count + EPSILON;
    let mut values = vec![0.0; 2 * columns];
    let (means, deviations) = values.split_at_mut(columns);
    for row in rows.clone() {
        vectorized(|| {
            for (mean, value) in means.iter_mut().zip(row) {
                *mean += value;
            }
        });
    }
    for mean in &mut *means {
        *mean /= total;
    }
    for row in rows {
        vectorized(|| {
            for ((deviation, mean), value) in deviations.iter_mut().zip(&*means).zip(row) {
                *deviation += (value - mean) * (value - mean);
            }
        });
    }
    let degrees = total - count / total + EPSILON;
    for deviation in deviations {
        *deviation = (*deviation / degrees).sqrt();
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_the_mean_and_the_unbiased_standard_deviation() {
        let rows = [[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]];
        let found = statistics(rows.iter().map(|row| &row[..]), 2);
        for (found, expected) in found.iter().zip([3.0, 5.0, 7_f32.sqrt(), 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} and {expected}");
        }
    }

    #[test]
    fn a_single_row_has_no_deviation_and_no_rows_are_zero() {
        let one = statistics([&[3.0, -4.0][..]].into_iter(), 2);
        assert_eq!(one, [3.0, -4.0, 0.0, 0.0]);
        assert_eq!(statistics(std::iter::empty(), 2), [0.0; 4]);
    }
}
