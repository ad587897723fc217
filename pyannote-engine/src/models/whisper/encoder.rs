//! The encoder: from a log mel spectrogram to a row of features every 20 ms.

use std::io::{Read, Seek};

use rayon::prelude::*;

use super::container::Container;
use super::layers::{Dense, FeedForward, Memory, Scratch, check_heads, count_layers, layer_norm};
use super::mel::CHUNK_FRAMES;
use crate::models::WeightsError;
use crate::models::nn::{LayerNorm, Matrix, Rows, RowsMut, add_product, gelu};

/// Rows of features per chunk of 30 s.
pub(crate) const CHUNK_ROWS: usize = CHUNK_FRAMES / 2;
/// Frames that each of the two convolutions covers.
const TAPS: usize = 3;
/// Rows that are processed at once, by one thread.
const BLOCK_ROWS: usize = 120;

/// The encoder of a model.
#[derive(Debug)]
pub(crate) struct Encoder {
    bands: usize,
    channels: usize,
    convolutions: [Convolution; 2],
    positions: Vec<f32>,
    layers: Vec<Layer>,
    norm: LayerNorm,
}

#[derive(Debug)]
struct Convolution {
    weight: Matrix,
    bias: Vec<f32>,
    inputs: usize,
    /// Frames between outputs.
    stride: usize,
}

#[derive(Debug)]
struct Layer {
    norm: LayerNorm,
    /// Queries, keys and values of all heads.
    projection: Dense,
    output: Dense,
    feed_forward: FeedForward,
    heads: usize,
}

impl Convolution {
    fn load<R: Read + Seek>(
        model: &mut Container<R>,
        name: &str,
        inputs: usize,
        outputs: usize,
        stride: usize,
    ) -> Result<Self, WeightsError> {
        let values = model.tensor(&format!("{name}/weight"), &[outputs, inputs, TAPS])?;
        // The rows are ordered like consecutive frames in memory.
        let weight = Matrix::from_fn(TAPS * inputs, outputs, |row, output| {
            let (tap, input) = (row / inputs, row % inputs);
            values[(output * inputs + input) * TAPS + tap]
        });
        Ok(Self {
            weight,
            bias: model.tensor(&format!("{name}/bias"), &[outputs])?,
            inputs,
            stride,
        })
    }

    /// Convolves frames, with one of zeros before the first and after the last, and applies GELU.
    fn apply(&self, frames: &[f32], outputs: usize) -> Vec<f32> {
        let mut padded = vec![0.0; frames.len() + (TAPS - 1) * self.inputs];
        padded[self.inputs..][..frames.len()].copy_from_slice(frames);
        let columns = self.weight.columns();
        let mut out = vec![0.0; outputs * columns];
        out.par_chunks_mut(BLOCK_ROWS * columns)
            .enumerate()
            .for_each(|(block, out)| {
                let rows = out.len() / columns;
                for row in out.chunks_exact_mut(columns) {
                    row.copy_from_slice(&self.bias);
                }
                let stride = self.stride * self.inputs;
                let input = &padded[block * BLOCK_ROWS * stride..];
                let input = Rows::new(input, rows, TAPS * self.inputs, stride);
                add_product(RowsMut::new(out, columns), input, &self.weight);
                gelu(out);
            });
        out
    }
}

impl Encoder {
    /// Loads the tensors `encoder/…`.
    pub(crate) fn load<R: Read + Seek>(model: &mut Container<R>) -> Result<Self, WeightsError> {
        let [channels, bands, _] = model.dimensions("encoder/conv1/weight")?;
        let heads = model.integer("encoder/num_heads")?;
        check_heads(channels, heads)?;
        let layers = (0..count_layers(model, "encoder/layer_"))
            .map(|layer| Layer::load(model, &format!("encoder/layer_{layer}"), channels, heads))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            bands,
            channels,
            convolutions: [
                Convolution::load(model, "encoder/conv1", bands, channels, 1)?,
                Convolution::load(model, "encoder/conv2", channels, channels, 2)?,
            ],
            positions: model.tensor(
                "encoder/position_encodings/encodings",
                &[CHUNK_ROWS, channels],
            )?,
            layers,
            norm: layer_norm(model, "encoder/layer_norm", channels)?,
        })
    }

    /// Number of mel bands that the encoder expects.
    pub(crate) fn bands(&self) -> usize {
        self.bands
    }

    /// Number of values per row.
    pub(crate) fn channels(&self) -> usize {
        self.channels
    }

    /// Encodes a spectrogram of [`CHUNK_FRAMES`] frames to [`CHUNK_ROWS`] rows, on the threads of the current pool.
    pub(crate) fn encode(&self, spectrogram: &[f32]) -> Vec<f32> {
        let [first, second] = &self.convolutions;
        let mut rows = second.apply(&first.apply(spectrogram, CHUNK_FRAMES), CHUNK_ROWS);
        for (value, position) in rows.iter_mut().zip(&self.positions) {
            *value += position;
        }
        for layer in &self.layers {
            layer.apply(&mut rows);
        }
        let mut out = vec![0.0; rows.len()];
        self.norm.apply(&rows, &mut out);
        out
    }
}

impl Layer {
    fn load<R: Read + Seek>(
        model: &mut Container<R>,
        name: &str,
        channels: usize,
        heads: usize,
    ) -> Result<Self, WeightsError> {
        let attention = format!("{name}/self_attention");
        Ok(Self {
            norm: layer_norm(model, &format!("{attention}/layer_norm"), channels)?,
            projection: Dense::load(
                model,
                &format!("{attention}/linear_0"),
                channels,
                3 * channels,
            )?,
            output: Dense::load(model, &format!("{attention}/linear_1"), channels, channels)?,
            feed_forward: FeedForward::load(model, &format!("{name}/ffn"), channels)?,
            heads,
        })
    }

    fn apply(&self, rows: &mut [f32]) {
        let channels = self.norm.scale.len();
        // Queries, keys and values of each row.
        let mut projected = vec![0.0; 3 * rows.len()];
        projected
            .par_chunks_mut(BLOCK_ROWS * 3 * channels)
            .zip(rows.par_chunks(BLOCK_ROWS * channels))
            .for_each(|(projected, rows)| {
                let mut scratch = Scratch::default();
                scratch.normalize(&self.norm, rows);
                self.projection
                    .add_to(&scratch.normalized, channels, projected);
            });
        let memory = Memory::new(&projected, 3 * channels, channels, self.heads);
        rows.par_chunks_mut(BLOCK_ROWS * channels)
            .zip(projected.par_chunks(BLOCK_ROWS * 3 * channels))
            .for_each(|(rows, queries)| {
                let mut attended = vec![0.0; rows.len()];
                memory.attend(
                    queries,
                    3 * channels,
                    &mut attended,
                    &mut Vec::new(),
                    |_, _| {},
                );
                self.output.add_to(&attended, channels, rows);
                self.feed_forward.apply(rows, &mut Scratch::default());
            });
    }
}
