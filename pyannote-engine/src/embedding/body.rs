//! The body of the model: layers over time, each of which sees what all before it in its block have found.

use super::cam::{self, Cam};
use super::head::{self, HEAD};
use super::{EMBEDDING, stats};
use crate::nn::{BatchNorm, Linear, Matrix, Rows, RowsMut, bias_relu, load_conv, product};
use crate::{Weights, WeightsError};

/// How many channels the first block reads.
const CHANNELS: usize = 128;
/// How many channels each layer of a block adds.
const GROWTH: usize = 32;
/// How many channels a layer narrows its inputs to.
const NARROW: usize = 128;
/// How many frames of the head the first layer sees, and how many it moves on.
const TAPS: usize = 5;
const STEP: usize = 2;
/// How many layers each block has, and their dilation.
const BLOCKS: [(usize, usize); 3] = [(12, 1), (24, 2), (16, 2)];
/// How many frames are worked on at once, unless a single part has more.
const BATCH: usize = 150;
/// How many frames are normalized at once before they are multiplied: as many as stay in the cache.
const ROWS: usize = 150;

/// All layers from the head's frames to the embedding.
#[derive(Debug)]
pub(super) struct Body {
    first: Linear,
    blocks: Vec<Block>,
    norm: BatchNorm,
    dense: Linear,
}

impl Body {
    pub(super) fn load(weights: &Weights<'_>) -> Result<Self, WeightsError> {
        let first = load_conv(weights, "xvector.tdnn.linear", HEAD, CHANNELS, TAPS)?
            .permuted(|row| row / HEAD * HEAD + head::original(row % HEAD));
        let norm = BatchNorm::load(weights, "xvector.tdnn.nonlinear.batchnorm", CHANNELS)?;
        let first = Linear::normalized(first, norm);

        let mut channels = CHANNELS;
        let mut blocks = Vec::new();
        for (index, (layers, dilation)) in BLOCKS.into_iter().enumerate() {
            let block = Block::load(weights, index + 1, channels, layers, dilation)?;
            channels = block.transit.columns();
            blocks.push(block);
        }

        let shape = [EMBEDDING, 2 * channels, 1];
        let weight = weights.tensor("xvector.dense.linear.weight", &shape)?;
        let weight = Matrix::transposed(&weight, EMBEDDING, 2 * channels);
        let norm = BatchNorm::load_plain(weights, "xvector.dense.nonlinear.batchnorm", EMBEDDING)?;
        Ok(Self {
            first,
            blocks,
            norm: BatchNorm::load(weights, "xvector.out_nonlinear.batchnorm", channels)?,
            dense: Linear::normalized(weight, norm),
        })
    }

    /// The embedding of each part; zeros for one without frames.
    pub(super) fn run(&self, parts: &[&[f32]]) -> Vec<[f32; EMBEDDING]> {
        let mut out = Vec::with_capacity(parts.len());
        let mut scratch = Scratch::default();
        for parts in parts.chunk_by(|a, b| a.len() == b.len()) {
            let frames = parts.first().map_or(0, |part| part.len() / HEAD);
            if frames == 0 {
                out.extend(parts.iter().map(|_| [0.0; EMBEDDING]));
                continue;
            }
            let batch = (BATCH / frames.div_ceil(STEP)).max(1);
            for parts in parts.chunks(batch) {
                out.extend(self.batch(parts, frames, &mut scratch));
            }
        }
        out
    }

    /// The embeddings of parts that all have so many frames.
    fn batch(
        &self,
        parts: &[&[f32]],
        frames: usize,
        scratch: &mut Scratch,
    ) -> Vec<[f32; EMBEDDING]> {
        let (mut signals, frames) = self.first(parts, frames);
        for block in &self.blocks {
            signals = block.run(signals, frames, scratch);
        }

        let channels = self.norm.scale.len();
        let mut last = vec![0.0; signals.len()];
        self.norm.relu(&signals, channels, &mut last);
        let pooled: Vec<f32> = last
            .chunks_exact(frames * channels)
            .flat_map(|signal| stats::pool(signal, channels))
            .collect();
        let mut out = vec![0.0; parts.len() * EMBEDDING];
        product(
            RowsMut::new(&mut out, EMBEDDING),
            Rows::dense(&pooled, 2 * channels),
            &self.dense.weight,
        );
        let (rows, _) = out.as_chunks::<EMBEDDING>();
        rows.iter()
            .map(|row| {
                let mut row = *row;
                for (value, bias) in row.iter_mut().zip(&self.dense.bias) {
                    *value += bias;
                }
                row
            })
            .collect()
    }

