//! Long short-term memory, in both directions.

use super::activation::{sigmoid, sigmoid_tanh};
use super::{Matrix, Rows, RowsMut, add_product, product, vectorized};
use crate::{Weights, WeightsError};

/// How many gates a cell has: input, forget, candidate, output, in this order.
const GATES: usize = 4;
/// How many steps' inputs are weighted in one product. Their gates stay in the cache until the steps are done.
const STEPS: usize = 32;

/// Layers of cells, each of which reads the signal in both directions.
#[derive(Clone, Debug)]
pub(crate) struct Lstm {
    layers: Vec<[Direction; 2]>,
    hidden: usize,
}

#[derive(Clone, Debug)]
struct Direction {
    /// From the layer's inputs to the gates.
    input: Matrix,
    /// From the hidden state to the gates.
    recurrent: Matrix,
    /// One for each gate.
    bias: Vec<f32>,
}

impl Lstm {
    /// The one of this name, with so many cells in each layer and direction.
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

    /// Reads several signals of equal length at once.
    ///
    /// The rows of `signals` are the first frame of each signal, then the second of each, and so on; so are those of
    /// what comes out, each with the hidden state of the forward direction, then that of the backward direction.
    pub(crate) fn run(&self, signals: Vec<f32>, batch: usize) -> Vec<f32> {
        let batch = batch.max(1);
        let mut signals = signals;
        let mut scratch = Scratch {
            gates: vec![0.0; STEPS * batch * GATES * self.hidden],
            hidden: vec![0.0; batch * self.hidden],
            cell: vec![0.0; batch * self.hidden],
        };
        for layer in &self.layers {
            let inputs = layer.first().map_or(1, |direction| direction.input.rows());
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

/// What one direction works in.
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
            .chunks(STEPS * step_in)
            .zip(out.chunks_mut(STEPS * step_out));
        scratch.hidden.fill(0.0);
        scratch.cell.fill(0.0);
        let mut block = |(signals, out): (&[f32], &mut [f32])| {
            let steps = signals.len() / step_in;
            let Some(gates) = scratch.gates.get_mut(..steps * step_gates) else {
                return;
            };
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

/// The next cell and hidden states of a batch, from what its gates are given.
struct Cells<'a> {
    gates: &'a [f32],
    bias: &'a [f32],
    cell: &'a mut [f32],
    hidden: &'a mut [f32],
    /// How many cells there are.
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
            let given = i.iter().zip(f).zip(g).zip(o);
            let biases = bias_i.iter().zip(bias_f).zip(bias_g).zip(bias_o);
            let states = cell.iter_mut().zip(hidden);
            for (((((i, f), g), o), (((bi, bf), bg), bo)), (cell, hidden)) in
                given.zip(biases).zip(states)
            {
                *cell = sigmoid(f + bf) * *cell + sigmoid_tanh(i + bi, g + bg);
                *hidden = sigmoid_tanh(o + bo, *cell);
            }
        }
    }
}

/// The parts of a row that belong to the gates.
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
    use crate::reference::{assert_close, layers, signal};

    #[test]
    fn both_directions_and_all_layers_are_those_of_pytorch() {
        let (batch, steps, inputs) = (2, 70, 3);
        let lstm = Lstm::load(&layers(), "lstm", inputs, 4, 2).unwrap();
        // From one signal after the other to alternating frames.
        let signals = signal(batch * steps * inputs);
        let alternating = (0..steps)
            .flat_map(|step| (0..batch).map(move |n| (n * steps + step) * inputs))
            .flat_map(|at| &signals[at..at + inputs])
            .copied()
            .collect();
        let expected = layers().tensor("lstm.out", &[steps, batch, 8]).unwrap();
        assert_close(&lstm.run(alternating, batch), &expected);
    }
}
