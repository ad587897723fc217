//! Context-aware masking (CAM): the output of a convolution is multiplied by a mask computed from its context.
//!
//! The context of a frame is the mean over its segment of 100 frames plus the mean over all frames.

use crate::models::nn::{
    Linear, Matrix, Rows, RowsMut, add_product, bias_relu, load_conv, product, sigmoid, vectorized,
};
use crate::models::{Weights, WeightsError};

/// Frames that share a local context.
const CONTEXT_FRAMES: usize = 100;
/// Kernel size of the convolution, in frames.
const CAM_TAPS: usize = 3;

/// A dilated convolution with a context-aware mask.
#[derive(Debug)]
pub(super) struct Cam {
    /// Weights of the convolution, one matrix per tap.
    taps: Vec<Matrix>,
    /// Distance between taps, in frames.
    dilation: usize,
    /// The layers that compute the mask from the context.
    mask: [Linear; 2],
}

/// Buffers of [`Cam::run`].
#[derive(Debug, Default)]
pub(super) struct Scratch {
    padded: Vec<f32>,
    conv: Vec<f32>,
    contexts: Vec<f32>,
    hidden: Vec<f32>,
    masks: Vec<f32>,
}

impl Cam {
    /// Loads the tensors whose names start with `name`.
    pub(super) fn load(
        weights: &Weights<'_>,
        name: &str,
        inputs: usize,
        outputs: usize,
        dilation: usize,
    ) -> Result<Self, WeightsError> {
        let conv = load_conv(
            weights,
            &format!("{name}.linear_local"),
            inputs,
            outputs,
            CAM_TAPS,
        )?;
        let linear = |layer: &str, inputs, outputs| {
            let name = format!("{name}.{layer}");
            let shape = [outputs, inputs, 1];
            let weight = weights.tensor(&format!("{name}.weight"), &shape)?;
            Ok(Linear {
                weight: Matrix::transposed(&weight, outputs, inputs),
                bias: weights.tensor(&format!("{name}.bias"), &[outputs])?,
            })
        };
        Ok(Self {
            taps: conv.split(CAM_TAPS),
            dilation,
            mask: [
                linear("linear1", inputs, inputs / 2)?,
                linear("linear2", inputs / 2, outputs)?,
            ],
        })
    }

    /// Processes a batch of contiguous signals of `frames` frames each.
    ///
    /// Writes to the first elements of rows of `out` whose starts are `stride` elements apart.
    pub(super) fn run(
        &self,
        signals: &[f32],
        frames: usize,
        out: &mut [f32],
        stride: usize,
        scratch: &mut Scratch,
    ) {
        let [first, second] = &self.mask;
        let (inputs, outputs) = (first.weight.rows(), second.weight.columns());
        let batch = signals.len() / (frames * inputs);
        let segments = frames.div_ceil(CONTEXT_FRAMES);

        // Pad each signal with as many zero frames as the convolution reaches beyond its ends.
        let padded_frames = frames + 2 * self.dilation;
        scratch.padded.clear();
        scratch.padded.resize(batch * padded_frames * inputs, 0.0);
        scratch.contexts.clear();
        for (signal, padded) in signals
            .chunks_exact(frames * inputs)
            .zip(scratch.padded.chunks_exact_mut(padded_frames * inputs))
        {
            padded[self.dilation * inputs..(self.dilation + frames) * inputs]
                .copy_from_slice(signal);
            contexts(signal, inputs, &mut scratch.contexts);
        }

        // One product per tap for the whole batch. Rows that straddle two signals are computed as well, but not used.
        let rows = batch * padded_frames - 2 * self.dilation;
        scratch.conv.clear();
        scratch.conv.resize(rows * outputs, 0.0);
        for (tap, weight) in self.taps.iter().enumerate() {
            let from = tap * self.dilation * inputs;
            add_product(
                RowsMut::new(&mut scratch.conv, outputs),
                Rows::dense(&scratch.padded[from..from + rows * inputs], inputs),
                weight,
            );
        }

        apply(first, &scratch.contexts, &mut scratch.hidden);
        bias_relu(&mut scratch.hidden, &first.bias);
        apply(second, &scratch.hidden, &mut scratch.masks);
        let masks = &mut scratch.masks;
        vectorized(|| {
            for mask in masks.chunks_exact_mut(outputs) {
                for (mask, bias) in mask.iter_mut().zip(&second.bias) {
                    *mask = sigmoid(*mask + bias);
                }
            }
        });

        let conv = &scratch.conv;
        vectorized(|| {
            for ((conv, masks), out) in conv
                .chunks(padded_frames * outputs)
                .zip(masks.chunks_exact(segments * outputs))
                .zip(out.chunks_mut(frames * stride))
            {
                for ((conv, mask), out) in conv
                    .chunks(CONTEXT_FRAMES * outputs)
                    .zip(masks.chunks_exact(outputs))
                    .zip(out.chunks_mut(CONTEXT_FRAMES * stride))
                {
                    for (conv, out) in conv.chunks_exact(outputs).zip(out.chunks_mut(stride)) {
                        for ((out, conv), mask) in out.iter_mut().zip(conv).zip(mask) {
                            *out = conv * mask;
                        }
                    }
                }
            }
        });
    }
}

/// Appends the context of each segment: its own mean plus the mean over all frames. The last segment may be shorter.
fn contexts(signal: &[f32], channels: usize, out: &mut Vec<f32>) {
    let start = out.len();
    let mut total = vec![0.0_f32; channels];
    for segment in signal.chunks(CONTEXT_FRAMES * channels) {
        let from = out.len();
        out.resize(from + channels, 0.0);
        let sums = &mut out[from..];
        vectorized(|| {
            for row in segment.chunks_exact(channels) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += value;
                }
            }
        });
        for (total, sum) in total.iter_mut().zip(&*sums) {
            *total += sum;
        }
        let frames = (segment.len() / channels) as f32;
        sums.iter_mut().for_each(|sum| *sum /= frames);
    }
    let frames = (signal.len() / channels) as f32;
    for row in out[start..].chunks_exact_mut(channels) {
        for (value, total) in row.iter_mut().zip(&total) {
            *value += total / frames;
        }
    }
}

/// Applies a layer without its bias.
fn apply(layer: &Linear, signal: &[f32], out: &mut Vec<f32>) {
    let (inputs, outputs) = (layer.weight.rows(), layer.weight.columns());
    out.resize(signal.len() / inputs * outputs, 0.0);
    product(
        RowsMut::new(out, outputs),
        Rows::dense(signal, inputs),
        &layer.weight,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::reference::{assert_close, layers, signal};

    #[test]
    fn matches_the_original_including_a_short_last_segment() {
        let signals = signal(2 * 230 * 8);
        for dilation in [1, 2] {
            let name = format!("cam{dilation}");
            let cam = Cam::load(&layers(), &name, 8, 4, dilation).unwrap();
            // Rows with two more elements than are written.
            let mut out = vec![0.0; 2 * 230 * 6];
            let mut scratch = Scratch::default();
            cam.run(&signals, 230, &mut out, 6, &mut scratch);
            let found: Vec<f32> = out.chunks(6).flat_map(|row| &row[..4]).copied().collect();
            let expected = layers()
                .tensor(&format!("{name}.out"), &[2, 230, 4])
                .unwrap();
            assert_close(&found, &expected);
            assert!(out.chunks(6).all(|row| row[4..] == [0.0, 0.0]));
        }
    }
}
