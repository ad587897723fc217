//! The head of the model: convolutions over bands and time, which narrow 80 bands to 10.

use super::{BANDS, Features};
use crate::nn::{BatchNorm, Matrix, Rows, RowsMut, add_product, add_relu, bias_relu};
use crate::{Weights, WeightsError};

/// How many channels each band gets.
pub(super) const CHANNELS: usize = 32;
/// How many bands are left in the end.
const LEFT: usize = BANDS / 8;
/// How many values a frame of the head has: the channels of the lowest band that is left, then those of the next.
pub(super) const HEAD: usize = LEFT * CHANNELS;
/// How many bands and frames a kernel sees.
const TAPS: usize = 3;
/// How many frames on each side have a part in one that comes out: one for each of the layers.
const REACH: usize = 10;
/// How many frames are computed at once. More do not fit into the cache.
const BLOCK: usize = 150;

/// Where each channel of a frame of the head is in the checkpoint, which has all bands of a channel together.
pub(super) fn original(index: usize) -> usize {
    let (band, channel) = (index / CHANNELS, index % CHANNELS);
    channel * LEFT + band
}

/// What the head has made of [`Features`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct HeadFrames {
    values: Vec<f32>,
}

impl HeadFrames {
    /// How many frames there are.
    pub(crate) fn frames(&self) -> usize {
        self.values.len() / HEAD
    }

    /// Those from `start` on, `frames` of them or as many as there are.
    pub(crate) fn part(&self, start: usize, frames: usize) -> &[f32] {
        let start = start.min(self.frames());
        let end = start.saturating_add(frames).min(self.frames());
        self.values
            .get(start * HEAD..end * HEAD)
            .unwrap_or_default()
    }
}

/// Two convolutions, and between them two pairs of residual blocks. Each of the first three steps and the last one
/// halves the bands but the first.
#[derive(Debug)]
pub(super) struct Head {
    first: Conv,
    blocks: Vec<Residual>,
    last: Conv,
    channels: usize,
}

