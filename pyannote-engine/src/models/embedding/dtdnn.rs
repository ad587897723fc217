//! D-TDNN: the densely connected time-delay neural network that is the backbone of CAM++.

use super::cam::{self, Cam};
use super::fcm::{self, FCM_DIM};
use super::{EMBEDDING_DIM, stats_pool::stats_pool};
use crate::models::nn::{BatchNorm, Linear, Matrix, Rows, RowsMut, bias_relu, load_conv, product};
use crate::models::{Weights, WeightsError};

/// Output channels of the first TDNN layer.
const TDNN_CHANNELS: usize = 128;
/// Kernel size and stride of the first TDNN layer, in frames.
const TDNN_TAPS: usize = 5;
const TDNN_STRIDE_FRAMES: usize = 2;
/// Channels that each dense layer adds.
const GROWTH_RATE: usize = 32;
/// Channels of each dense layer's bottleneck.
const BOTTLENECK_CHANNELS: usize = 128;
/// Number of dense layers and dilation of each block.
const BLOCKS: [(usize, usize); 3] = [(12, 1), (24, 2), (16, 2)];
/// Frames per batch, unless a single segment has more.
const BATCH_FRAMES: usize = 150;
/// Rows that are normalized before each product. Chosen so that they stay in the CPU cache.
const NORM_BLOCK_ROWS: usize = 150;

/// All layers from the FCM's output to the embedding.
#[derive(Debug)]
pub(super) struct Dtdnn {
    tdnn: Linear,
    blocks: Vec<Block>,
    norm: BatchNorm,
    dense: Linear,
}

impl Dtdnn {
    pub(super) fn load(weights: &Weights<'_>) -> Result<Self, WeightsError> {
        let tdnn = load_conv(
            weights,
            "xvector.tdnn.linear",
            FCM_DIM,
            TDNN_CHANNELS,
            TDNN_TAPS,
        )?
        .permuted(|row| row / FCM_DIM * FCM_DIM + fcm::checkpoint_index(row % FCM_DIM));
        let norm = BatchNorm::load(weights, "xvector.tdnn.nonlinear.batchnorm", TDNN_CHANNELS)?;

        let mut channels = TDNN_CHANNELS;
        let mut blocks = Vec::new();
        for (index, (layers, dilation)) in BLOCKS.into_iter().enumerate() {
            let block = Block::load(weights, index + 1, channels, layers, dilation)?;
            channels = block.transition.columns();
            blocks.push(block);
        }

        let shape = [EMBEDDING_DIM, 2 * channels, 1];
        let dense = weights.tensor("xvector.dense.linear.weight", &shape)?;
        let dense = Matrix::transposed(&dense, EMBEDDING_DIM, 2 * channels);
        let dense_norm = BatchNorm::load_without_affine(
            weights,
            "xvector.dense.nonlinear.batchnorm",
            EMBEDDING_DIM,
        )?;
        Ok(Self {
            tdnn: Linear::fused(tdnn, norm),
            blocks,
            norm: BatchNorm::load(weights, "xvector.out_nonlinear.batchnorm", channels)?,
            dense: Linear::fused(dense, dense_norm),
        })
    }

    /// The embedding of each segment of FCM frames; zeros for an empty segment.
    pub(super) fn run(&self, segments: &[&[f32]]) -> Vec<[f32; EMBEDDING_DIM]> {
        let mut out = Vec::with_capacity(segments.len());
        let mut scratch = Scratch::default();
        for segments in segments.chunk_by(|a, b| a.len() == b.len()) {
            let frames = segments[0].len() / FCM_DIM;
            if frames == 0 {
                out.extend(segments.iter().map(|_| [0.0; EMBEDDING_DIM]));
                continue;
            }
            let batch = (BATCH_FRAMES / frames.div_ceil(TDNN_STRIDE_FRAMES)).max(1);
            for segments in segments.chunks(batch) {
                out.extend(self.batch(segments, frames, &mut scratch));
            }
        }
        out
    }

