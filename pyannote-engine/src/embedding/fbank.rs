//! The spectrum of speech as an ear hears it: the logarithms of the energies in 80 bands, every 10 ms, as Kaldi does it.

use std::f64::consts::TAU;
use std::fmt;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

/// How many bands there are.
pub(crate) const BANDS: usize = 80;
/// How many samples a frame has: 25 ms.
const FRAME: usize = 400;
/// How many samples a frame starts after the one before: 10 ms.
const STEP: usize = 160;
/// How many samples are transformed: a frame, and zeros up to a power of two.
const FFT: usize = 512;
/// How much of the sample before is taken from each.
const PREEMPHASIS: f32 = 0.97;
/// The lowest and the highest frequency, in Hz.
const RANGE: (f64, f64) = (20.0, 8000.0);
/// The frequency from one line of the spectrum to the next, in Hz.
const RESOLUTION: f64 = 16_000.0 / FFT as f64;

/// Frames of [`BANDS`] values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Features {
    values: Vec<f32>,
}

impl Features {
    /// Features from elsewhere, frame by frame.
    #[cfg(test)]
    pub(super) fn of(values: Vec<f32>) -> Self {
        Self { values }
    }

    /// How many frames there are.
    pub(crate) fn frames(&self) -> usize {
        self.values.len() / BANDS
    }

    /// All values, frame by frame.
    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    /// Some of the frames: those from `start` on, `frames` of them or as many as there are.
    pub(crate) fn part(&self, start: usize, frames: usize) -> Self {
        let frames = self.values.chunks_exact(BANDS).skip(start).take(frames);
        Self {
            values: frames.flatten().copied().collect(),
        }
    }

    /// Takes the mean of each band from it, which is how the model wants it.
    pub(crate) fn subtract_mean(&mut self) {
        let mut mean = [0.0_f64; BANDS];
        for frame in self.values.chunks_exact(BANDS) {
            for (mean, value) in mean.iter_mut().zip(frame) {
                *mean += f64::from(*value);
            }
        }
        let frames = self.frames().max(1) as f64;
        for frame in self.values.chunks_exact_mut(BANDS) {
            for (value, mean) in frame.iter_mut().zip(mean) {
                *value -= (mean / frames) as f32;
            }
        }
    }
}

/// Computes [`Features`].
pub(crate) struct Fbank {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    bands: Vec<Band>,
}

/// How much each line of the spectrum counts for a band.
#[derive(Clone, Debug)]
struct Band {
    first: usize,
    weights: Vec<f32>,
}

impl fmt::Debug for Fbank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fbank").finish_non_exhaustive()
    }
}

impl Default for Fbank {
    fn default() -> Self {
        Self::new()
    }
}

impl Fbank {
    /// Ready to compute.
    pub(crate) fn new() -> Self {
        // The window that Kaldi's author named after himself: a Hann window, raised to a power.
        let window = (0..FRAME)
            .map(|n| (0.5 - 0.5 * (TAU * n as f64 / (FRAME - 1) as f64).cos()).powf(0.85) as f32)
            .collect();
        Self {
            fft: RealFftPlanner::new().plan_fft_forward(FFT),
            window,
            bands: bands(),
        }
    }

    /// The features of samples from -1 to 1, their mean not subtracted. Only frames that are complete count: of less
    /// than 25 ms there are none.
    pub(crate) fn compute(&self, samples: &[f32]) -> Features {
        let mut values = Vec::new();
        let mut input = self.fft.make_input_vec();
        let mut spectrum = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        let mut power = [0.0; FFT / 2];
        for frame in samples.windows(FRAME).step_by(STEP) {
            let mean = frame.iter().sum::<f32>() / FRAME as f32;
            input.fill(0.0);
            // The first sample counts as its own predecessor.
            let mut before = frame.first().copied().unwrap_or_default() - mean;
            for ((input, sample), window) in input.iter_mut().zip(frame).zip(&self.window) {
                let sample = sample - mean;
                *input = (sample - PREEMPHASIS * before) * window;
                before = sample;
            }
            // It fails only for buffers of the wrong length.
            let done = self
                .fft
                .process_with_scratch(&mut input, &mut spectrum, &mut scratch);
            debug_assert!(done.is_ok());
            for (power, line) in power.iter_mut().zip(&spectrum) {
                *power = line.norm_sqr();
            }
            values.extend(self.bands.iter().map(|band| {
                let lines = power.iter().skip(band.first);
                let energy: f32 = band.weights.iter().zip(lines).map(|(w, p)| w * p).sum();
                energy.max(f32::EPSILON).ln()
            }));
        }
        Features { values }
    }
}

/// Triangles of equal width on the mel scale, each of which begins where the one before has its peak.
fn bands() -> Vec<Band> {
    let mel = |frequency: f64| 1127.0 * (1.0 + frequency / 700.0).ln();
    let (low, high) = (mel(RANGE.0), mel(RANGE.1));
    let width = (high - low) / (BANDS + 1) as f64;
    (0..BANDS)
        .map(|band| {
            let left = low + band as f64 * width;
            let weight = |line: usize| {
                let up = (mel(line as f64 * RESOLUTION) - left) / width;
                up.min(2.0 - up).max(0.0) as f32
            };
            let lines = || (0..FFT / 2).map(weight);
            let first = lines().take_while(|weight| *weight == 0.0).count();
            Band {
                first,
                weights: lines()
                    .skip(first)
                    .take_while(|weight| *weight > 0.0)
                    .collect(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{difference, layers, signal};

    #[test]
    fn features_are_those_of_kaldi() {
        let features = Fbank::new().compute(&signal(1000));
        let expected = layers().tensor("fbank.out", &[4, BANDS]).unwrap();
        // They are logarithms, some of small sums.
        assert!(difference(features.values(), &expected) < 1e-4);
    }

    #[test]
    fn silence_is_all_mean_and_too_little_is_nothing() {
        let mut silence = Fbank::new().compute(&[0.0; 720]);
        assert_eq!(silence.frames(), 3);
        silence.subtract_mean();
        assert!(silence.values().iter().all(|value| value.abs() < 1e-5));
        assert_eq!(Fbank::new().compute(&[0.0; 399]).frames(), 0);
    }
}
