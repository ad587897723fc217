//! Speaker embeddings: the ResNet34 of WeSpeaker, as community-1 uses it.
//!
//! Wang, Liang, Wang, Chen, Zhang, Xiang, Deng and Qian, "WeSpeaker: A research and production oriented speaker embedding
//! learning toolkit", ICASSP 2023. [`Fbank`](super::Fbank) features with a Hamming window are processed by 2-D
//! convolutions over mel bands and time, which reduce 80 bands to 10 and 100 frames per second to 12.5. The mean and
//! standard deviation of what a speaker's frames contain ([`pooling`]) are projected to the embedding.

mod pooling;

use std::ops::Range;

use super::embedding::MEL_BANDS;
use super::nn::{Conv2d, Linear, Planes, ResidualBlock, Rows, RowsMut, Stride, product};
use super::{Features, Weights, WeightsError};

/// Dimension of an embedding.
pub(crate) const RESNET_EMBEDDING_DIM: usize = 256;
/// Feature frames between the starts of consecutive output frames.
pub(crate) const RESNET_STRIDE: usize = 8;

/// Channels of the first stage. Each stage has twice as many as the one before.
const CHANNELS: usize = 32;
/// Residual blocks per stage. All stages but the first halve the number of bands and frames.
const STAGES: [usize; 4] = [3, 4, 6, 3];
/// Bands of the output.
const OUT_BANDS: usize = MEL_BANDS / 8;
/// Channels of the output.
const OUT_CHANNELS: usize = CHANNELS << (STAGES.len() - 1);
/// Values per output frame: the channels of the lowest band, then those of the next one, and so on.
const FRAME_DIM: usize = OUT_BANDS * OUT_CHANNELS;
/// Output frames computed per block: limits the memory for intermediate results, to about 40 MB. A window of 10 s has as
/// many, so that none of its frames is computed twice.
const BLOCK_FRAMES: usize = 125;
/// Output frames before and after a block that are computed with it, since they contribute to it. An output frame
/// depends on 112 feature frames on each side: 1 of the first convolution, 6 of the first stage, and 15, 46 and 44 of the
/// others.
const CONTEXT_FRAMES: usize = 14;

/// The output of the convolutions: [`FRAME_DIM`] values per frame of 80 ms.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ResNetFrames {
    values: Vec<f32>,
}

impl ResNetFrames {
    /// Number of frames.
    pub(crate) fn len(&self) -> usize {
        self.values.len() / FRAME_DIM
    }

    /// A frame.
    pub(crate) fn frame(&self, index: usize) -> &[f32] {
        &self.values[index * FRAME_DIM..(index + 1) * FRAME_DIM]
    }
}

/// The embedding model.
#[derive(Debug)]
pub(crate) struct ResNet34 {
    first: Conv2d,
    blocks: Vec<ResidualBlock>,
    projection: Linear,
}

impl ResNet34 {
    /// Loads the model.
    ///
    /// # Errors
    ///
    /// If a tensor is missing or has an unexpected shape.
    pub(crate) fn load(weights: &Weights<'_>) -> Result<Self, WeightsError> {
        let mut blocks = Vec::new();
        let mut inputs = CHANNELS;
        for (stage, count) in STAGES.into_iter().enumerate() {
            let outputs = CHANNELS << stage;
            for block in 0..count {
                let halve = if stage > 0 && block == 0 { 2 } else { 1 };
                let stride = Stride {
                    bands: halve,
                    frames: halve,
                };
                let name = format!("resnet.layer{}.{block}", stage + 1);
                blocks.push(ResidualBlock::load(
                    weights,
                    &name,
                    (inputs, outputs),
                    stride,
                )?);
                inputs = outputs;
            }
        }
        let mut projection =
            Linear::load(weights, "resnet.seg_1", 2 * FRAME_DIM, RESNET_EMBEDDING_DIM)?;
        projection.weight = projection.weight.permuted(checkpoint_index);
        Ok(Self {
            first: Conv2d::load_first(weights, "resnet.conv1", "resnet.bn1", CHANNELS)?,
            blocks,
            projection,
        })
    }

    /// Runs the convolutions: an output frame for [`RESNET_STRIDE`] feature frames.
    ///
    /// `features` must be mean-normalized. They are padded with zeros (the mean) at both ends. Runs on the calling thread.
    pub(crate) fn frames(&self, features: &Features) -> ResNetFrames {
        self.frames_in(features, 0..features.frames().div_ceil(RESNET_STRIDE))
    }

    /// As [`frames`](Self::frames), but only some of the frames: the others are zero.
    pub(crate) fn frames_in(&self, features: &Features, range: Range<usize>) -> ResNetFrames {
        let frames = features.frames().div_ceil(RESNET_STRIDE);
        let mut values = vec![0.0; frames * FRAME_DIM];
        let wanted = &mut values[range.start * FRAME_DIM..range.end * FRAME_DIM];
        for (block, out) in wanted.chunks_mut(BLOCK_FRAMES * FRAME_DIM).enumerate() {
            let start = range.start + block * BLOCK_FRAMES;
            let before = start.min(CONTEXT_FRAMES);
            let count = before + out.len() / FRAME_DIM + CONTEXT_FRAMES;
            let input = features.segment((start - before) * RESNET_STRIDE, count * RESNET_STRIDE);
            self.block(&input, before, out);
        }
        ResNetFrames { values }
    }

    /// Computes a block of output frames, from features that start `before` output frames earlier.
    fn block(&self, features: &Features, before: usize, out: &mut [f32]) {
        let mut planes = Planes::from_features(features.values(), MEL_BANDS);
        planes = self.first.relu(&planes);
        for block in &self.blocks {
            planes = block.run(&planes);
        }
        for band in 0..planes.bands() {
            let rows = planes.band(band).chunks_exact(OUT_CHANNELS).skip(before);
            let out = out.chunks_exact_mut(OUT_CHANNELS).skip(band);
            for (out, row) in out.step_by(OUT_BANDS).zip(rows) {
                out.copy_from_slice(row);
            }
        }
    }

    /// The embedding of a speaker, given the frames in which the speaker is active. Without any, it is the bias of the
    /// projection.
    pub(crate) fn embed<'a>(
        &self,
        frames: impl Iterator<Item = &'a [f32]> + Clone,
    ) -> [f32; RESNET_EMBEDDING_DIM] {
        let statistics = pooling::statistics(frames, FRAME_DIM);
        let mut embedding = [0.0; RESNET_EMBEDDING_DIM];
        product(
            RowsMut::new(&mut embedding, RESNET_EMBEDDING_DIM),
            Rows::dense(&statistics, statistics.len()),
            &self.projection.weight,
        );
        for (value, bias) in embedding.iter_mut().zip(&self.projection.bias) {
            *value += bias;
        }
        embedding
    }
}

/// Index in the checkpoint's layout, which is channel-major, of a statistic, which is band-major.
fn checkpoint_index(index: usize) -> usize {
    let (half, index) = (index / FRAME_DIM, index % FRAME_DIM);
    let (band, channel) = (index / OUT_CHANNELS, index % OUT_CHANNELS);
    half * FRAME_DIM + channel * OUT_BANDS + band
}
