//! A layer in which each output is a weighted sum of the inputs.

use super::{BatchNorm, Matrix};
use crate::{Weights, WeightsError};

/// Weights and a bias.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    /// A row for each input, a column for each output.
    pub(crate) weight: Matrix,
    /// One for each output.
    pub(crate) bias: Vec<f32>,
}

impl Linear {
    /// The one of this name.
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

    /// The layer together with the normalization of its outputs.
    pub(crate) fn normalized(weight: Matrix, norm: BatchNorm) -> Self {
        Self {
            weight: weight.scaled(&norm.scale),
            bias: norm.shift,
        }
    }
}
