//! Log mel spectrograms as Whisper was trained with: 100 frames per second.

use std::f64::consts::TAU;
use std::fmt;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

/// Samples per frame: 25 ms.
const WINDOW_SAMPLES: usize = 400;
/// Samples between the centers of consecutive frames: 10 ms.
const HOP_SAMPLES: usize = 160;
/// Frames of a chunk of 30 s.
pub(crate) const CHUNK_FRAMES: usize = 3_000;
/// Samples of a chunk of 30 s.
pub(crate) const CHUNK_SAMPLES: usize = CHUNK_FRAMES * HOP_SAMPLES;
/// Frequency difference between bins, in Hz.
const BIN_HZ: f64 = 16_000.0 / WINDOW_SAMPLES as f64;
const BINS: usize = WINDOW_SAMPLES / 2 + 1;
/// Powers below this one are raised to it.
const MIN_POWER: f32 = 1e-10;
/// Values below the maximum by more than this are raised, in powers of ten.
const RANGE: f32 = 8.0;

/// Computes log mel spectrograms.
pub(crate) struct MelSpectrogram {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    /// The first bin and the weights of each band.
    filters: Vec<(usize, Vec<f32>)>,
}

impl fmt::Debug for MelSpectrogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MelSpectrogram").finish_non_exhaustive()
    }
}

impl MelSpectrogram {
    /// Plans the FFT and computes the window and the filters.
    pub(crate) fn new(bands: usize) -> Self {
        let window = (0..WINDOW_SAMPLES)
            .map(|n| (0.5 - 0.5 * (TAU * n as f64 / WINDOW_SAMPLES as f64).cos()) as f32)
            .collect();
        Self {
            fft: RealFftPlanner::new().plan_fft_forward(WINDOW_SAMPLES),
            window,
            filters: filters(bands),
        }
    }

    /// Number of mel bands.
    pub(crate) fn bands(&self) -> usize {
        self.filters.len()
    }

    /// The spectrogram of up to [`CHUNK_SAMPLES`] samples, -1 to 1, and silence up to 30 s: [`CHUNK_FRAMES`] rows with
    /// a value per band.
    pub(crate) fn chunk(&self, samples: &[f32]) -> Vec<f32> {
        let samples = &samples[..samples.len().min(CHUNK_SAMPLES)];
        let half = WINDOW_SAMPLES / 2;
        // The start is mirrored, as is the end, which is silent unless the chunk is full.
        let mut padded = vec![0.0; CHUNK_SAMPLES + 2 * half];
        for (out, sample) in padded[half..].iter_mut().zip(samples) {
            *out = if sample.is_finite() { *sample } else { 0.0 };
        }
        for n in 1..=half {
            padded[half - n] = padded[half + n];
            padded[half + CHUNK_SAMPLES - 1 + n] = padded[half + CHUNK_SAMPLES - 1 - n];
        }
        let mut input = self.fft.make_input_vec();
        let mut spectrum = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        let mut power = [0.0; BINS];
        let mut values = Vec::with_capacity(CHUNK_FRAMES * self.bands());
        let mut max = f32::NEG_INFINITY;
        for frame in padded
            .windows(WINDOW_SAMPLES)
            .step_by(HOP_SAMPLES)
            .take(CHUNK_FRAMES)
        {
            for ((input, sample), window) in input.iter_mut().zip(frame).zip(&self.window) {
                *input = sample * window;
            }
            // Fails only if a buffer has the wrong length.
            let result = self
                .fft
                .process_with_scratch(&mut input, &mut spectrum, &mut scratch);
            debug_assert!(result.is_ok());
            for (power, bin) in power.iter_mut().zip(&spectrum) {
                *power = bin.norm_sqr();
            }
            for (first, weights) in &self.filters {
                let energy: f32 = power[*first..]
                    .iter()
                    .zip(weights)
                    .map(|(p, w)| p * w)
                    .sum();
                let value = energy.max(MIN_POWER).log10();
                max = max.max(value);
                values.push(value);
            }
        }
        for value in &mut values {
            *value = (value.max(max - RANGE) + 4.0) / 4.0;
        }
        values
    }
}

