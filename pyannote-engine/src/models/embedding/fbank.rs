//! Log mel filter bank features: energies in 80 mel bands every 10 ms, compatible with Kaldi's `compute-fbank-feats`.

use std::f64::consts::TAU;
use std::fmt;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

/// Mel bands per frame.
pub(crate) const MEL_BANDS: usize = 80;
/// Samples per frame: 25 ms.
pub(crate) const FBANK_WINDOW_SAMPLES: usize = 400;
/// Samples between the starts of consecutive frames: 10 ms.
pub(crate) const FBANK_HOP_SAMPLES: usize = 160;
/// Size of the FFT: a frame, zero-padded to a power of two.
const FFT_SAMPLES: usize = 512;
/// Pre-emphasis coefficient.
const PREEMPHASIS: f32 = 0.97;
/// Lowest and highest frequency of the filter bank, in Hz.
const RANGE_HZ: (f64, f64) = (20.0, 8000.0);
/// Frequency difference between FFT bins, in Hz.
const BIN_HZ: f64 = 16_000.0 / FFT_SAMPLES as f64;

/// A row of [`MEL_BANDS`] values per frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Features {
    values: Vec<f32>,
}

impl Features {
    /// Features from their values, frame by frame.
    #[cfg(test)]
    pub(crate) fn from_values(values: Vec<f32>) -> Self {
        Self { values }
    }

    /// Number of frames.
    pub(crate) fn frames(&self) -> usize {
        self.values.len() / MEL_BANDS
    }

    /// The values, frame by frame.
    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    /// Copies up to `frames` frames, from `start` on.
    pub(crate) fn segment(&self, start: usize, frames: usize) -> Self {
        let frames = self.values.chunks_exact(MEL_BANDS).skip(start).take(frames);
        Self {
            values: frames.flatten().copied().collect(),
        }
    }

    /// Adds frames at the end.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.values.append(&mut other.values);
    }

    /// Subtracts the mean of each band over all frames (cepstral mean normalization), as the model expects.
    pub(crate) fn subtract_mean(&mut self) {
        let mut mean = [0.0_f64; MEL_BANDS];
        for frame in self.values.chunks_exact(MEL_BANDS) {
            for (mean, value) in mean.iter_mut().zip(frame) {
                *mean += f64::from(*value);
            }
        }
        let frames = self.frames().max(1) as f64;
        for frame in self.values.chunks_exact_mut(MEL_BANDS) {
            for (value, mean) in frame.iter_mut().zip(mean) {
                *value -= (mean / frames) as f32;
            }
        }
    }

    /// Subtracts from each frame the mean of each band over the frames around it: up to `reach` before, and as many after.
    pub(crate) fn subtract_running_mean(&mut self, reach: usize) {
        let frames = self.frames();
        let sums = cumulative(&self.values);
        for (index, frame) in self.values.chunks_exact_mut(MEL_BANDS).enumerate() {
            let (from, to) = (index.saturating_sub(reach), (index + reach + 1).min(frames));
            for ((value, before), after) in frame.iter_mut().zip(&sums[from]).zip(&sums[to]) {
                *value -= ((after - before) / (to - from) as f64) as f32;
            }
        }
    }
}

/// The sums of each band over the first frames: one more than there are frames.
fn cumulative(values: &[f32]) -> Vec<[f64; MEL_BANDS]> {
    let mut sum = [0.0; MEL_BANDS];
    let mut sums = vec![sum];
    for frame in values.chunks_exact(MEL_BANDS) {
        for (sum, value) in sum.iter_mut().zip(frame) {
            *sum += f64::from(*value);
        }
        sums.push(sum);
    }
    sums
}

/// Computes [`Features`] from samples.
pub(crate) struct Fbank {
    fft: Arc<dyn RealToComplex<f32>>,
    /// Samples are multiplied by this first. It matters only for silence: energies have a minimum.
    gain: f32,
    window: Vec<f32>,
    filters: Vec<MelFilter>,
}

/// A triangular mel filter: weights of consecutive FFT bins.
#[derive(Clone, Debug)]
struct MelFilter {
    first_bin: usize,
    weights: Vec<f32>,
}

impl fmt::Debug for Fbank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fbank").finish_non_exhaustive()
    }
}

impl Fbank {
    /// Kaldi's defaults, as CAM++ expects: the Povey window, which is a Hann window to the power of 0.85.
    pub(crate) fn new() -> Self {
        Self::with(1.0, |cosine| (0.5 - 0.5 * cosine).powf(0.85))
    }

