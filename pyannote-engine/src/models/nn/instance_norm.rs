//! Instance normalization: each channel of a signal is normalized to zero mean and unit variance over time.

use super::vectorized;
use crate::models::{Weights, WeightsError};

/// Added to variances, as in PyTorch's default. Keeps silence finite.
const EPSILON: f64 = 1e-5;

/// Instance normalization with an affine transform per channel.
#[derive(Clone, Debug)]
pub(crate) struct InstanceNorm {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl InstanceNorm {
    /// Loads the tensors `{name}.weight` and `{name}.bias`.
    pub(crate) fn load(
        weights: &Weights<'_>,
        name: &str,
        channels: usize,
    ) -> Result<Self, WeightsError> {
        Ok(Self {
            weight: weights.tensor(&format!("{name}.weight"), &[channels])?,
            bias: weights.tensor(&format!("{name}.bias"), &[channels])?,
        })
    }

    /// Scale and shift that normalize each channel of this signal.
    fn affine(&self, signal: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let channels = self.weight.len();
        let (means, variances) = moments(signal, channels);
        let scale: Vec<f32> = variances
            .iter()
            .zip(&self.weight)
            .map(|(variance, weight)| (f64::from(*weight) / (variance + EPSILON).sqrt()) as f32)
            .collect();
        let shift = means
            .iter()
            .zip(&scale)
            .zip(&self.bias)
            .map(|((mean, scale), bias)| (f64::from(*bias) - mean * f64::from(*scale)) as f32)
            .collect();
        (scale, shift)
    }

    /// Normalizes a signal in place.
    pub(crate) fn apply(&self, signal: &mut [f32]) {
        let (scale, shift) = self.affine(signal);
        vectorized(|| {
            for row in signal.chunks_exact_mut(scale.len().max(1)) {
                for ((value, scale), shift) in row.iter_mut().zip(&scale).zip(&shift) {
                    *value = *value * scale + shift;
                }
            }
        });
    }
}

/// Mean and biased variance of each channel.
///
/// Sums are accumulated in single precision within blocks of frames, and in double precision across blocks.
pub(crate) fn moments(signal: &[f32], channels: usize) -> (Vec<f64>, Vec<f64>) {
    const MOMENTS_BLOCK_FRAMES: usize = 128;
    let channels = channels.max(1);
    let frames = (signal.len() / channels).max(1) as f64;
    let mut means = vec![0.0; channels];
    let mut variances = vec![0.0; channels];
    let mut sums = vec![0.0_f32; channels];

    for block in signal.chunks(MOMENTS_BLOCK_FRAMES * channels) {
        sums.fill(0.0);
        vectorized(|| {
            for row in block.chunks_exact(channels) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += value;
                }
            }
        });
        for (mean, sum) in means.iter_mut().zip(&sums) {
            *mean += f64::from(*sum) / frames;
        }
    }
    let centers: Vec<f32> = means.iter().map(|mean| *mean as f32).collect();
    for block in signal.chunks(MOMENTS_BLOCK_FRAMES * channels) {
        sums.fill(0.0);
        vectorized(|| {
            for row in block.chunks_exact(channels) {
                for ((sum, value), center) in sums.iter_mut().zip(row).zip(&centers) {
                    let deviation = value - center;
                    *sum += deviation * deviation;
                }
            }
        });
        for (variance, sum) in variances.iter_mut().zip(&sums) {
            *variance += f64::from(*sum) / frames;
        }
    }
    (means, variances)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_per_channel() {
        let signal: Vec<f32> = (0..1000).flat_map(|n| [n as f32, 7.0]).collect();
        let (means, variances) = moments(&signal, 2);
        assert_eq!(means.len(), 2);
        assert!((means[0] - 499.5).abs() < 1e-6);
        assert!((means[1] - 7.0).abs() < 1e-6);
        assert!((variances[0] - 83_333.25).abs() < 0.1);
        assert!(variances[1].abs() < 1e-9);
    }
}
