//! Weight matrices, and strided views of signals.

use super::matmul::panel_columns;

/// A weight matrix with one row per input and one column per output, packed for [`product`](super::product).
///
/// The columns are divided into panels of as many columns as a tile of the product has, the last one padded with zeros.
/// A panel is row-major, so that the product reads it from start to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matrix {
    packed: Vec<f32>,
    rows: usize,
    columns: usize,
    panel_columns: usize,
}

impl Matrix {
    /// Builds a matrix from `element(row, column)`.
    pub(crate) fn from_fn(
        rows: usize,
        columns: usize,
        element: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let panel_columns = panel_columns();
        let starts = (0..columns).step_by(panel_columns);
        let packed = starts
            .flat_map(|start| (0..rows).map(move |row| (start, row)))
            .flat_map(|(start, row)| {
                (start..start + panel_columns).map(move |column| (row, column))
            })
            .map(|(row, column)| match column < columns {
                true => element(row, column),
                false => 0.0,
            })
            .collect();
        Self {
            packed,
            rows,
            columns,
            panel_columns,
        }
    }

    /// Builds a matrix from PyTorch's layout, which has one row per output.
    pub(crate) fn transposed(values: &[f32], outputs: usize, inputs: usize) -> Self {
        Self::from_fn(inputs, outputs, |input, output| {
            values[output * inputs + input]
        })
    }

    /// Multiplies each column (output) by its factor.
    pub(crate) fn scaled(&self, factors: &[f32]) -> Self {
        Self::from_fn(self.rows, self.columns, |row, column| {
            self.element(row, column) * factors[column]
        })
    }

    /// Reorders the rows (inputs): row `n` of the result is row `origin(n)` of this matrix.
    pub(crate) fn permuted(&self, origin: impl Fn(usize) -> usize) -> Self {
        Self::from_fn(self.rows, self.columns, |row, column| {
            self.element(origin(row), column)
        })
    }

    /// Splits the rows into `parts` matrices of equal size.
    pub(crate) fn split(&self, parts: usize) -> Vec<Self> {
        let rows = self.rows / parts.max(1);
        let part = |part| {
            Self::from_fn(rows, self.columns, |row, column| {
                self.element(part * rows + row, column)
            })
        };
        (0..parts).map(part).collect()
    }

    /// Number of inputs.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Number of outputs.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// The panels, from left to right.
    pub(super) fn panels(&self) -> impl Iterator<Item = &[f32]> {
        self.packed
            .chunks_exact((self.rows * self.panel_columns).max(1))
    }

    fn element(&self, row: usize, column: usize) -> f32 {
        let (panel, column) = (column / self.panel_columns, column % self.panel_columns);
        self.packed[(panel * self.rows + row) * self.panel_columns + column]
    }
}

/// Equally spaced rows of equal length, read-only. Rows may overlap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    values: &'a [f32],
    pub(super) rows: usize,
    pub(super) columns: usize,
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

    /// One row.
    pub(super) fn row(&self, index: usize) -> &'a [f32] {
        &self.values[index * self.stride..][..self.columns]
    }
}

/// Equally spaced rows of equal length to write to.
#[derive(Debug)]
pub(crate) struct RowsMut<'a> {
    pub(super) values: &'a mut [f32],
    pub(super) stride: usize,
}

impl<'a> RowsMut<'a> {
    /// Rows whose starts are `stride` elements apart.
    pub(crate) fn new(values: &'a mut [f32], stride: usize) -> Self {
        Self { values, stride }
    }
}
