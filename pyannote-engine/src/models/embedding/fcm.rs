//! Front-end convolution module (FCM): 2-D convolutions over mel bands and time, which reduce 80 bands to 10.

use super::fbank::{Features, MEL_BANDS};
use crate::models::nn::{BatchNorm, Matrix, Rows, RowsMut, add_product, add_relu, bias_relu};
use crate::models::{Weights, WeightsError};

/// Channels per band.
pub(super) const FCM_CHANNELS: usize = 32;
/// Bands of the output.
const OUT_BANDS: usize = MEL_BANDS / 8;
/// Values per output frame: the channels of the lowest band, then those of the next one, and so on.
pub(super) const FCM_DIM: usize = OUT_BANDS * FCM_CHANNELS;
/// Kernel size, in bands and in frames.
const FCM_TAPS: usize = 3;
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
    first: Conv,
    blocks: Vec<ResidualBlock>,
    last: Conv,
    channels: usize,
}

impl Fcm {
    /// Loads the tensors whose names start with `name`.
    pub(super) fn load(
        weights: &Weights<'_>,
        name: &str,
        channels: usize,
    ) -> Result<Self, WeightsError> {
        let block = |layer: &str, halve_bands| {
            ResidualBlock::load(weights, &format!("{name}.{layer}"), channels, halve_bands)
        };
        Ok(Self {
            first: Conv::load_first(
                weights,
                &format!("{name}.conv1"),
                &format!("{name}.bn1"),
                channels,
            )?,
            blocks: vec![
                block("layer1.0", true)?,
                block("layer1.1", false)?,
                block("layer2.0", true)?,
                block("layer2.1", false)?,
            ],
            last: Conv::load(
                weights,
                &format!("{name}.conv2"),
                &format!("{name}.bn2"),
                (channels, channels),
                2,
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
        let mut planes = Planes::from_features(features);
        planes = self.first.relu(&planes);
        for block in &self.blocks {
            planes = block.run(&planes);
        }
        let planes = self.last.conv(&planes);
        for band in 0..planes.bands {
            let rows = planes
                .band(band)
                .chunks_exact(self.channels)
                .skip(1 + before);
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

/// Two convolutions with a residual connection.
#[derive(Debug)]
struct ResidualBlock {
    first: Conv,
    second: Conv,
    /// 1x1 convolution of the residual connection if the block halves the number of bands. Its bias is included in that
    /// of the second convolution.
    shortcut: Option<Matrix>,
}

impl ResidualBlock {
    fn load(
        weights: &Weights<'_>,
        name: &str,
        channels: usize,
        halve_bands: bool,
    ) -> Result<Self, WeightsError> {
        let conv = |n: usize, band_stride| {
            Conv::load(
                weights,
                &format!("{name}.conv{n}"),
                &format!("{name}.bn{n}"),
                (channels, channels),
                band_stride,
            )
        };
        let first = conv(1, if halve_bands { 2 } else { 1 })?;
        let mut second = conv(2, 1)?;
        let shortcut = match halve_bands {
            false => None,
            true => {
                let shape = [channels, channels, 1, 1];
                let weight = weights.tensor(&format!("{name}.shortcut.0.weight"), &shape)?;
                let norm = BatchNorm::load(weights, &format!("{name}.shortcut.1"), channels)?;
                for (bias, shift) in second.bias.iter_mut().zip(&norm.shift) {
                    *bias += shift;
                }
                Some(Matrix::transposed(&weight, channels, channels).scaled(&norm.scale))
            }
        };
        Ok(Self {
            first,
            second,
            shortcut,
        })
    }

    fn run(&self, input: &Planes) -> Planes {
        let mut out = self.second.conv(&self.first.relu(input));
        match &self.shortcut {
            None => out
                .for_each_band(|band, rows| add_relu(rows, &self.second.bias, input.frames(band))),
            Some(shortcut) => out.for_each_band(|band, rows| {
                add_product(
                    RowsMut::new(rows, input.channels),
                    Rows::dense(input.frames(band * self.first.band_stride), input.channels),
                    shortcut,
                );
                bias_relu(rows, &self.second.bias);
            }),
        }
        out
    }
}

/// A 3x3 convolution over bands and time, fused with its batch normalization.
#[derive(Debug)]
struct Conv {
    /// Weights for each band of the kernel, as a matrix over its frames and input channels.
    kernels: Vec<Matrix>,
    bias: Vec<f32>,
    /// Stride over bands. The stride over time is 1.
    band_stride: usize,
}

impl Conv {
    fn load(
        weights: &Weights<'_>,
        name: &str,
        norm: &str,
        (inputs, outputs): (usize, usize),
        band_stride: usize,
    ) -> Result<Self, WeightsError> {
        let shape = [outputs, inputs, FCM_TAPS, FCM_TAPS];
        let values = weights.tensor(&format!("{name}.weight"), &shape)?;
        let norm = BatchNorm::load(weights, norm, outputs)?;
        let kernel = |band: usize| {
            Matrix::from_fn(FCM_TAPS * inputs, outputs, |row, output| {
                let (tap, input) = (row / inputs, row % inputs);
                values[((output * inputs + input) * FCM_TAPS + band) * FCM_TAPS + tap]
            })
            .scaled(&norm.scale)
        };
        Ok(Self {
            kernels: (0..FCM_TAPS).map(kernel).collect(),
            bias: norm.shift,
            band_stride,
        })
    }

    /// Loads the first convolution, which reads [`Planes::from_features`]: neighboring bands are its input channels.
    fn load_first(
        weights: &Weights<'_>,
        name: &str,
        norm: &str,
        outputs: usize,
    ) -> Result<Self, WeightsError> {
        let shape = [outputs, 1, FCM_TAPS, FCM_TAPS];
        let values = weights.tensor(&format!("{name}.weight"), &shape)?;
        let norm = BatchNorm::load(weights, norm, outputs)?;
        let kernel = Matrix::from_fn(FCM_TAPS * FCM_TAPS, outputs, |row, output| {
            let (tap, band) = (row / FCM_TAPS, row % FCM_TAPS);
            values[(output * FCM_TAPS + band) * FCM_TAPS + tap]
        });
        Ok(Self {
            kernels: vec![kernel.scaled(&norm.scale)],
            bias: norm.shift,
            band_stride: 1,
        })
    }

    /// Convolves, without adding the bias.
    fn conv(&self, input: &Planes) -> Planes {
        let outputs = self.bias.len();
        let mut out = Planes::new(
            input.bands.div_ceil(self.band_stride),
            input.frames,
            outputs,
        );
        let kernel_len = FCM_TAPS * input.channels;
        out.for_each_band(|band, rows| {
            for (tap, kernel) in self.kernels.iter().enumerate() {
                // Bands are zero-padded.
                let source = (band * self.band_stride + tap).checked_sub(self.kernels.len() / 2);
                let Some(band) = source.filter(|band| *band < input.bands) else {
                    continue;
                };
                let input = Rows::new(input.band(band), input.frames, kernel_len, input.channels);
                add_product(RowsMut::new(rows, outputs), input, kernel);
            }
        });
        out
    }

    /// Convolves, adds the bias and applies ReLU.
    fn relu(&self, input: &Planes) -> Planes {
        let mut out = self.conv(input);
        out.for_each_band(|_, rows| bias_relu(rows, &self.bias));
        out
    }
}

/// Values as `(band, frame, channel)`, with a zero frame before and after the frames of each band.
#[derive(Debug)]
struct Planes {
    values: Vec<f32>,
    bands: usize,
    frames: usize,
    channels: usize,
}

impl Planes {
    fn new(bands: usize, frames: usize, channels: usize) -> Self {
        Self {
            values: vec![0.0; bands * (frames + 2) * channels],
            bands,
            frames,
            channels,
        }
    }

    /// Features as planes with three channels: the band below, the band itself, and the band above.
    fn from_features(features: &Features) -> Self {
        let mut planes = Self::new(MEL_BANDS, features.frames(), FCM_TAPS);
        planes.for_each_band(|band, rows| {
            let frames = features.values().chunks_exact(MEL_BANDS);
            for (out, frame) in rows.chunks_exact_mut(FCM_TAPS).zip(frames) {
                // Bands are zero-padded.
                out[0] = if band > 0 { frame[band - 1] } else { 0.0 };
                out[1] = frame[band];
                out[2] = frame.get(band + 1).copied().unwrap_or(0.0);
            }
        });
        planes
    }

    /// The frames of a band, including the zero frames around them.
    fn band(&self, band: usize) -> &[f32] {
        let size = (self.frames + 2) * self.channels;
        &self.values[band * size..(band + 1) * size]
    }

    /// The frames of a band, without the zero frames around them.
    fn frames(&self, band: usize) -> &[f32] {
        let rows = self.band(band);
        &rows[self.channels..rows.len() - self.channels]
    }

    /// Calls `work` with the index and the frames of each band.
    fn for_each_band(&mut self, work: impl Fn(usize, &mut [f32])) {
        let (channels, frames) = (self.channels, self.frames);
        let bands = self.values.chunks_exact_mut((frames + 2) * channels);
        for (band, rows) in bands.enumerate() {
            work(band, &mut rows[channels..(frames + 1) * channels]);
        }
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
