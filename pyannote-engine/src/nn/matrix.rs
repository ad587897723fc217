//! Matrices and their product.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// A matrix of weights, row by row: a row for each input, a column for each output.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matrix {
    values: Vec<f32>,
    rows: usize,
    columns: usize,
}

impl Matrix {
    /// The matrix whose element in a row and a column is what the function says.
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

    /// The matrix that a checkpoint holds the other way round: a row for each of the `outputs`.
    pub(crate) fn transposed(values: &[f32], outputs: usize, inputs: usize) -> Self {
        Self::from_fn(inputs, outputs, |input, output| {
            values
                .get(output * inputs + input)
                .copied()
                .unwrap_or_default()
        })
    }

    /// The same with each output multiplied by a factor of its own.
    pub(crate) fn scaled(mut self, factors: &[f32]) -> Self {
        for row in self.values.chunks_exact_mut(self.columns.max(1)) {
            for (value, factor) in row.iter_mut().zip(factors) {
                *value *= factor;
            }
        }
        self
    }

    /// The same with its inputs in another order: `origin` says which of the old rows becomes a row.
    pub(crate) fn permuted(&self, origin: impl Fn(usize) -> usize) -> Self {
        Self::from_fn(self.rows, self.columns, |row, column| {
            self.values
                .get(origin(row) * self.columns + column)
                .copied()
                .unwrap_or_default()
        })
    }

    /// So many matrices, each with as many of the rows.
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

    /// How many inputs there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// How many outputs there are.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }
}

/// Rows of equal length, at equal distances from each other. They may overlap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a> Rows<'a> {
    /// So many rows of so many columns, each `stride` elements after the one before.
    pub(crate) fn new(values: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        Self {
            values,
            rows,
            columns,
            stride,
        }
    }

    /// Rows that follow on each other.
    pub(crate) fn dense(values: &'a [f32], columns: usize) -> Self {
        Self::new(values, values.len() / columns.max(1), columns, columns)
    }
}

/// Rows of equal length, at equal distances from each other, to be written.
#[derive(Debug)]
pub(crate) struct RowsMut<'a> {
    values: &'a mut [f32],
    stride: usize,
}

impl<'a> RowsMut<'a> {
    /// Rows that are each `stride` elements after the one before.
    pub(crate) fn new(values: &'a mut [f32], stride: usize) -> Self {
        Self { values, stride }
    }
}

/// Writes the product.
pub(crate) fn product(out: RowsMut<'_>, left: Rows<'_>, right: &Matrix) {
    multiply(out, Accum::Replace, left, right);
}

/// Adds the product to what is there.
pub(crate) fn add_product(out: RowsMut<'_>, left: Rows<'_>, right: &Matrix) {
    multiply(out, Accum::Add, left, right);
}

fn multiply(out: RowsMut<'_>, accum: Accum, left: Rows<'_>, right: &Matrix) {
    // A matrix row by row is the transposed one column by column, which is how faer has them.
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
    fn rows_may_overlap_and_outputs_may_lie_apart() {
        // A kernel of three taps over a signal of five samples, and the sum beside the difference.
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
