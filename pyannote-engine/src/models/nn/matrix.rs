//! Weight matrices, strided views of signals, and matrix products.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// A row-major weight matrix with one row per input and one column per output.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matrix {
    values: Vec<f32>,
    rows: usize,
    columns: usize,
}

impl Matrix {
    /// Builds a matrix from `element(row, column)`.
    pub(crate) fn from_fn(
        rows: usize,
        columns: usize,
        element: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let values = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .map(|(row, column)| element(row, column))
            .collect();
        Self {
            values,
            rows,
            columns,
        }
    }

    /// Builds a matrix from PyTorch's layout, which has one row per output.
    pub(crate) fn transposed(values: &[f32], outputs: usize, inputs: usize) -> Self {
        Self::from_fn(inputs, outputs, |input, output| {
            values[output * inputs + input]
        })
    }

    /// Multiplies each column (output) by its factor.
    pub(crate) fn scaled(mut self, factors: &[f32]) -> Self {
        for row in self.values.chunks_exact_mut(self.columns.max(1)) {
            for (value, factor) in row.iter_mut().zip(factors) {
                *value *= factor;
            }
        }
        self
    }

    /// Reorders the rows (inputs): row `n` of the result is row `origin(n)` of this matrix.
    pub(crate) fn permuted(&self, origin: impl Fn(usize) -> usize) -> Self {
        Self::from_fn(self.rows, self.columns, |row, column| {
            self.values[origin(row) * self.columns + column]
        })
    }

    /// Splits the rows into `parts` matrices of equal size.
    pub(crate) fn split(&self, parts: usize) -> Vec<Self> {
        let rows = self.rows / parts.max(1);
        self.values
            .chunks_exact((rows * self.columns).max(1))
            .map(|values| Self {
                values: values.to_owned(),
                rows,
                columns: self.columns,
            })
            .collect()
    }

    /// Number of inputs.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Number of outputs.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }
}

/// Equally spaced rows of equal length, read-only. Rows may overlap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a> Rows<'a> {
    /// Rows of `columns` elements whose starts are `stride` elements apart.
    pub(crate) fn new(values: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        Self {
            values,
            rows,
            columns,
            stride,
        }
    }

    /// Contiguous rows of `columns` elements.
    pub(crate) fn dense(values: &'a [f32], columns: usize) -> Self {
        Self::new(values, values.len() / columns.max(1), columns, columns)
    }
}

/// Equally spaced rows of equal length to write to.
#[derive(Debug)]
pub(crate) struct RowsMut<'a> {
    values: &'a mut [f32],
    stride: usize,
}

impl<'a> RowsMut<'a> {
    /// Rows whose starts are `stride` elements apart.
    pub(crate) fn new(values: &'a mut [f32], stride: usize) -> Self {
        Self { values, stride }
    }
}

/// Writes `left * right` to `out`.
pub(crate) fn product(out: RowsMut<'_>, left: Rows<'_>, right: &Matrix) {
    multiply(out, Accum::Replace, left, right);
}

/// Adds `left * right` to `out`.
pub(crate) fn add_product(out: RowsMut<'_>, left: Rows<'_>, right: &Matrix) {
    multiply(out, Accum::Add, left, right);
}

fn multiply(out: RowsMut<'_>, accum: Accum, left: Rows<'_>, right: &Matrix) {
    // faer's matrices are column-major: a row-major matrix is passed as its transpose, and the factors are swapped.
    let (rows, columns) = (left.rows, right.columns);
    matmul(
        MatMut::from_column_major_slice_with_stride_mut(out.values, columns, rows, out.stride),
        accum,
        MatRef::from_column_major_slice(&right.values, columns, right.rows),
        MatRef::from_column_major_slice_with_stride(left.values, left.columns, rows, left.stride),
        1.0_f32,
        Par::Seq,
    );
}

#[cfg(test)]
mod tests {
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
}
