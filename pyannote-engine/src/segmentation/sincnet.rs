//! From a waveform to 60 channels of about 59 frames a second.

use super::sinc_filters;
use crate::nn::{InstanceNorm, Matrix, Rows, RowsMut, leaky_relu, load_conv, max_pool, product};
use crate::{Weights, WeightsError};

/// How many bands the filters hear. There are two filters for each.
const BANDS: usize = 40;
/// How many taps a filter has on each side of the middle one.
const HALF: usize = 125;
/// How many samples the filters move on.
const STRIDE: usize = 10;
/// How many channels the later layers have.
pub(super) const CHANNELS: usize = 60;
/// How many frames the later layers see at once.
const TAPS: usize = 5;
/// How many frames become one after each layer.
const POOL: usize = 3;
/// How many frames are computed at once: as many as stay in the cache until they are pooled.
const BLOCK: usize = 128 * POOL;

/// Filters, then two convolutions; after each, the loudest of three frames stays and channels are normalized.
#[derive(Debug)]
pub(super) struct SincNet {
    waveform: InstanceNorm,
    layers: [Layer; 3],
}

impl SincNet {
    /// The one of this name.
    pub(super) fn load(weights: &Weights<'_>, name: &str) -> Result<Self, WeightsError> {
        let filters =
            sinc_filters::load(weights, &format!("{name}.conv1d.0.filterbank"), BANDS, HALF)?;
        // The biases of the convolutions make no difference: the normalization takes them away again.
        let conv = |layer: usize, inputs: usize| {
            load_conv(
                weights,
                &format!("{name}.conv1d.{layer}"),
                inputs,
                CHANNELS,
                TAPS,
            )
        };
        let norm = |layer: usize, channels: usize| {
            InstanceNorm::load(weights, &format!("{name}.norm1d.{layer}"), channels)
        };
        Ok(Self {
            waveform: InstanceNorm::load(weights, &format!("{name}.wav_norm1d"), 1)?,
            layers: [
                Layer {
                    kernel: filters,
                    step: STRIDE,
                    rectified: true,
                    norm: norm(0, 2 * BANDS)?,
                },
                Layer {
                    kernel: conv(1, 2 * BANDS)?,
                    step: 2 * BANDS,
                    rectified: false,
                    norm: norm(1, CHANNELS)?,
                },
                Layer {
                    kernel: conv(2, CHANNELS)?,
                    step: CHANNELS,
                    rectified: false,
                    norm: norm(2, CHANNELS)?,
                },
            ],
        })
    }

    /// The frames of a waveform, each with its channels.
    pub(super) fn run(&self, samples: &[f32], scratch: &mut Scratch) -> Vec<f32> {
        let mut signal = samples.to_vec();
        self.waveform.apply(&mut signal);
        for layer in &self.layers {
            signal = layer.run(&signal, scratch);
        }
        signal
    }
}

/// What a layer works in.
#[derive(Debug, Default)]
pub(super) struct Scratch(Vec<f32>);

/// A convolution, pooled and normalized, then leaky ReLU.
#[derive(Debug)]
struct Layer {
    kernel: Matrix,
    /// How many elements of the signal the kernel moves on from one frame to the next.
    step: usize,
    /// Whether only the size of what the kernel finds counts, not its sign.
    rectified: bool,
    norm: InstanceNorm,
}

impl Layer {
    fn run(&self, signal: &[f32], scratch: &mut Scratch) -> Vec<f32> {
        let (seen, channels) = (self.kernel.rows(), self.kernel.columns());
        let frames = match signal.len().checked_sub(seen) {
            Some(room) => room / self.step + 1,
            None => 0,
        };
        let pooled = frames / POOL;
        let mut out = vec![0.0; pooled * channels];
        scratch.0.resize(BLOCK * channels, 0.0);
        for (block, out) in out.chunks_mut(BLOCK / POOL * channels).enumerate() {
            let frames = out.len() / channels * POOL;
            let from = block * BLOCK * self.step;
            let to = from + (frames - 1) * self.step + seen;
            let (Some(signal), Some(found)) =
                (signal.get(from..to), scratch.0.get_mut(..frames * channels))
            else {
                break;
            };
            product(
                RowsMut::new(found, channels),
                Rows::new(signal, frames, seen, self.step),
                &self.kernel,
            );
            if self.rectified {
                max_pool(found, channels, out, f32::abs);
            } else {
                max_pool(found, channels, out, |x| x);
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
    use crate::reference::{assert_close, layers, signal};

    fn layer() -> Layer {
        Layer {
            kernel: load_conv(&layers(), "conv", 3, 4, TAPS).unwrap(),
            step: 3,
            rectified: false,
            norm: InstanceNorm::load(&layers(), "norm", 4).unwrap(),
        }
    }

    #[test]
    fn a_layer_is_that_of_pytorch_though_it_has_no_bias() {
        let found = layer().run(&signal(900 * 3), &mut Scratch::default());
        assert_close(&found, &layers().tensor("conv.out", &[298, 4]).unwrap());
    }

    #[test]
    fn silence_and_too_little_are_no_trouble() {
        let silence = layer().run(&[0.0; 900], &mut Scratch::default());
        assert_eq!(silence.len(), 98 * 4);
        assert!(silence.iter().all(|value| value.is_finite()));
        assert!(layer().run(&[1.0; 20], &mut Scratch::default()).is_empty());
    }
}
