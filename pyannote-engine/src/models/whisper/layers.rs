//! Layers that the encoder and the decoder have in common, loaded by the names of CTranslate2.

use std::io::{Read, Seek};

use rayon::prelude::*;

use super::container::Container;
use crate::models::WeightsError;
use crate::models::nn::{
    LayerNorm, Matrix, QuantizedMatrix, Rows, RowsMut, add_quantized_product, gelu, product,
    softmax,
};

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

/// What attention attends to: keys and values of a number of rows, for each head.
#[derive(Debug)]
pub(super) struct Memory {
    rows: usize,
    channels: usize,
    heads: Vec<(Matrix, Matrix)>,
}

impl Memory {
    /// Takes the keys and the values of all heads from the end of rows of `stride` values, on the threads of the
    /// current pool. Keys are scaled.
    pub(super) fn new(projected: &[f32], stride: usize, channels: usize, heads: usize) -> Self {
        let (rows, width) = (projected.len() / stride, channels / heads);
        let scale = 1.0 / (width as f32).sqrt();
        let value = |row: usize, column: usize| projected[row * stride + column];
        let head = |head: usize| {
            let key = stride - 2 * channels + head * width;
            let keys = Matrix::from_fn(width, rows, |channel, row| {
                scale * value(row, key + channel)
            });
            let values = Matrix::from_fn(rows, width, |row, channel| {
                value(row, key + channels + channel)
            });
            (keys, values)
        };
        Self {
            rows,
            channels,
            heads: (0..heads).into_par_iter().map(head).collect(),
        }
    }

    /// Writes a row to `out` for each query; the queries of all heads begin a row of `stride` values. `scores` is a
    /// buffer. `weights` gets the number of each head, and its weight of each row of the memory, a row per query.
    pub(super) fn attend(
        &self,
        queries: &[f32],
        stride: usize,
        out: &mut [f32],
        scores: &mut Vec<f32>,
        mut weights: impl FnMut(usize, &[f32]),
    ) {
        let (count, width) = (out.len() / self.channels, self.channels / self.heads.len());
        scores.resize(count * self.rows, 0.0);
        for (head, (keys, values)) in self.heads.iter().enumerate() {
            let queries = Rows::new(&queries[head * width..], count, width, stride);
            product(RowsMut::new(scores, self.rows), queries, keys);
            softmax(scores, self.rows);
            weights(head, scores);
            let out = RowsMut::new(&mut out[head * width..], self.channels);
            product(out, Rows::dense(scores, self.rows), values);
        }
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

/// Fails unless the channels can be divided among the heads.
pub(super) fn check_heads(channels: usize, heads: usize) -> Result<(), WeightsError> {
    match heads > 0 && channels > 0 && channels.is_multiple_of(heads) {
        true => Ok(()),
        false => Err(WeightsError::Invalid(format!(
            "invalid CTranslate2 model: {channels} channels cannot be divided among {heads} heads"
        ))),
    }
}
