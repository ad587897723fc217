//! Bidirectional LSTM.

use super::activation::{sigmoid, sigmoid_tanh};
use super::{Matrix, Rows, RowsMut, add_product, product, vectorized};
use crate::models::{Weights, WeightsError};

/// Gates per cell, in PyTorch's order: input, forget, candidate, output.
const GATES: usize = 4;
/// Time steps whose input contributions are computed in one product. Chosen so that their gates stay in the CPU cache.
const BLOCK_STEPS: usize = 32;

/// Stacked bidirectional LSTM layers.
#[derive(Clone, Debug)]
pub(crate) struct Lstm {
    layers: Vec<[Direction; 2]>,
    /// Hidden state size per direction.
    hidden: usize,
}

/// One direction of one layer.
#[derive(Clone, Debug)]
struct Direction {
    /// Weights from the layer's inputs to the gates.
    input: Matrix,
    /// Weights from the hidden state to the gates.
    recurrent: Matrix,
    /// Bias of each gate: the sum of PyTorch's two biases.
    bias: Vec<f32>,
}

impl Lstm {
    /// Loads the layers, with `hidden` cells per direction.
    pub(crate) fn load(
        weights: &Weights<'_>,
        name: &str,
        inputs: usize,
        hidden: usize,
        layers: usize,
    ) -> Result<Self, WeightsError> {
        let layers = (0..layers)
            .map(|layer| {
                let inputs = if layer == 0 { inputs } else { 2 * hidden };
                let direction = |suffix: &str| {
                    Direction::load(weights, name, &format!("l{layer}{suffix}"), inputs, hidden)
                };
                Ok([direction("")?, direction("_reverse")?])
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { layers, hidden })
    }

    /// Runs a batch of signals of equal length.
    ///
    /// Signals are interleaved, as `(frame, batch, channel)`. So is the result, whose channels are the hidden state of
    /// the forward direction followed by that of the backward direction.
    pub(crate) fn run(&self, signals: Vec<f32>, batch: usize) -> Vec<f32> {
        let batch = batch.max(1);
        let mut signals = signals;
        let mut scratch = Scratch {
            gates: vec![0.0; BLOCK_STEPS * batch * GATES * self.hidden],
            hidden: vec![0.0; batch * self.hidden],
            cell: vec![0.0; batch * self.hidden],
        };
        for layer in &self.layers {
            let inputs = layer[0].input.rows();
            let steps = signals.len() / (inputs * batch).max(1);
            let mut out = vec![0.0; steps * batch * 2 * self.hidden];
            for (direction, backward) in layer.iter().zip([false, true]) {
                direction.run(&signals, batch, backward, &mut out, &mut scratch);
            }
            signals = out;
        }
        signals
    }
}

/// Buffers of one direction.
struct Scratch {
    gates: Vec<f32>,
    hidden: Vec<f32>,
    cell: Vec<f32>,
}

impl Direction {
    fn load(
        weights: &Weights<'_>,
        name: &str,
        suffix: &str,
        inputs: usize,
        hidden: usize,
    ) -> Result<Self, WeightsError> {
        let gates = GATES * hidden;
        let matrix = |kind: &str, inputs: usize| {
            let weight =
                weights.tensor(&format!("{name}.weight_{kind}_{suffix}"), &[gates, inputs])?;
            Ok(Matrix::transposed(&weight, gates, inputs))
        };
        let bias = |kind: &str| weights.tensor(&format!("{name}.bias_{kind}_{suffix}"), &[gates]);
        Ok(Self {
            input: matrix("ih", inputs)?,
            recurrent: matrix("hh", hidden)?,
            bias: bias("ih")?
                .iter()
                .zip(bias("hh")?)
                .map(|(input, recurrent)| input + recurrent)
                .collect(),
        })
    }