/// Triangular filters of equal area, equally spaced on Slaney's mel scale: linear up to 1 kHz, and logarithmic above.
fn filters(bands: usize) -> Vec<(usize, Vec<f32>)> {
    const LINEAR_HZ: f64 = 200.0 / 3.0;
    const BREAK_HZ: f64 = 1_000.0;
    const BREAK_MEL: f64 = BREAK_HZ / LINEAR_HZ;
    let step = 6.4_f64.ln() / 27.0;
    let to_hz = |mel: f64| match mel < BREAK_MEL {
        true => mel * LINEAR_HZ,
        false => BREAK_HZ * ((mel - BREAK_MEL) * step).exp(),
    };
    let top_mel = BREAK_MEL + (8_000.0 / BREAK_HZ).ln() / step;
    let edge_hz = |index: usize| to_hz(top_mel * index as f64 / (bands + 1) as f64);
    (0..bands)
        .map(|band| {
            let [low, center, high] = [0, 1, 2].map(|offset| edge_hz(band + offset));
            let weight = |bin: usize| {
                let frequency = bin as f64 * BIN_HZ;
                let rising = (frequency - low) / (center - low);
                let falling = (high - frequency) / (high - center);
                (rising.min(falling).max(0.0) * 2.0 / (high - low)) as f32
            };
            let weights: Vec<f32> = (0..BINS).map(weight).collect();
            let first = weights.iter().take_while(|weight| **weight == 0.0).count();
            let count = weights[first..]
                .iter()
                .take_while(|weight| **weight > 0.0)
                .count();
            (first.min(BINS - 1), weights[first..first + count].to_vec())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, computed in f64 without a fast transform, for one frame.
    fn by_definition(samples: &[f64], frame: usize, band: usize, bands: usize) -> f64 {
        let at = |index: isize| {
            let mirrored = index.unsigned_abs();
            samples.get(mirrored).copied().unwrap_or(0.0)
        };
        let (first, weights) = &filters(bands)[band];
        let start = (frame * HOP_SAMPLES) as isize - WINDOW_SAMPLES as isize / 2;
        weights
            .iter()
            .enumerate()
            .map(|(offset, weight)| {
                let (mut re, mut im) = (0.0, 0.0);
                for n in 0..WINDOW_SAMPLES {
                    let window = 0.5 - 0.5 * (TAU * n as f64 / WINDOW_SAMPLES as f64).cos();
                    let angle = TAU * ((first + offset) * n) as f64 / WINDOW_SAMPLES as f64;
                    let value = window * at(start + n as isize);
                    re += value * angle.cos();
                    im -= value * angle.sin();
                }
                f64::from(*weight) * (re * re + im * im)
            })
            .sum()
    }

    #[test]
    fn a_tone_has_the_spectrogram_of_the_definition() {
        let tone: Vec<f64> = (0..4_000)
            .map(|n| 0.5 * (TAU * 440.0 * f64::from(n) / 16_000.0).sin())
            .collect();
        let samples: Vec<f32> = tone.iter().map(|sample| *sample as f32).collect();
        for bands in [80, 128] {
            let mel = MelSpectrogram::new(bands);
            let values = mel.chunk(&samples);
            assert_eq!(values.len(), CHUNK_FRAMES * bands);
            let power = |frame, band| by_definition(&tone, frame, band, bands).max(1e-10).log10();
            let loudest = (0..26)
                .flat_map(|frame| (0..bands).map(move |band| (frame, band)))
                .map(|(frame, band)| power(frame, band))
                .fold(f64::NEG_INFINITY, f64::max);
            for frame in [0, 1, 10, 25, 26, 2_999] {
                for band in (0..bands).step_by(3) {
                    let expected = (power(frame, band).max(loudest - 8.0) + 4.0) / 4.0;
                    let found = f64::from(values[frame * bands + band]);
                    assert!(
                        (found - expected).abs() < 1e-4,
                        "frame {frame}, band {band}: {found}, expected {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn filters_have_equal_area_and_the_centers_of_the_scale() {
        let filters = filters(80);
        // librosa.filters.mel(sr=16000, n_fft=400, n_mels=80) has these values at bins 1, 2, 24 and 100.
        let weight = |band: usize, bin: usize| {
            let (first, weights) = &filters[band];
            bin.checked_sub(*first)
                .and_then(|n| weights.get(n))
                .copied()
        };
        assert!(
            (weight(0, 1).unwrap() - 0.024_862_59).abs() < 1e-6,
            "{:?}",
            weight(0, 1)
        );
        assert_eq!(weight(0, 2), None);
        for (first, weights) in &filters {
            assert!(!weights.is_empty() && first + weights.len() <= BINS);
        }
        for (_, weights) in &filters[40..] {
            let area: f64 = weights.iter().map(|w| f64::from(*w)).sum::<f64>() * BIN_HZ;
            assert!((area - 1.0).abs() < 0.15, "{area}");
        }
    }

    #[test]
    fn silence_and_samples_that_are_no_numbers_are_finite() {
        let mel = MelSpectrogram::new(80);
        let silent = mel.chunk(&[]);
        assert!(silent.iter().all(|value| *value == -1.5));
        assert_eq!(mel.chunk(&[f32::NAN, f32::INFINITY]), silent);
    }
}