    /// The embeddings of segments of `frames` frames each.
    fn batch(
        &self,
        segments: &[&[f32]],
        frames: usize,
        scratch: &mut Scratch,
    ) -> Vec<[f32; EMBEDDING_DIM]> {
        let (mut signals, frames) = self.tdnn(segments, frames);
        for block in &self.blocks {
            signals = block.run(signals, frames, scratch);
        }

        let channels = self.norm.scale.len();
        let mut last = vec![0.0; signals.len()];
        self.norm.relu(&signals, channels, &mut last);
        let pooled: Vec<f32> = last
            .chunks_exact(frames * channels)
            .flat_map(|signal| stats_pool(signal, channels))
            .collect();
        let mut out = vec![0.0; segments.len() * EMBEDDING_DIM];
        product(
            RowsMut::new(&mut out, EMBEDDING_DIM),
            Rows::dense(&pooled, 2 * channels),
            &self.dense.weight,
        );
        let (rows, _) = out.as_chunks::<EMBEDDING_DIM>();
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

    /// Runs the first TDNN layer. Returns its output and the number of frames per segment.
    ///
    /// Rows of the output have room for the channels that the first block adds.
    fn tdnn(&self, segments: &[&[f32]], frames: usize) -> (Vec<f32>, usize) {
        let out_frames = frames.div_ceil(TDNN_STRIDE_FRAMES);
        let stride = self.blocks[0].width();
        let mut out = vec![0.0; segments.len() * out_frames * stride];
        // The segment, padded with zeros at both ends.
        let mut padded = vec![0.0; (frames + TDNN_TAPS - 1) * FCM_DIM];
        let start = TDNN_TAPS / 2 * FCM_DIM;
        for (segment, out) in segments
            .iter()
            .zip(out.chunks_exact_mut(out_frames * stride))
        {
            padded[start..start + segment.len()].copy_from_slice(segment);
            product(
                RowsMut::new(out, stride),
                Rows::new(
                    &padded,
                    out_frames,
                    TDNN_TAPS * FCM_DIM,
                    TDNN_STRIDE_FRAMES * FCM_DIM,
                ),
                &self.tdnn.weight,
            );
        }
        for row in out.chunks_exact_mut(stride) {
            bias_relu(&mut row[..TDNN_CHANNELS], &self.tdnn.bias);
        }
        (out, out_frames)
    }
}

/// Buffers of the dense layers.
#[derive(Debug, Default)]
struct Scratch {
    normalized: Vec<f32>,
    bottleneck: Vec<f32>,
    cam: cam::Scratch,
}

/// Dense layers, each of which adds channels, and a transition layer that halves the number of channels.
#[derive(Debug)]
struct Block {
    layers: Vec<DenseLayer>,
    norm: BatchNorm,
    transition: Matrix,
    /// Elements between the starts of output rows: includes room for the channels that the next block adds.
    stride: usize,
}

impl Block {
    /// Loads a block by its number, from 1 on.
    fn load(
        weights: &Weights<'_>,
        number: usize,
        channels: usize,
        layers: usize,
        dilation: usize,
    ) -> Result<Self, WeightsError> {
        let width = channels + layers * GROWTH_RATE;
        let (out_channels, next) = (width / 2, BLOCKS.get(number));
        let transition = format!("xvector.transit{number}");
        Ok(Self {
            layers: (0..layers)
                .map(|layer| {
                    let name = format!("xvector.block{number}.tdnnd{}", layer + 1);
                    DenseLayer::load(weights, &name, channels + layer * GROWTH_RATE, dilation)
                })
                .collect::<Result<_, _>>()?,
            norm: BatchNorm::load(weights, &format!("{transition}.nonlinear.batchnorm"), width)?,
            transition: load_conv(
                weights,
                &format!("{transition}.linear"),
                width,
                out_channels,
                1,
            )?,
            stride: out_channels + next.map_or(0, |(layers, _)| layers * GROWTH_RATE),
        })
    }

    /// Number of channels after the last dense layer.
    fn width(&self) -> usize {
        self.transition.rows()
    }

    fn run(&self, mut signals: Vec<f32>, frames: usize, scratch: &mut Scratch) -> Vec<f32> {
        let width = self.width();
        for layer in &self.layers {
            layer.run(&mut signals, width, frames, scratch);
        }
        let mut out = vec![0.0; signals.len() / width * self.stride];
        normalized_product(
            &self.norm,
            &self.transition,
            (&signals, width),
            (&mut out, self.stride),
            &mut scratch.normalized,
        );
        out
    }
}

/// A dense layer: a bottleneck and a convolution with context-aware masking, which adds [`GROWTH_RATE`] channels.
#[derive(Debug)]
struct DenseLayer {
    norm: BatchNorm,
    bottleneck: Linear,
    cam: Cam,
}

impl DenseLayer {
    fn load(
        weights: &Weights<'_>,
        name: &str,
        inputs: usize,
        dilation: usize,
    ) -> Result<Self, WeightsError> {
        let bottleneck = load_conv(
            weights,
            &format!("{name}.linear1"),
            inputs,
            BOTTLENECK_CHANNELS,
            1,
        )?;
        let bottleneck_norm = BatchNorm::load(
            weights,
            &format!("{name}.nonlinear2.batchnorm"),
            BOTTLENECK_CHANNELS,
        )?;
        Ok(Self {
            norm: BatchNorm::load(weights, &format!("{name}.nonlinear1.batchnorm"), inputs)?,
            bottleneck: Linear::fused(bottleneck, bottleneck_norm),
            cam: Cam::load(
                weights,
                &format!("{name}.cam_layer"),
                BOTTLENECK_CHANNELS,
                GROWTH_RATE,
                dilation,
            )?,
        })
    }

    /// Reads the first channels of rows whose starts are `width` elements apart, and writes the channels that follow.
    fn run(&self, signals: &mut [f32], width: usize, frames: usize, scratch: &mut Scratch) {
        let inputs = self.bottleneck.weight.rows();
        scratch
            .bottleneck
            .resize(signals.len() / width * BOTTLENECK_CHANNELS, 0.0);
        normalized_product(
            &self.norm,
            &self.bottleneck.weight,
            (signals, width),
            (&mut scratch.bottleneck, BOTTLENECK_CHANNELS),
            &mut scratch.normalized,
        );
        bias_relu(&mut scratch.bottleneck, &self.bottleneck.bias);
        self.cam.run(
            &scratch.bottleneck,
            frames,
            &mut signals[inputs..],
            width,
            &mut scratch.cam,
        );
    }
}

/// Writes `relu(norm(signals)) * weight` to `out`. Signals and output come with their strides.
fn normalized_product(
    norm: &BatchNorm,
    weight: &Matrix,
    (signals, width): (&[f32], usize),
    (out, stride): (&mut [f32], usize),
    normalized: &mut Vec<f32>,
) {
    let inputs = weight.rows();
    for (signals, out) in signals
        .chunks(NORM_BLOCK_ROWS * width)
        .zip(out.chunks_mut(NORM_BLOCK_ROWS * stride))
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
