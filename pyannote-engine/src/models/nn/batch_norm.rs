//! Batch normalization at inference time: a scale and a shift per channel.

use super::vectorized;
use crate::models::{Weights, WeightsError};

/// Added to variances, as in PyTorch's default.
const EPSILON: f32 = 1e-5;

/// Batch normalization folded into one scale and one shift per channel.
#[derive(Clone, Debug)]
pub(crate) struct BatchNorm {
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
}

impl BatchNorm {
    /// Loads a normalization with an affine transform: a weight and a bias per channel.
    pub(crate) fn load(
        weights: &Weights<'_>,
        name: &str,
        channels: usize,
    ) -> Result<Self, WeightsError> {
        let mut norm = Self::load_without_affine(weights, name, channels)?;
        let weight = weights.tensor(&format!("{name}.weight"), &[channels])?;
        let bias = weights.tensor(&format!("{name}.bias"), &[channels])?;
        for (scale, weight) in norm.scale.iter_mut().zip(&weight) {
            *scale *= weight;
        }
        for ((shift, weight), bias) in norm.shift.iter_mut().zip(weight).zip(bias) {
            *shift = *shift * weight + bias;
        }
        Ok(norm)
    }

    /// Loads the normalization of the outputs of a convolution, or the bias of the convolution into which it is folded.
    pub(crate) fn load_of_conv(
        weights: &Weights<'_>,
        conv: &str,
        norm: &str,
        channels: usize,
    ) -> Result<Self, WeightsError> {
        let bias = format!("{conv}.bias");
        match weights.contains(&bias) {
            false => Self::load(weights, norm, channels),
            true => Ok(Self {
                scale: vec![1.0; channels],
                shift: weights.tensor(&bias, &[channels])?,
            }),
        }
    }

    /// Loads a normalization without an affine transform.
    pub(crate) fn load_without_affine(
        weights: &Weights<'_>,
        name: &str,
        channels: usize,
    ) -> Result<Self, WeightsError> {
        let mean = weights.tensor(&format!("{name}.running_mean"), &[channels])?;
        let variance = weights.tensor(&format!("{name}.running_var"), &[channels])?;
        let scale: Vec<f32> = variance
            .iter()
            .map(|variance| 1.0 / (variance + EPSILON).sqrt())
            .collect();
        let shift = mean
            .iter()
            .zip(&scale)
            .map(|(mean, scale)| -mean * scale)
            .collect();
        Ok(Self { scale, shift })
    }

    /// Normalizes and applies ReLU.
    ///
    /// Reads the first channels of each row of `rows`, whose starts are `stride` elements apart, and writes dense rows
    /// to `out`.
    pub(crate) fn relu(&self, rows: &[f32], stride: usize, out: &mut [f32]) {
        vectorized(|| {
            for (row, out) in rows
                .chunks(stride.max(1))
                .zip(out.chunks_exact_mut(self.scale.len().max(1)))
            {
                for (((out, value), scale), shift) in
                    out.iter_mut().zip(row).zip(&self.scale).zip(&self.shift)
                {
                    *out = (value * scale + shift).max(0.0);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::reference::{assert_close, layers, signal};

    #[test]
    fn matches_pytorch() {
        let norm = BatchNorm::load(&layers(), "batchnorm", 5).unwrap();
        // Rows with two more channels than the normalization has.
        let rows: Vec<f32> = signal(100)
            .chunks(5)
            .flat_map(|row| row.iter().copied().chain([f32::NAN; 2]))
            .collect();
        let mut out = vec![0.0; 100];
        norm.relu(&rows, 7, &mut out);
        assert_close(&out, &layers().tensor("batchnorm.out", &[20, 5]).unwrap());
    }
}
