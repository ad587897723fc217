//! The matrix product: a register-blocked kernel over packed weights.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::matrix::{Matrix, Rows, RowsMut};
use super::quantized::QuantizedColumns;

/// Vectors per row of the tile of the output that is accumulated in registers.
const TILE_VECTORS: usize = 2;
/// Elements of the left factor that are used for all panels of weights before the next ones are read, so that they stay
/// in the L2 cache: 256 kB.
const BLOCK_ELEMENTS: usize = 1 << 16;

/// Columns per panel of packed weights on this processor: those of one tile.
pub(super) fn panel_columns() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    TILE_VECTORS * Arch::new().dispatch(Lanes)
}

/// Writes `left * right` to `out`.
pub(crate) fn product(out: RowsMut<'_>, left: Rows<'_>, right: &Matrix) {
    multiply::<false>(out, left, right);
}

/// Adds `left * right` to `out`.
pub(crate) fn add_product(out: RowsMut<'_>, left: Rows<'_>, right: &Matrix) {
    multiply::<true>(out, left, right);
}

fn multiply<const ADD: bool>(out: RowsMut<'_>, left: Rows<'_>, right: &Matrix) {
    assert_eq!(left.columns, right.rows(), "inner dimensions differ");
    Arch::new().dispatch(Product::<ADD> { out, left, right });
}

/// A product, to be computed with the instruction set that [`Arch`] selects.
struct Product<'a, const ADD: bool> {
    out: RowsMut<'a>,
    left: Rows<'a>,
    right: &'a Matrix,
}

impl<const ADD: bool> WithSimd for Product<'_, ADD> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { out, left, right } = self;
        let mut tiles = Tiles::<ADD> {
            out,
            left,
            columns: right.columns(),
        };
        let block = (BLOCK_ELEMENTS / left.columns.max(1)).max(MAX_TILE_ROWS) / MAX_TILE_ROWS;
        for start in (0..left.rows).step_by(block * MAX_TILE_ROWS) {
            let end = (start + block * MAX_TILE_ROWS).min(left.rows);
            for (index, panel) in right.panels().enumerate() {
                tiles.panel(simd, start..end, index, panel);
            }
        }
    }
}

/// Writes `left * right` to `out`, with one thread.
pub(crate) fn quantized_product(out: RowsMut<'_>, left: Rows<'_>, right: QuantizedColumns<'_>) {
    multiply_quantized::<false>(out, left, right);
}

/// Adds `left * right` to `out`, with one thread.
pub(crate) fn add_quantized_product(out: RowsMut<'_>, left: Rows<'_>, right: QuantizedColumns<'_>) {
    multiply_quantized::<true>(out, left, right);
}

fn multiply_quantized<const ADD: bool>(
    out: RowsMut<'_>,
    left: Rows<'_>,
    right: QuantizedColumns<'_>,
) {
    assert_eq!(left.columns, right.rows(), "inner dimensions differ");
    Arch::new().dispatch(QuantizedProduct::<ADD> { out, left, right });
}

/// A product whose weights become floats panel by panel, in a buffer that stays in the L2 cache.
struct QuantizedProduct<'a, const ADD: bool> {
    out: RowsMut<'a>,
    left: Rows<'a>,
    right: QuantizedColumns<'a>,
}

impl<const ADD: bool> WithSimd for QuantizedProduct<'_, ADD> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { out, left, right } = self;
        let mut tiles = Tiles::<ADD> {
            out,
            left,
            columns: right.columns(),
        };
        let mut floats = vec![0.0; right.rows() * TILE_VECTORS * S::F32_LANES];
        for (index, (panel, scales)) in right.panels().enumerate() {
            for (floats, values) in floats
                .chunks_exact_mut(scales.len())
                .zip(panel.chunks_exact(scales.len()))
            {
                for ((float, value), scale) in floats.iter_mut().zip(values).zip(scales) {
                    *float = f32::from(*value) * scale;
                }
            }
            tiles.panel(simd, 0..left.rows, index, &floats);
        }
    }
}

/// Most rows of a tile: AVX-512 has 32 registers, AVX2 has 16.
const MAX_TILE_ROWS: usize = 12;

/// The output and the left factor of a product with `columns` columns.
struct Tiles<'a, const ADD: bool> {
    out: RowsMut<'a>,
    left: Rows<'a>,
    columns: usize,
}

