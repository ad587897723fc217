//! Two-dimensional convolutions, and residual blocks of them.

use super::{BatchNorm, Matrix, Planes, Rows, RowsMut, add_product, add_relu, bias_relu};
use crate::models::{Weights, WeightsError};

/// Kernel size, in bands and in frames.
const TAPS: usize = 3;

/// The distance between the positions of a kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stride {
    pub(crate) bands: usize,
    pub(crate) frames: usize,
}

impl Stride {
    /// At every band and frame.
    pub(crate) const ONE: Self = Self {
        bands: 1,
        frames: 1,
    };
}

/// A 3x3 convolution over bands and time, fused with its batch normalization.
#[derive(Debug)]
pub(crate) struct Conv2d {
    /// Weights for each band of the kernel, as a matrix over its frames and input channels.
    kernels: Vec<Matrix>,
    pub(crate) bias: Vec<f32>,
    stride: Stride,
}

impl Conv2d {
    /// Loads the tensor `{name}.weight`, and the normalization `norm` or, if that is folded into it, `{name}.bias`.
    pub(crate) fn load(
        weights: &Weights<'_>,
        name: &str,
        norm: &str,
        (inputs, outputs): (usize, usize),
        stride: Stride,
    ) -> Result<Self, WeightsError> {
        let shape = [outputs, inputs, TAPS, TAPS];
        let values = weights.tensor(&format!("{name}.weight"), &shape)?;
        let norm = BatchNorm::load_of_conv(weights, name, norm, outputs)?;
        let kernel = |band: usize| {
            Matrix::from_fn(TAPS * inputs, outputs, |row, output| {
                let (tap, input) = (row / inputs, row % inputs);
                values[((output * inputs + input) * TAPS + band) * TAPS + tap]
            })
            .scaled(&norm.scale)
        };
        Ok(Self {
            kernels: (0..TAPS).map(kernel).collect(),
            bias: norm.shift,
            stride,
        })
    }

    /// Loads a first convolution, which reads [`Planes::from_features`]: neighboring bands are its input channels.
    pub(crate) fn load_first(
        weights: &Weights<'_>,
        name: &str,
        norm: &str,
        outputs: usize,
    ) -> Result<Self, WeightsError> {
        let shape = [outputs, 1, TAPS, TAPS];
        let values = weights.tensor(&format!("{name}.weight"), &shape)?;
        let norm = BatchNorm::load_of_conv(weights, name, norm, outputs)?;
        let kernel = Matrix::from_fn(TAPS * TAPS, outputs, |row, output| {
            let (tap, band) = (row / TAPS, row % TAPS);
            values[(output * TAPS + band) * TAPS + tap]
        });
        Ok(Self {
            kernels: vec![kernel.scaled(&norm.scale)],
            bias: norm.shift,
            stride: Stride::ONE,
        })
    }

    /// Convolves, without adding the bias.
    pub(crate) fn conv(&self, input: &Planes) -> Planes {
        let outputs = self.bias.len();
        let frames = input.frame_count().div_ceil(self.stride.frames);
        let mut out = Planes::new(input.bands().div_ceil(self.stride.bands), frames, outputs);
        let channels = input.channels();
        out.for_each_band(|band, rows| {
            for (tap, kernel) in self.kernels.iter().enumerate() {
                // Bands are zero-padded.
                let source = (band * self.stride.bands + tap).checked_sub(self.kernels.len() / 2);
                let Some(band) = source.filter(|band| *band < input.bands()) else {
                    continue;
                };
                let stride = self.stride.frames * channels;
                let input = Rows::new(input.padded(band), frames, TAPS * channels, stride);
                add_product(RowsMut::new(rows, outputs), input, kernel);
            }
        });
        out
    }

    /// Convolves, adds the bias and applies ReLU.
    pub(crate) fn relu(&self, input: &Planes) -> Planes {
        let mut out = self.conv(input);
        out.for_each_band(|_, rows| bias_relu(rows, &self.bias));
        out
    }
}

/// Two convolutions with a residual connection.
#[derive(Debug)]
pub(crate) struct ResidualBlock {
    first: Conv2d,
    second: Conv2d,
    /// 1x1 convolution of the residual connection if the block has a stride. Its bias is included in that of the second
    /// convolution.
    shortcut: Option<Matrix>,
}

impl ResidualBlock {
    /// Loads the tensors whose names start with `name`.
    pub(crate) fn load(
        weights: &Weights<'_>,
        name: &str,
        (inputs, outputs): (usize, usize),
        stride: Stride,
    ) -> Result<Self, WeightsError> {
        let conv = |n: usize, inputs, stride| {
            Conv2d::load(
                weights,
                &format!("{name}.conv{n}"),
                &format!("{name}.bn{n}"),
                (inputs, outputs),
                stride,
            )
        };
        let first = conv(1, inputs, stride)?;
        let mut second = conv(2, outputs, Stride::ONE)?;
        let shortcut = match stride == Stride::ONE && inputs == outputs {
            true => None,
            false => {
                let shape = [outputs, inputs, 1, 1];
                let weight = weights.tensor(&format!("{name}.shortcut.0.weight"), &shape)?;
                let (conv, norm) = (format!("{name}.shortcut.0"), format!("{name}.shortcut.1"));
                let norm = BatchNorm::load_of_conv(weights, &conv, &norm, outputs)?;
                for (bias, shift) in second.bias.iter_mut().zip(&norm.shift) {
                    *bias += shift;
                }
                Some(Matrix::transposed(&weight, outputs, inputs).scaled(&norm.scale))
            }
        };
        Ok(Self {
            first,
            second,
            shortcut,
        })
    }

    /// Runs the block.
    pub(crate) fn run(&self, input: &Planes) -> Planes {
        let mut out = self.second.conv(&self.first.relu(input));
        let (channels, outputs) = (input.channels(), out.channels());
        let (frames, stride) = (out.frame_count(), self.first.stride);
        out.for_each_band(|band, rows| match &self.shortcut {
            None => add_relu(rows, &self.second.bias, input.band(band)),
            Some(shortcut) => {
                let input = input.band(band * stride.bands);
                add_product(
                    RowsMut::new(rows, outputs),
                    Rows::new(input, frames, channels, stride.frames * channels),
                    shortcut,
                );
                bias_relu(rows, &self.second.bias);
            }
        });
        out
    }
}