    /// As WeSpeaker's models expect: samples have the range of 16-bit integers, and the window is a Hamming window.
    pub(crate) fn wespeaker() -> Self {
        Self::with(32_768.0, |cosine| 0.54 - 0.46 * cosine)
    }

    /// Plans the FFT and computes the filters and the window, which is a function of a cosine of one period.
    fn with(gain: f32, window: impl Fn(f64) -> f64) -> Self {
        let cosine = |n| (TAU * n as f64 / (FBANK_WINDOW_SAMPLES - 1) as f64).cos();
        Self {
            fft: RealFftPlanner::new().plan_fft_forward(FFT_SAMPLES),
            gain,
            window: (0..FBANK_WINDOW_SAMPLES)
                .map(|n| window(cosine(n)) as f32)
                .collect(),
            filters: mel_filters(),
        }
    }

    /// Features of samples in -1..1, without mean normalization.
    ///
    /// Incomplete frames are dropped: less than 25 ms of audio has no frame.
    pub(crate) fn compute(&self, samples: &[f32]) -> Features {
        let mut values = Vec::new();
        let mut input = self.fft.make_input_vec();
        let mut spectrum = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        let mut power = [0.0; FFT_SAMPLES / 2];
        for frame in samples
            .windows(FBANK_WINDOW_SAMPLES)
            .step_by(FBANK_HOP_SAMPLES)
        {
            let mean = frame.iter().sum::<f32>() / FBANK_WINDOW_SAMPLES as f32;
            input.fill(0.0);
            // Like Kaldi, treat the first sample as its own predecessor.
            let mut previous = (frame[0] - mean) * self.gain;
            for ((input, sample), window) in input.iter_mut().zip(frame).zip(&self.window) {
                let sample = (sample - mean) * self.gain;
                *input = (sample - PREEMPHASIS * previous) * window;
                previous = sample;
            }
            // Fails only if a buffer has the wrong length.
            let result = self
                .fft
                .process_with_scratch(&mut input, &mut spectrum, &mut scratch);
            debug_assert!(result.is_ok());
            for (power, bin) in power.iter_mut().zip(&spectrum) {
                *power = bin.norm_sqr();
            }
            values.extend(self.filters.iter().map(|filter| {
                let power = power.iter().skip(filter.first_bin);
                let energy: f32 = filter.weights.iter().zip(power).map(|(w, p)| w * p).sum();
                energy.max(f32::EPSILON).ln()
            }));
        }
        Features { values }
    }
}

/// Triangular filters of equal width on the mel scale, each starting at the peak of the previous one.
fn mel_filters() -> Vec<MelFilter> {
    let mel = |frequency: f64| 1127.0 * (1.0 + frequency / 700.0).ln();
    let (low, high) = (mel(RANGE_HZ.0), mel(RANGE_HZ.1));
    let width = (high - low) / (MEL_BANDS + 1) as f64;
    (0..MEL_BANDS)
        .map(|band| {
            let left = low + band as f64 * width;
            let weight = |bin: usize| {
                let rising = (mel(bin as f64 * BIN_HZ) - left) / width;
                rising.min(2.0 - rising).max(0.0) as f32
            };
            let weights = || (0..FFT_SAMPLES / 2).map(weight);
            let first_bin = weights().take_while(|weight| *weight == 0.0).count();
            MelFilter {
                first_bin,
                weights: weights()
                    .skip(first_bin)
                    .take_while(|weight| *weight > 0.0)
                    .collect(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::reference::{difference, layers, signal};

    #[test]
    fn matches_kaldi() {
        let features = Fbank::new().compute(&signal(1000));
        let expected = layers().tensor("fbank.out", &[4, MEL_BANDS]).unwrap();
        // Logarithms of small energies amplify rounding errors.
        assert!(difference(features.values(), &expected) < 1e-4);
    }

    #[test]
    fn silence_has_zero_mean_normalized_features_and_short_input_has_none() {
        let mut silence = Fbank::new().compute(&[0.0; 720]);
        assert_eq!(silence.frames(), 3);
        silence.subtract_mean();
        assert!(silence.values().iter().all(|value| value.abs() < 1e-5));
        assert_eq!(Fbank::new().compute(&[0.0; 399]).frames(), 0);
    }
}
