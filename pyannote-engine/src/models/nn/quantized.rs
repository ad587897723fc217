//! Weight matrices of 8-bit integers.

use super::matmul::panel_columns;

/// Greatest magnitude of a quantized weight.
const MAX: f32 = 127.0;

/// A weight matrix of 8-bit integers with a scale per column (output), packed like a [`Matrix`](super::Matrix). It
/// takes a quarter of the memory, and reading it, which is what products with few rows wait for, a quarter of the time.
#[derive(Clone, Debug)]
pub(crate) struct QuantizedMatrix {
    packed: Vec<i8>,
    /// One per column, up to the end of the last panel.
    scales: Vec<f32>,
    rows: usize,
    columns: usize,
}

impl QuantizedMatrix {
    /// Quantizes weights in PyTorch's layout, which has one row per output.
    pub(crate) fn transposed(values: &[f32], outputs: usize, inputs: usize) -> Self {
        let panel_columns = panel_columns();
        let panels = outputs.div_ceil(panel_columns);
        let mut packed = vec![0; panels * panel_columns * inputs];
        let mut scales = vec![0.0; panels * panel_columns];
        for (output, row) in values.chunks_exact(inputs.max(1)).enumerate() {
            let magnitude = row.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
            let scale = magnitude / MAX;
            scales[output] = scale;
            let (panel, column) = (output / panel_columns, output % panel_columns);
            let start = panel * panel_columns * inputs + column;
            let column = packed[start..].iter_mut().step_by(panel_columns);
            for (packed, value) in column.zip(row) {
                *packed = match scale > 0.0 {
                    true => (value / scale).round() as i8,
                    false => 0,
                };
            }
        }
        Self {
            packed,
            scales,
            rows: inputs,
            columns: outputs,
        }
    }

    /// Number of outputs.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// All columns.
    pub(crate) fn all(&self) -> QuantizedColumns<'_> {
        QuantizedColumns {
            packed: &self.packed,
            scales: &self.scales,
            rows: self.rows,
            columns: self.columns,
        }
    }

    /// Divides the columns into groups of `columns`, rounded up to whole panels.
    pub(crate) fn groups(&self, columns: usize) -> impl Iterator<Item = QuantizedColumns<'_>> {
        let group = columns.next_multiple_of(panel_columns()).max(1);
        let scales = self.scales.chunks(group);
        let packed = self.packed.chunks((group * self.rows).max(1));
        packed
            .zip(scales)
            .enumerate()
            .map(move |(index, (packed, scales))| QuantizedColumns {
                packed,
                scales,
                rows: self.rows,
                columns: (self.columns - index * group).min(group),
            })
    }

    /// The values of one column.
    pub(crate) fn column(&self, column: usize) -> impl Iterator<Item = f32> {
        let panel_columns = panel_columns();
        let (panel, offset) = (column / panel_columns, column % panel_columns);
        let scale = self.scales[column];
        let values = &self.packed[panel * panel_columns * self.rows..][..panel_columns * self.rows];
        let values = values[offset..].iter().step_by(panel_columns);
        values.map(move |value| f32::from(*value) * scale)
    }
}

/// Consecutive columns of a [`QuantizedMatrix`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuantizedColumns<'a> {
    packed: &'a [i8],
    scales: &'a [f32],
    rows: usize,
    columns: usize,
}

impl<'a> QuantizedColumns<'a> {
    /// Number of inputs.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Number of outputs.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// The panels, from left to right, each with the scales of its columns.
    pub(super) fn panels(&self) -> impl Iterator<Item = (&'a [i8], &'a [f32])> {
        let columns = panel_columns();
        let panels = self.packed.chunks_exact((self.rows * columns).max(1));
        panels.zip(self.scales.chunks_exact(columns))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Rows, RowsMut, add_quantized_product, quantized_product};
    use super::*;

    #[test]
    fn products_equal_those_of_the_quantized_values() {
        let (rows, inputs, outputs) = (7, 5, 131);
        let number = |n: usize| ((n * n * 31 + n * 17) % 255) as f32 - 127.0;
        let mut weights: Vec<f32> = (0..outputs * inputs).map(number).collect();
        // The scale of every column is 1 but for one, which is 0.
        weights
            .chunks_exact_mut(inputs)
            .for_each(|row| row[2] = 127.0);
        weights[inputs * 3..][..inputs].fill(0.0);
        let matrix = QuantizedMatrix::transposed(&weights, outputs, inputs);
        let left: Vec<f32> = (0..rows * inputs).map(|n| (n % 9) as f32 - 4.0).collect();
        let expected = |row: usize, output: usize| -> f32 {
            let weights = &weights[output * inputs..][..inputs];
            let left = &left[row * inputs..][..inputs];
            left.iter().zip(weights).map(|(a, b)| a * b).sum()
        };
        let mut out = vec![0.0; rows * outputs];
        quantized_product(
            RowsMut::new(&mut out, outputs),
            Rows::dense(&left, inputs),
            matrix.all(),
        );
        add_quantized_product(
            RowsMut::new(&mut out, outputs),
            Rows::dense(&left, inputs),
            matrix.all(),
        );
        for (n, found) in out.iter().enumerate() {
            assert_eq!(*found, 2.0 * expected(n / outputs, n % outputs), "{n}");
        }
        let mut column = 0;
        for group in matrix.groups(40) {
            let mut out = vec![0.0; rows * group.columns()];
            let rows = RowsMut::new(&mut out, group.columns());
            quantized_product(rows, Rows::dense(&left, inputs), group);
            for (n, found) in out.iter().enumerate() {
                let (row, offset) = (n / group.columns(), n % group.columns());
                assert_eq!(*found, expected(row, column + offset));
            }
            column += group.columns();
        }
        assert_eq!(column, outputs);
        let values: Vec<f32> = matrix.column(130).collect();
        assert_eq!(values, weights[130 * inputs..]);
    }

    #[test]
    fn the_error_is_at_most_half_a_step() {
        let weights: Vec<f32> = (0..300).map(|n| (n as f32 * 0.37).sin() * 0.01).collect();
        let matrix = QuantizedMatrix::transposed(&weights, 3, 100);
        for (output, row) in weights.chunks(100).enumerate() {
            let step = row.iter().fold(0.0_f32, |max, value| max.max(value.abs())) / MAX;
            for (found, value) in matrix.column(output).zip(row) {
                assert!((found - value).abs() <= step * 0.501);
            }
        }
    }
}