impl<const ADD: bool> Tiles<'_, ADD> {
    /// Computes the columns of one panel, for some rows: as many per tile as the registers hold.
    #[inline(always)]
    fn panel<S: Simd>(&mut self, simd: S, rows: Range<usize>, index: usize, panel: &[f32]) {
        if S::F32_LANES >= 16 {
            self.rows::<S, MAX_TILE_ROWS>(simd, rows, index, panel);
        } else {
            self.rows::<S, { MAX_TILE_ROWS / 2 }>(simd, rows, index, panel);
        }
    }

    #[inline(always)]
    fn rows<S: Simd, const ROWS: usize>(
        &mut self,
        simd: S,
        rows: Range<usize>,
        index: usize,
        panel: &[f32],
    ) {
        let (panel, _) = S::as_simd_f32s(panel);
        let column = index * TILE_VECTORS * S::F32_LANES;
        let Range {
            start: mut row,
            end,
        } = rows;
        while row + ROWS <= end {
            self.tile::<S, ROWS>(simd, row, column, panel);
            row += ROWS;
        }
        while row + 4 <= end {
            self.tile::<S, 4>(simd, row, column, panel);
            row += 4;
        }
        while row < end {
            self.tile::<S, 1>(simd, row, column, panel);
            row += 1;
        }
    }

    /// Computes `ROWS` rows of one panel's columns, the first of which are `row` and `column`.
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        panel: &[S::f32s],
    ) {
        let (panel, _) = panel.as_chunks::<TILE_VECTORS>();
        let rows: [&[f32]; ROWS] =
            std::array::from_fn(|index| &self.left.row(row + index)[..panel.len()]);
        let mut sums = [[simd.splat_f32s(0.0); TILE_VECTORS]; ROWS];
        for (inner, weights) in panel.iter().enumerate() {
            for (sums, row) in sums.iter_mut().zip(&rows) {
                let value = simd.splat_f32s(row[inner]);
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = simd.mul_add_e_f32s(value, *weight, *sum);
                }
            }
        }
        let columns = (self.columns - column).min(TILE_VECTORS * S::F32_LANES);
        for (index, sums) in sums.into_iter().enumerate() {
            let out = &mut self.out.values[(row + index) * self.out.stride + column..][..columns];
            for (out, sum) in out.chunks_mut(S::F32_LANES).zip(sums) {
                let sum = match ADD {
                    true => simd.add_f32s(simd.partial_load_f32s(out), sum),
                    false => sum,
                };
                simd.partial_store_f32s(out, sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn supports_overlapping_input_rows_and_strided_output_rows() {
        // A kernel with three taps over five samples. Its two outputs are the sum and a difference.
        let kernel = Matrix::from_fn(3, 2, |tap, out| match (tap, out) {
            (_, 0) => 1.0,
            (0, _) => -1.0,
            (2, _) => 1.0,
            _ => 0.0,
        });
        let signal = [1.0, 2.0, 4.0, 8.0, 16.0];
        let mut out = [0.5; 9];
        product(
            RowsMut::new(&mut out, 3),
            Rows::new(&signal, 3, 3, 1),
            &kernel,
        );
        assert_eq!(out, [7.0, 3.0, 0.5, 14.0, 6.0, 0.5, 28.0, 12.0, 0.5]);
        add_product(
            RowsMut::new(&mut out, 3),
            Rows::new(&signal, 3, 3, 1),
            &kernel,
        );
        assert_eq!(out, [14.0, 6.0, 0.5, 28.0, 12.0, 0.5, 56.0, 24.0, 0.5]);
    }

    proptest! {
        /// Whole numbers small enough that every order of summation gives the same result.
        #[test]
        fn equals_the_definition(
            rows in 0_usize..40,
            inner in 1_usize..20,
            columns in 0_usize..70,
            padding in 0_usize..3,
            seed in any::<u32>(),
        ) {
            let number = |index: usize| {
                let hash = (index as u32).wrapping_mul(2_654_435_761).wrapping_add(seed);
                (hash.rotate_left(13) % 17) as f32 - 8.0
            };
            let (left_stride, out_stride) = (inner + padding, columns + padding);
            let left: Vec<f32> = (0..rows * left_stride + inner).map(number).collect();
            let weight = |row: usize, column: usize| number(7_777 + row * columns + column);
            let right = Matrix::from_fn(inner, columns, weight);
            let mut out: Vec<f32> = (0..rows * out_stride + columns).map(number).collect();
            let before = out.clone();
            for add in [false, true] {
                let left_rows = Rows::new(&left, rows, inner, left_stride);
                let out_rows = RowsMut::new(&mut out, out_stride);
                match add {
                    true => add_product(out_rows, left_rows, &right),
                    false => product(out_rows, left_rows, &right),
                }
                for (index, value) in out.iter().enumerate() {
                    let (row, column) = (index / out_stride.max(1), index % out_stride.max(1));
                    let expected = match row < rows && column < columns {
                        true => {
                            let terms = (0..inner).map(|k| left[row * left_stride + k] * weight(k, column));
                            let sum: f32 = terms.sum();
                            if add { 2.0 * sum } else { sum }
                        }
                        false => before[index],
                    };
                    prop_assert_eq!(*value, expected, "row {} column {}", row, column);
                }
            }
        }
    }
}
