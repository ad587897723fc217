//! SincNet front-end: from a waveform to 60 channels at about 59 frames per second.

use super::sinc_filters;
use crate::models::nn::{
    InstanceNorm, Matrix, POOL_FRAMES, Rows, RowsMut, leaky_relu, load_conv, max_pool, product,
};
use crate::models::{Weights, WeightsError};

/// Band-pass bands. Each has an even and an odd filter.
const BANDS: usize = 40;
/// Taps of a filter on each side of the center tap.
const HALF_TAPS: usize = 125;
/// Stride of the filters, in samples.
const STRIDE_SAMPLES: usize = 10;
/// Output channels of the two convolutions.
pub(super) const SINCNET_CHANNELS: usize = 60;
/// Kernel size of the two convolutions, in frames.
const CONV_TAPS: usize = 5;
/// Frames computed per block before pooling. Chosen so that they stay in the CPU cache.
const POOL_BLOCK_FRAMES: usize = 128 * POOL_FRAMES;

/// Sinc filters and two convolutions, each followed by max pooling, instance normalization and leaky ReLU.
#[derive(Debug)]
pub(super) struct SincNet {
    waveform_norm: InstanceNorm,
    layers: [Layer; 3],
}

impl SincNet {
    /// Loads the tensors whose names start with `name`.
    pub(super) fn load(weights: &Weights<'_>, name: &str) -> Result<Self, WeightsError> {
        let filters = sinc_filters::load(
            weights,
            &format!("{name}.conv1d.0.filterbank"),
            BANDS,
            HALF_TAPS,
        )?;
        // Biases are not loaded: the instance normalization that follows cancels them.
        let conv = |layer: usize, inputs: usize| {
            load_conv(
                weights,
                &format!("{name}.conv1d.{layer}"),
                inputs,
                SINCNET_CHANNELS,
                CONV_TAPS,
            )
        };
        let norm = |layer: usize, channels: usize| {
            InstanceNorm::load(weights, &format!("{name}.norm1d.{layer}"), channels)
        };
        Ok(Self {
            waveform_norm: InstanceNorm::load(weights, &format!("{name}.wav_norm1d"), 1)?,
            layers: [
                Layer {
                    kernel: filters,
                    stride: STRIDE_SAMPLES,
                    abs: true,
                    norm: norm(0, 2 * BANDS)?,
                },
                Layer {
                    kernel: conv(1, 2 * BANDS)?,
                    stride: 2 * BANDS,
                    abs: false,
                    norm: norm(1, SINCNET_CHANNELS)?,
                },
                Layer {
                    kernel: conv(2, SINCNET_CHANNELS)?,
                    stride: SINCNET_CHANNELS,
                    abs: false,
                    norm: norm(2, SINCNET_CHANNELS)?,
                },
            ],
        })
    }

    /// Frames of a waveform: rows of [`SINCNET_CHANNELS`] values.
    pub(super) fn run(&self, samples: &[f32], scratch: &mut Scratch) -> Vec<f32> {
        let mut signal = samples.to_vec();
        self.waveform_norm.apply(&mut signal);
        for layer in &self.layers {
            signal = layer.run(&signal, scratch);
        }
        signal
    }
}

/// Buffer for a layer's output before pooling.
#[derive(Debug, Default)]
pub(super) struct Scratch(Vec<f32>);

/// Convolution, max pooling, instance normalization and leaky ReLU.
#[derive(Debug)]
struct Layer {
    kernel: Matrix,
    /// Signal elements between consecutive positions of the kernel.
    stride: usize,
    /// Whether the absolute value is taken before pooling.
    abs: bool,
    norm: InstanceNorm,
}

impl Layer {
    fn run(&self, signal: &[f32], scratch: &mut Scratch) -> Vec<f32> {
        let (kernel_len, channels) = (self.kernel.rows(), self.kernel.columns());
        let frames = match signal.len().checked_sub(kernel_len) {
            Some(rest) => rest / self.stride + 1,
            None => 0,
        };
        let pooled = frames / POOL_FRAMES;
        let mut out = vec![0.0; pooled * channels];
        scratch.0.resize(POOL_BLOCK_FRAMES * channels, 0.0);
        for (block, out) in out
            .chunks_mut(POOL_BLOCK_FRAMES / POOL_FRAMES * channels)
            .enumerate()
        {
            let frames = out.len() / channels * POOL_FRAMES;
            let from = block * POOL_BLOCK_FRAMES * self.stride;
            let to = from + (frames - 1) * self.stride + kernel_len;
            let conv = &mut scratch.0[..frames * channels];
            product(
                RowsMut::new(conv, channels),
                Rows::new(&signal[from..to], frames, kernel_len, self.stride),
                &self.kernel,
            );
            if self.abs {
                max_pool(conv, channels, out, f32::abs);
            } else {
                max_pool(conv, channels, out, |x| x);
            }
        }
        self.norm.apply(&mut out);
        leaky_relu(&mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::reference::{assert_close, layers, signal};

    fn layer() -> Layer {
        Layer {
            kernel: load_conv(&layers(), "conv", 3, 4, CONV_TAPS).unwrap(),
            stride: 3,
            abs: false,
            norm: InstanceNorm::load(&layers(), "norm", 4).unwrap(),
        }
    }

    #[test]
    fn layer_without_bias_matches_pytorch_with_bias() {
        let conv = layer().run(&signal(900 * 3), &mut Scratch::default());
        assert_close(&conv, &layers().tensor("conv.out", &[298, 4]).unwrap());
    }

    #[test]
    fn handles_silence_and_short_input() {
        let silence = layer().run(&[0.0; 900], &mut Scratch::default());
        assert_eq!(silence.len(), 98 * 4);
        assert!(silence.iter().all(|value| value.is_finite()));
        assert!(layer().run(&[1.0; 20], &mut Scratch::default()).is_empty());
    }
}