impl Head {
    /// The one of this name.
    pub(super) fn load(
        weights: &Weights<'_>,
        name: &str,
        channels: usize,
    ) -> Result<Self, WeightsError> {
        let block = |layer: &str, halving| {
            Residual::load(weights, &format!("{name}.{layer}"), channels, halving)
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

    /// A frame for each of the features'. Beyond the first and the last there are zeros.
    pub(super) fn run(&self, features: &Features) -> HeadFrames {
        let width = LEFT * self.channels;
        let mut values = vec![0.0; features.frames() * width];
        for (block, out) in values.chunks_mut(BLOCK * width).enumerate() {
            // Frames next to the block are computed with it, as far as they have a part in it.
            let start = block * BLOCK;
            let before = start.min(REACH);
            let input = features.part(start - before, before + out.len() / width + REACH);
            self.block(&input, before, out);
        }
        HeadFrames { values }
    }

    /// The frames of a block, whose features start `before` frames earlier.
    fn block(&self, features: &Features, before: usize, out: &mut [f32]) {
        let mut planes = Planes::of(features);
        planes = self.first.relu(&planes);
        for block in &self.blocks {
            planes = block.run(&planes);
        }
        let sums = self.last.sums(&planes);
        for band in 0..sums.bands {
            let rows = sums.band(band).chunks_exact(self.channels).skip(1 + before);
            let out = out.chunks_exact_mut(self.channels).skip(band).step_by(LEFT);
            for (out, row) in out.zip(rows) {
                out.copy_from_slice(row);
            }
        }
        bias_relu(out, &self.last.bias);
    }
}

/// Two convolutions, whose outcome is added to what went in.
#[derive(Debug)]
struct Residual {
    first: Conv,
    second: Conv,
    /// What brings what went in to the bands of what comes out, where those are fewer. Its bias is the second's.
    shortcut: Option<Matrix>,
}

impl Residual {
    fn load(
        weights: &Weights<'_>,
        name: &str,
        channels: usize,
        halving: bool,
    ) -> Result<Self, WeightsError> {
        let conv = |n: usize, step| {
            Conv::load(
                weights,
                &format!("{name}.conv{n}"),
                &format!("{name}.bn{n}"),
                (channels, channels),
                step,
            )
        };
        let first = conv(1, if halving { 2 } else { 1 })?;
        let mut second = conv(2, 1)?;
        let shortcut = match halving {
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
        let mut out = self.second.sums(&self.first.relu(input));
        match &self.shortcut {
            None => out.finish(|band, rows| add_relu(rows, &self.second.bias, input.frames(band))),
            Some(shortcut) => out.finish(|band, rows| {
                add_product(
                    RowsMut::new(rows, input.channels),
                    Rows::dense(input.frames(band * self.first.step), input.channels),
                    shortcut,
                );
                bias_relu(rows, &self.second.bias);
            }),
        }
        out
    }
}

/// A convolution over bands and time, normalized.
#[derive(Debug)]
struct Conv {
    /// For each band that it sees, the weights of the frames that it sees.
    kernels: Vec<Matrix>,
    bias: Vec<f32>,
    /// How many bands it moves on.
    step: usize,
}

impl Conv {
    fn load(
        weights: &Weights<'_>,
        name: &str,
        norm: &str,
        (inputs, outputs): (usize, usize),
        step: usize,
    ) -> Result<Self, WeightsError> {
        let shape = [outputs, inputs, TAPS, TAPS];
        let values = weights.tensor(&format!("{name}.weight"), &shape)?;
        let norm = BatchNorm::load(weights, norm, outputs)?;
        let kernel = |band: usize| {
            Matrix::from_fn(TAPS * inputs, outputs, |row, output| {
                let (tap, input) = (row / inputs, row % inputs);
                values
                    .get(((output * inputs + input) * TAPS + band) * TAPS + tap)
                    .copied()
                    .unwrap_or_default()
            })
            .scaled(&norm.scale)
        };
        Ok(Self {
            kernels: (0..TAPS).map(kernel).collect(),
            bias: norm.shift,
            step,
        })
    }

    /// The first one, which reads [`Planes::of`] features: in each band, the bands next to it are channels.
    fn load_first(
        weights: &Weights<'_>,
        name: &str,
        norm: &str,
        outputs: usize,
    ) -> Result<Self, WeightsError> {
        let shape = [outputs, 1, TAPS, TAPS];
        let values = weights.tensor(&format!("{name}.weight"), &shape)?;
        let norm = BatchNorm::load(weights, norm, outputs)?;
        let kernel = Matrix::from_fn(TAPS * TAPS, outputs, |row, output| {
            let (tap, band) = (row / TAPS, row % TAPS);
            values
                .get((output * TAPS + band) * TAPS + tap)
                .copied()
                .unwrap_or_default()
        });
        Ok(Self {
            kernels: vec![kernel.scaled(&norm.scale)],
            bias: norm.shift,
            step: 1,
        })
    }

    /// What it finds, without the bias.
    fn sums(&self, input: &Planes) -> Planes {
        let outputs = self.bias.len();
        let mut out = Planes::new(input.bands.div_ceil(self.step), input.frames, outputs);
        let seen = TAPS * input.channels;
        out.finish(|band, rows| {
            for (tap, kernel) in self.kernels.iter().enumerate() {
                // Beyond the first and the last band there are zeros.
                let source = (band * self.step + tap).checked_sub(self.kernels.len() / 2);
                let Some(band) = source else {
                    continue;
                };
                if band >= input.bands {
                    continue;
                }
                let seen = Rows::new(input.band(band), input.frames, seen, input.channels);
                add_product(RowsMut::new(rows, outputs), seen, kernel);
            }
        });
        out
    }

    /// What it finds, then ReLU.
    fn relu(&self, input: &Planes) -> Planes {
        let mut out = self.sums(input);
        out.finish(|_, rows| bias_relu(rows, &self.bias));
        out
    }
}

/// For each band its frames, between two of zeros; for each frame its channels.
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

    /// Features as planes: in each band, the band below it, itself and the band above it are channels.
    fn of(features: &Features) -> Self {
        let mut planes = Self::new(BANDS, features.frames(), TAPS);
        planes.finish(|band, rows| {
            let frames = features.values().chunks_exact(BANDS);
            for (out, frame) in rows.chunks_exact_mut(TAPS).zip(frames) {
                let below = band.checked_sub(1).and_then(|band| frame.get(band));
                let bands = [below, frame.get(band), frame.get(band + 1)];
                for (out, value) in out.iter_mut().zip(bands) {
                    *out = value.copied().unwrap_or_default();
                }
            }
        });
        planes
    }

    /// The frames of a band, with the zeros around them.
    fn band(&self, band: usize) -> &[f32] {
        let size = (self.frames + 2) * self.channels;
        self.values
            .get(band * size..(band + 1) * size)
            .unwrap_or_default()
    }

    /// The frames of a band.
    fn frames(&self, band: usize) -> &[f32] {
        let rows = self.band(band);
        rows.get(self.channels..rows.len().saturating_sub(self.channels))
            .unwrap_or_default()
    }

    /// Works on the frames of each band.
    fn finish(&mut self, work: impl Fn(usize, &mut [f32])) {
        let (channels, frames) = (self.channels, self.frames);
        let bands = self.values.chunks_exact_mut((frames + 2) * channels);
        for (band, rows) in bands.enumerate() {
            if let Some(rows) = rows.get_mut(channels..(frames + 1) * channels) {
                work(band, rows);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{assert_close, layers, signal};

    #[test]
    fn it_is_that_of_the_original_across_blocks() {
        let head = Head::load(&layers(), "head", 2).unwrap();
        let features = Features::of(signal(170 * BANDS));
        let found = head.run(&features).values;
        let original = layers().tensor("head.out", &[170, 2 * LEFT]).unwrap();
        let expected: Vec<f32> = original
            .chunks_exact(2 * LEFT)
            .flat_map(|frame| (0..2 * LEFT).map(|n| frame[n % 2 * LEFT + n / 2]))
            .collect();
        assert_close(&found, &expected);
    }
}
