//! Fully connected layers, and convolutions over time as matrices.

use super::{BatchNorm, Matrix};
use crate::models::{Weights, WeightsError};

/// A fully connected layer.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    /// One row per input, one column per output.
    pub(crate) weight: Matrix,
    /// One value per output.
    pub(crate) bias: Vec<f32>,
}

impl Linear {
    /// Loads the tensors `{name}.weight` and `{name}.bias`.
    pub(crate) fn load(
        weights: &Weights<'_>,
        name: &str,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, WeightsError> {
        let weight = weights.tensor(&format!("{name}.weight"), &[outputs, inputs])?;
        Ok(Self {
            weight: Matrix::transposed(&weight, outputs, inputs),
            bias: weights.tensor(&format!("{name}.bias"), &[outputs])?,
        })
    }

    /// Fuses a layer without bias and the batch normalization of its outputs.
    pub(crate) fn fused(weight: Matrix, norm: BatchNorm) -> Self {
        Self {
            weight: weight.scaled(&norm.scale),
            bias: norm.shift,
        }
    }
}

/// Loads the weights of a convolution over time as a matrix with `taps * inputs` rows and `outputs` columns.
///
/// The rows are ordered like consecutive frames in memory: all channels of the first frame that the kernel covers, then
/// all channels of the second, and so on.
pub(crate) fn load_conv(
    weights: &Weights<'_>,
    name: &str,
    inputs: usize,
    outputs: usize,
    taps: usize,
) -> Result<Matrix, WeightsError> {
    let values = weights.tensor(&format!("{name}.weight"), &[outputs, inputs, taps])?;
    Ok(Matrix::from_fn(taps * inputs, outputs, |row, output| {
        let (tap, input) = (row / inputs, row % inputs);
        values[(output * inputs + input) * taps + tap]
    }))
}
