//! Front-end convolution module (FCM): 2-D convolutions over mel bands and time, which reduce 80 bands to 10.

use super::fbank::{Features, MEL_BANDS};
use crate::models::nn::{Conv2d, Planes, ResidualBlock, Stride, bias_relu};
use crate::models::{Weights, WeightsError};

/// Channels per band.
pub(super) const FCM_CHANNELS: usize = 32;
/// Bands of the output.
const OUT_BANDS: usize = MEL_BANDS / 8;
/// Values per output frame: the channels of the lowest band, then those of the next one, and so on.
pub(super) const FCM_DIM: usize = OUT_BANDS * FCM_CHANNELS;
/// Feature frames on each side that contribute to an output frame: one per convolution.
const CONTEXT_REACH_FRAMES: usize = 10;
/// Frames computed per block. Chosen so that all intermediate results stay in the CPU cache.
const FCM_BLOCK_FRAMES: usize = 150;

/// Index in the checkpoint's layout, which is channel-major, of an element of an output frame, which is band-major.
pub(super) fn checkpoint_index(index: usize) -> usize {
    let (band, channel) = (index / FCM_CHANNELS, index % FCM_CHANNELS);
    channel * OUT_BANDS + band
}

/// Output of the FCM: [`FCM_DIM`] values per frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FcmFrames {
    values: Vec<f32>,
}

impl FcmFrames {
    /// Number of frames.
    pub(crate) fn frames(&self) -> usize {
        self.values.len() / FCM_DIM
    }

    /// Up to `frames` frames, from `start` on.
    pub(crate) fn segment(&self, start: usize, frames: usize) -> &[f32] {
        let start = start.min(self.frames());
        let end = (start + frames).min(self.frames());
        &self.values[start * FCM_DIM..end * FCM_DIM]
    }
}

/// A convolution, four residual blocks, and a convolution.
///
/// The first and the third residual block and the last convolution each halve the number of bands.
#[derive(Debug)]
pub(super) struct Fcm {
    first: Conv2d,
    blocks: Vec<ResidualBlock>,
    last: Conv2d,
    channels: usize,
}

impl Fcm {
    /// Loads the tensors whose names start with `name`.
    pub(super) fn load(
        weights: &Weights<'_>,
        name: &str,
        channels: usize,
    ) -> Result<Self, WeightsError> {
        let halve_bands = Stride {
            bands: 2,
            frames: 1,
        };
        let block = |layer: &str, stride| {
            let name = format!("{name}.{layer}");
            ResidualBlock::load(weights, &name, (channels, channels), stride)
        };
        Ok(Self {
            first: Conv2d::load_first(
                weights,
                &format!("{name}.conv1"),
                &format!("{name}.bn1"),
                channels,
            )?,
            blocks: vec![
                block("layer1.0", halve_bands)?,
                block("layer1.1", Stride::ONE)?,
                block("layer2.0", halve_bands)?,
                block("layer2.1", Stride::ONE)?,
            ],
            last: Conv2d::load(
                weights,
                &format!("{name}.conv2"),
                &format!("{name}.bn2"),
                (channels, channels),
                halve_bands,
            )?,
            channels,
        })
    }

    /// Runs the module: one output frame per feature frame. Features are padded with zeros at both ends.
    pub(super) fn run(&self, features: &Features) -> FcmFrames {
        let width = OUT_BANDS * self.channels;
        let mut values = vec![0.0; features.frames() * width];
        for (block, out) in values.chunks_mut(FCM_BLOCK_FRAMES * width).enumerate() {
            // Include the frames around the block that contribute to it.
            let start = block * FCM_BLOCK_FRAMES;
            let before = start.min(CONTEXT_REACH_FRAMES);
            let input = features.segment(
                start - before,
                before + out.len() / width + CONTEXT_REACH_FRAMES,
            );
            self.block(&input, before, out);
        }
        FcmFrames { values }
    }

    /// Computes a block of output frames, from features that start `before` frames earlier.
    fn block(&self, features: &Features, before: usize, out: &mut [f32]) {
        let mut planes = Planes::from_features(features.values(), MEL_BANDS);
        planes = self.first.relu(&planes);
        for block in &self.blocks {
            planes = block.run(&planes);
        }
        let planes = self.last.conv(&planes);
        for band in 0..planes.bands() {
            let rows = planes.band(band).chunks_exact(self.channels).skip(before);
            let out = out
                .chunks_exact_mut(self.channels)
                .skip(band)
                .step_by(OUT_BANDS);
            for (out, row) in out.zip(rows) {
                out.copy_from_slice(row);
            }
        }
        bias_relu(out, &self.last.bias);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::reference::{assert_close, layers, signal};

    #[test]
    fn matches_the_original_across_blocks() {
        let fcm = Fcm::load(&layers(), "head", 2).unwrap();
        let features = Features::from_values(signal(170 * MEL_BANDS));
        let found = fcm.run(&features).values;
        let original = layers().tensor("head.out", &[170, 2 * OUT_BANDS]).unwrap();
        let expected: Vec<f32> = original
            .chunks_exact(2 * OUT_BANDS)
            .flat_map(|frame| (0..2 * OUT_BANDS).map(|n| frame[n % 2 * OUT_BANDS + n / 2]))
            .collect();
        assert_close(&found, &expected);
    }
}
