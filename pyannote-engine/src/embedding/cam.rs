//! Context-aware masking: what a convolution finds counts as much as its surroundings say.

use crate::nn::{
    Linear, Matrix, Rows, RowsMut, add_product, bias_relu, load_conv, product, sigmoid, vectorized,
};
use crate::{Weights, WeightsError};

/// How many frames have a context of their own, beside that of all frames.
const SEGMENT: usize = 100;
/// How many frames the convolution sees.
const TAPS: usize = 3;

/// A convolution, and what masks it.
#[derive(Debug)]
pub(super) struct Cam {
    /// For each frame that the convolution sees, the weights of its channels.
    local: Vec<Matrix>,
    /// How many frames lie from one that it sees to the next.
    dilation: usize,
    /// From the mean of the surroundings to the mask.
    context: [Linear; 2],
}

/// What it works in.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    padded: Vec<f32>,
    local: Vec<f32>,
    contexts: Vec<f32>,
    narrow: Vec<f32>,
    masks: Vec<f32>,
}

impl Cam {
    /// The one of this name.
    pub(super) fn load(
        weights: &Weights<'_>,
        name: &str,
        inputs: usize,
        outputs: usize,
        dilation: usize,
    ) -> Result<Self, WeightsError> {
        let local = load_conv(
            weights,
            &format!("{name}.linear_local"),
            inputs,
            outputs,
            TAPS,
        )?;
        let context = |layer: &str, inputs, outputs| {
            let name = format!("{name}.{layer}");
            let shape = [outputs, inputs, 1];
            let weight = weights.tensor(&format!("{name}.weight"), &shape)?;
            Ok(Linear {
                weight: Matrix::transposed(&weight, outputs, inputs),
                bias: weights.tensor(&format!("{name}.bias"), &[outputs])?,
            })
        };
        Ok(Self {
            local: local.split(TAPS),
            dilation,
            context: [
                context("linear1", inputs, inputs / 2)?,
                context("linear2", inputs / 2, outputs)?,
            ],
        })
    }

    /// Reads signals of `frames` frames each, one after the other; writes into rows that are `stride` elements apart.
    pub(super) fn run(
        &self,
        signals: &[f32],
        frames: usize,
        out: &mut [f32],
        stride: usize,
        scratch: &mut Scratch,
    ) {
        let [first, second] = &self.context;
        let (inputs, outputs) = (first.weight.rows(), second.weight.columns());
        let batch = signals.len() / (frames * inputs).max(1);
        let segments = frames.div_ceil(SEGMENT);

        // Each signal is followed and preceded by zeros, as many as the convolution reaches.
        let padded = frames + 2 * self.dilation;
        scratch.padded.clear();
        scratch.padded.resize(batch * padded * inputs, 0.0);
        scratch.contexts.clear();
        for (signal, room) in signals
            .chunks_exact((frames * inputs).max(1))
            .zip(scratch.padded.chunks_exact_mut(padded * inputs))
        {
            if let Some(room) =
                room.get_mut(self.dilation * inputs..(self.dilation + frames) * inputs)
            {
                room.copy_from_slice(signal);
            }
            contexts(signal, inputs, &mut scratch.contexts);
        }

        // Rows between two signals are computed, too, and mean nothing.
        let rows = (batch * padded).saturating_sub(2 * self.dilation);
        scratch.local.clear();
        scratch.local.resize(rows * outputs, 0.0);
        for (tap, weight) in self.local.iter().enumerate() {
            let from = tap * self.dilation * inputs;
            let Some(seen) = scratch.padded.get(from..from + rows * inputs) else {
                continue;
            };
            add_product(
                RowsMut::new(&mut scratch.local, outputs),
                Rows::dense(seen, inputs),
                weight,
            );
        }

        apply(first, &scratch.contexts, &mut scratch.narrow);
        bias_relu(&mut scratch.narrow, &first.bias);
        apply(second, &scratch.narrow, &mut scratch.masks);
        let masks = &mut scratch.masks;
        vectorized(|| {
            for mask in masks.chunks_exact_mut(outputs.max(1)) {
                for (mask, bias) in mask.iter_mut().zip(&second.bias) {
                    *mask = sigmoid(*mask + bias);
                }
            }
        });

        let local = &scratch.local;
        vectorized(|| {
            for ((local, masks), out) in local
                .chunks(padded * outputs)
                .zip(masks.chunks_exact(segments * outputs))
                .zip(out.chunks_mut(frames * stride))
            {
                for ((local, mask), out) in local
                    .chunks(SEGMENT * outputs)
                    .zip(masks.chunks_exact(outputs))
                    .zip(out.chunks_mut(SEGMENT * stride))
                {
                    for (local, out) in local.chunks_exact(outputs).zip(out.chunks_mut(stride)) {
                        for ((out, local), mask) in out.iter_mut().zip(local).zip(mask) {
                            *out = local * mask;
                        }
                    }
                }
            }
        });
    }
}

/// Appends the context of each segment: its mean, be it shorter than the others, and the mean of all frames.
fn contexts(signal: &[f32], channels: usize, out: &mut Vec<f32>) {
    let start = out.len();
    let mut whole = vec![0.0_f32; channels];
    for segment in signal.chunks(SEGMENT * channels) {
        let from = out.len();
        out.resize(from + channels, 0.0);
        let sums = out.get_mut(from..).unwrap_or_default();
        vectorized(|| {
            for row in segment.chunks_exact(channels) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += value;
                }
            }
        });
        for (whole, sum) in whole.iter_mut().zip(&*sums) {
            *whole += sum;
        }
        let frames = (segment.len() / channels) as f32;
        sums.iter_mut().for_each(|sum| *sum /= frames);
    }
    let frames = (signal.len() / channels) as f32;
    for row in out
        .get_mut(start..)
        .unwrap_or_default()
        .chunks_exact_mut(channels)
    {
        for (value, whole) in row.iter_mut().zip(&whole) {
            *value += whole / frames;
        }
    }
}

/// The sums of a layer, without its bias.
fn apply(layer: &Linear, signal: &[f32], out: &mut Vec<f32>) {
    let (inputs, outputs) = (layer.weight.rows(), layer.weight.columns());
    out.resize(signal.len() / inputs.max(1) * outputs, 0.0);
    product(
        RowsMut::new(out, outputs),
        Rows::dense(signal, inputs),
        &layer.weight,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{assert_close, layers, signal};

    #[test]
    fn it_is_that_of_the_original_even_in_a_last_short_segment() {
        let signals = signal(2 * 230 * 8);
        for dilation in [1, 2] {
            let name = format!("cam{dilation}");
            let cam = Cam::load(&layers(), &name, 8, 4, dilation).unwrap();
            // Rows with room for more than what is written.
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