    fn run(
        &self,
        signals: &[f32],
        batch: usize,
        backward: bool,
        out: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let (inputs, hidden) = (self.input.rows(), self.recurrent.rows());
        let (step_in, step_out) = (batch * inputs, batch * 2 * hidden);
        let step_gates = batch * GATES * hidden;
        let blocks = signals
            .chunks(BLOCK_STEPS * step_in)
            .zip(out.chunks_mut(BLOCK_STEPS * step_out));
        scratch.hidden.fill(0.0);
        scratch.cell.fill(0.0);
        let mut block = |(signals, out): (&[f32], &mut [f32])| {
            let steps = signals.len() / step_in;
            let gates = &mut scratch.gates[..steps * step_gates];
            product(
                RowsMut::new(gates, GATES * hidden),
                Rows::dense(signals, inputs),
                &self.input,
            );
            let steps = gates
                .chunks_exact_mut(step_gates)
                .zip(out.chunks_exact_mut(step_out));
            let mut step = |(gates, out): (&mut [f32], &mut [f32])| {
                add_product(
                    RowsMut::new(gates, GATES * hidden),
                    Rows::dense(&scratch.hidden, hidden),
                    &self.recurrent,
                );
                vectorized(Cells {
                    gates,
                    bias: &self.bias,
                    cell: &mut scratch.cell,
                    hidden: &mut scratch.hidden,
                    size: hidden,
                });
                for (out, state) in out
                    .chunks_exact_mut(2 * hidden)
                    .zip(scratch.hidden.chunks_exact(hidden))
                {
                    let (forward_half, backward_half) = out.split_at_mut(hidden);
                    if backward {
                        backward_half.copy_from_slice(state);
                    } else {
                        forward_half.copy_from_slice(state);
                    }
                }
            };
            if backward {
                steps.rev().for_each(&mut step);
            } else {
                steps.for_each(&mut step);
            }
        };
        if backward {
            blocks.rev().for_each(&mut block);
        } else {
            blocks.for_each(&mut block);
        }
    }
}

/// Computes the next cell and hidden states of a batch from its gates' pre-activations.
struct Cells<'a> {
    /// Pre-activations of the gates, without the bias.
    gates: &'a [f32],
    bias: &'a [f32],
    cell: &'a mut [f32],
    hidden: &'a mut [f32],
    /// Number of cells per signal.
    size: usize,
}

impl pulp::NullaryFnOnce for Cells<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let size = self.size;
        let [bias_i, bias_f, bias_g, bias_o] = split(self.bias, size);
        for ((gates, cell), hidden) in self
            .gates
            .chunks_exact(GATES * size)
            .zip(self.cell.chunks_exact_mut(size))
            .zip(self.hidden.chunks_exact_mut(size))
        {
            let [i, f, g, o] = split(gates, size);
            let gates = i.iter().zip(f).zip(g).zip(o);
            let biases = bias_i.iter().zip(bias_f).zip(bias_g).zip(bias_o);
            let states = cell.iter_mut().zip(hidden);
            for (((((i, f), g), o), (((bi, bf), bg), bo)), (cell, hidden)) in
                gates.zip(biases).zip(states)
            {
                *cell = sigmoid(f + bf) * *cell + sigmoid_tanh(i + bi, g + bg);
                *hidden = sigmoid_tanh(o + bo, *cell);
            }
        }
    }
}

/// Splits a row into the four gates.
#[inline(always)]
fn split(row: &[f32], size: usize) -> [&[f32]; GATES] {
    let (input, rest) = row.split_at(size);
    let (forget, rest) = rest.split_at(size);
    let (candidate, output) = rest.split_at(size);
    [input, forget, candidate, output]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::reference::{assert_close, layers, signal};

    #[test]
    fn matches_pytorch() {
        let (batch, steps, inputs) = (2, 70, 3);
        let lstm = Lstm::load(&layers(), "lstm", inputs, 4, 2).unwrap();
        // Interleave the frames of the signals.
        let signals = signal(batch * steps * inputs);
        let interleaved = (0..steps)
            .flat_map(|step| (0..batch).map(move |n| (n * steps + step) * inputs))
            .flat_map(|at| &signals[at..at + inputs])
            .copied()
            .collect();
        let expected = layers().tensor("lstm.out", &[steps, batch, 8]).unwrap();
        assert_close(&lstm.run(interleaved, batch), &expected);
    }
}
