//! Layers that the encoder and the decoder have in common, loaded by the names of CTranslate2.

use std::io::{Read, Seek};

use super::container::Container;
use crate::models::WeightsError;
use crate::models::nn::{LayerNorm, QuantizedMatrix, Rows, RowsMut, add_quantized_product, gelu};

/// A fully connected layer.
#[derive(Clone, Debug)]
pub(super) struct Dense {
    weight: QuantizedMatrix,
    bias: Vec<f32>,
}

impl Dense {
    /// Loads the tensors `{name}/weight` and `{name}/bias`.
    pub(super) fn load<R: Read + Seek>(
        model: &mut Container<R>,
        name: &str,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, WeightsError> {
        let weight = model.tensor(&format!("{name}/weight"), &[outputs, inputs])?;
        Ok(Self {
            weight: QuantizedMatrix::transposed(&weight, outputs, inputs),
            bias: model.tensor(&format!("{name}/bias"), &[outputs])?,
        })
    }

    /// Number of outputs.
    pub(super) fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Writes the outputs for each row of `input`, which is dense.
    pub(super) fn apply(&self, input: &[f32], inputs: usize, out: &mut Vec<f32>) {
        out.clear();
        let rows = input.len() / inputs.max(1);
        out.resize(rows * self.outputs(), 0.0);
        self.add_to(input, inputs, out);
    }

    /// Adds the outputs for each row of `input`, which is dense, to those of `out`: a residual connection.
    pub(super) fn add_to(&self, input: &[f32], inputs: usize, out: &mut [f32]) {
        let outputs = self.outputs().max(1);
        for row in out.chunks_exact_mut(outputs) {
            for (value, bias) in row.iter_mut().zip(&self.bias) {
                *value += bias;
            }
        }
        add_quantized_product(
            RowsMut::new(out, outputs),
            Rows::dense(input, inputs),
            self.weight.all(),
        );
    }
}

/// Loads the tensors `{name}/gamma` and `{name}/beta`.
pub(super) fn layer_norm<R: Read + Seek>(
    model: &mut Container<R>,
    name: &str,
    channels: usize,
) -> Result<LayerNorm, WeightsError> {
    Ok(LayerNorm {
        scale: model.tensor(&format!("{name}/gamma"), &[channels])?,
        shift: model.tensor(&format!("{name}/beta"), &[channels])?,
    })
}

/// The feed-forward block of a layer: normalization, two fully connected layers, and a residual connection.
#[derive(Clone, Debug)]
pub(super) struct FeedForward {
    norm: LayerNorm,
    expand: Dense,
    contract: Dense,
}

impl FeedForward {
    /// Loads the tensors `{name}/…`.
    pub(super) fn load<R: Read + Seek>(
        model: &mut Container<R>,
        name: &str,
        channels: usize,
    ) -> Result<Self, WeightsError> {
        let [hidden, _] = model.dimensions(&format!("{name}/linear_0/weight"))?;
        Ok(Self {
            norm: layer_norm(model, &format!("{name}/layer_norm"), channels)?,
            expand: Dense::load(model, &format!("{name}/linear_0"), channels, hidden)?,
            contract: Dense::load(model, &format!("{name}/linear_1"), hidden, channels)?,
        })
    }

    /// Transforms rows in place.
    pub(super) fn apply(&self, rows: &mut [f32], scratch: &mut Scratch) {
        let channels = self.norm.scale.len();
        scratch.normalize(&self.norm, rows);
        self.expand
            .apply(&scratch.normalized, channels, &mut scratch.hidden);
        gelu(&mut scratch.hidden);
        self.contract
            .add_to(&scratch.hidden, self.expand.outputs(), rows);
    }
}

/// Buffers of intermediate values, kept between layers.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) normalized: Vec<f32>,
    pub(super) hidden: Vec<f32>,
}

impl Scratch {
    /// Normalizes rows into `normalized`.
    pub(super) fn normalize(&mut self, norm: &LayerNorm, rows: &[f32]) {
        self.normalized.resize(rows.len(), 0.0);
        norm.apply(rows, &mut self.normalized);
    }
}

/// Counts the layers whose names are `{prefix}0`, `{prefix}1`, and so on.
pub(super) fn count_layers<R: Read + Seek>(model: &Container<R>, prefix: &str) -> usize {
    (0..)
        .take_while(|layer| {
            let name = format!("{prefix}{layer}/self_attention/layer_norm/gamma");
            model.shape(&name).is_some()
        })
        .count()
}