    /// What the first layer makes of the parts, and how many frames each has then. The rows have room for the channels
    /// that the first block adds.
    fn first(&self, parts: &[&[f32]], frames: usize) -> (Vec<f32>, usize) {
        let left = frames.div_ceil(STEP);
        let stride = self.blocks.first().map_or(CHANNELS, Block::width);
        let mut out = vec![0.0; parts.len() * left * stride];
        // Zeros before and after the part, as far as the layer sees.
        let mut padded = vec![0.0; (frames + TAPS - 1) * HEAD];
        for (part, out) in parts.iter().zip(out.chunks_exact_mut(left * stride)) {
            let room = padded.iter_mut().skip(TAPS / 2 * HEAD);
            room.zip(*part).for_each(|(room, value)| *room = *value);
            product(
                RowsMut::new(out, stride),
                Rows::new(&padded, left, TAPS * HEAD, STEP * HEAD),
                &self.first.weight,
            );
        }
        for row in out.chunks_exact_mut(stride) {
            if let Some(row) = row.get_mut(..CHANNELS) {
                bias_relu(row, &self.first.bias);
            }
        }
        (out, left)
    }
}

/// What the layers work in.
#[derive(Debug, Default)]
struct Scratch {
    normalized: Vec<f32>,
    narrow: Vec<f32>,
    cam: cam::Scratch,
}

/// Layers that add channels, and one that halves them in the end.
#[derive(Debug)]
struct Block {
    layers: Vec<Layer>,
    norm: BatchNorm,
    transit: Matrix,
    /// How many elements the rows of what comes out are apart: room for what the next block adds.
    stride: usize,
}

impl Block {
    fn load(
        weights: &Weights<'_>,
        number: usize,
        channels: usize,
        layers: usize,
        dilation: usize,
    ) -> Result<Self, WeightsError> {
        let width = channels + layers * GROWTH;
        let (left, next) = (width / 2, BLOCKS.get(number));
        let transit = format!("xvector.transit{number}");
        Ok(Self {
            layers: (0..layers)
                .map(|layer| {
                    let name = format!("xvector.block{number}.tdnnd{}", layer + 1);
                    Layer::load(weights, &name, channels + layer * GROWTH, dilation)
                })
                .collect::<Result<_, _>>()?,
            norm: BatchNorm::load(weights, &format!("{transit}.nonlinear.batchnorm"), width)?,
            transit: load_conv(weights, &format!("{transit}.linear"), width, left, 1)?,
            stride: left + next.map_or(0, |(layers, _)| layers * GROWTH),
        })
    }

    /// How many channels it has in the end.
    fn width(&self) -> usize {
        self.transit.rows()
    }

    fn run(&self, mut signals: Vec<f32>, frames: usize, scratch: &mut Scratch) -> Vec<f32> {
        let width = self.width();
        for layer in &self.layers {
            layer.run(&mut signals, width, frames, scratch);
        }
        let mut out = vec![0.0; signals.len() / width * self.stride];
        normalized_product(
            &self.norm,
            &self.transit,
            (&signals, width),
            (&mut out, self.stride),
            &mut scratch.normalized,
        );
        out
    }
}

/// A layer that adds [`GROWTH`] channels.
#[derive(Debug)]
struct Layer {
    norm: BatchNorm,
    narrow: Linear,
    cam: Cam,
}

impl Layer {
    fn load(
        weights: &Weights<'_>,
        name: &str,
        inputs: usize,
        dilation: usize,
    ) -> Result<Self, WeightsError> {
        let narrow = load_conv(weights, &format!("{name}.linear1"), inputs, NARROW, 1)?;
        let norm = BatchNorm::load(weights, &format!("{name}.nonlinear2.batchnorm"), NARROW)?;
        Ok(Self {
            norm: BatchNorm::load(weights, &format!("{name}.nonlinear1.batchnorm"), inputs)?,
            narrow: Linear::normalized(narrow, norm),
            cam: Cam::load(
                weights,
                &format!("{name}.cam_layer"),
                NARROW,
                GROWTH,
                dilation,
            )?,
        })
    }

    /// Reads the first channels of rows that are `width` elements apart, and writes the next ones.
    fn run(&self, signals: &mut [f32], width: usize, frames: usize, scratch: &mut Scratch) {
        let inputs = self.narrow.weight.rows();
        scratch.narrow.resize(signals.len() / width * NARROW, 0.0);
        normalized_product(
            &self.norm,
            &self.narrow.weight,
            (signals, width),
            (&mut scratch.narrow, NARROW),
            &mut scratch.normalized,
        );
        bias_relu(&mut scratch.narrow, &self.narrow.bias);
        if let Some(out) = signals.get_mut(inputs..) {
            self.cam
                .run(&scratch.narrow, frames, out, width, &mut scratch.cam);
        }
    }
}

/// The product of normalized rows, after ReLU. The signals come with their strides.
fn normalized_product(
    norm: &BatchNorm,
    weight: &Matrix,
    (signals, width): (&[f32], usize),
    (out, stride): (&mut [f32], usize),
    normalized: &mut Vec<f32>,
) {
    let inputs = weight.rows();
    for (signals, out) in signals
        .chunks(ROWS * width)
        .zip(out.chunks_mut(ROWS * stride))
    {
        normalized.resize(signals.len() / width * inputs, 0.0);
        norm.relu(signals, width, normalized);
        product(
            RowsMut::new(out, stride),
            Rows::dense(normalized, inputs),
            weight,
        );
    }
}
