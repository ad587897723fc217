//! Band levels of a channel, in frames.

use std::f64::consts::TAU;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

use crate::SAMPLE_RATE;

/// Number of frequency bands. Parties who speak at once rarely have their energy in the same bands.
pub(super) const BANDS: usize = 8;
/// Samples between consecutive frames: 16.875 ms, as in the segmentation model.
pub(super) const HOP_SAMPLES: usize = 270;
/// Samples of the window of a frame: 32 ms.
const WINDOW_SAMPLES: usize = 512;
/// Limits of the bands, in Hz.
const EDGES_HZ: [f64; BANDS + 1] = [
    100.0, 300.0, 500.0, 800.0, 1200.0, 1800.0, 2600.0, 3800.0, 6000.0,
];
/// Lowest level, in dB relative to full scale: that of silence.
pub(super) const SILENCE_DB: i8 = -100;
/// Percentile of the levels of a band that is its noise floor: speakers pause for more than a tenth of the time.
const FLOOR_PERCENTILE: usize = 10;
/// Minimum noise floor of a band, in dB: lower levels are rounding errors.
const MIN_FLOOR_DB: i8 = -95;

/// The level of each band, in dB relative to full scale, rounded.
pub(super) type Frame = [i8; BANDS];

/// The band levels of a channel.
pub(super) struct Levels {
    /// One byte per band: 1.7 MB per hour.
    pub(super) frames: Vec<Frame>,
    /// The noise floor of each band.
    pub(super) floor: Frame,
}

impl Levels {
    pub(super) fn new(frames: Vec<Frame>) -> Self {
        Self {
            floor: std::array::from_fn(|band| floor(frames.iter().map(|frame| frame[band]))),
            frames,
        }
    }

    /// The levels of a frame, or silence outside of the recording.
    pub(super) fn get(&self, frame: i64) -> Frame {
        let frame = usize::try_from(frame)
            .ok()
            .and_then(|frame| self.frames.get(frame));
        frame.copied().unwrap_or([SILENCE_DB; BANDS])
    }
}

/// The energy at a level in dB, relative to full scale.
pub(super) fn energy(level_db: f32) -> f32 {
    10.0_f32.powf(level_db / 10.0)
}

/// The noise floor of a band.
fn floor(levels: impl Iterator<Item = i8>) -> i8 {
    let mut counts = [0_usize; 256];
    let mut total = 0;
    for level in levels {
        counts[bin(level)] += 1;
        total += 1;
    }
    let mut below = 0;
    for level in i8::MIN..=i8::MAX {
        below += counts[bin(level)];
        if below * 100 > total * FLOOR_PERCENTILE {
            return level.max(MIN_FLOOR_DB);
        }
    }
    MIN_FLOOR_DB
}

fn bin(level: i8) -> usize {
    usize::from(level.cast_unsigned() ^ 0x80)
}

/// The samples that a frame stands for: those in the middle of its window.
pub(super) fn samples_of(frames: Range<usize>) -> Range<usize> {
    let start = |frame: usize| match frame {
        0 => 0,
        _ => frame * HOP_SAMPLES + (WINDOW_SAMPLES - HOP_SAMPLES) / 2,
    };
    start(frames.start)..start(frames.end)
}

/// Measures [`Levels`] of samples that arrive in blocks.
pub(super) struct LevelMeter {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    /// Factor from the sum of squared magnitudes to the mean square of the samples.
    scale: f32,
    /// Samples of incomplete windows.
    pending: Vec<f32>,
    frames: Vec<Frame>,
}

impl fmt::Debug for LevelMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LevelMeter").finish_non_exhaustive()
    }
}

impl LevelMeter {
    pub(super) fn new() -> Self {
        let window: Vec<f32> = (0..WINDOW_SAMPLES)
            .map(|n| (0.5 - 0.5 * (TAU * n as f64 / WINDOW_SAMPLES as f64).cos()) as f32)
            .collect();
        let energy: f32 = window.iter().map(|weight| weight * weight).sum();
        Self {
            fft: RealFftPlanner::new().plan_fft_forward(WINDOW_SAMPLES),
            scale: 2.0 / (energy * WINDOW_SAMPLES as f32),
            window,
            pending: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// Adds samples. Those that are not finite count as 0.
    pub(super) fn push(&mut self, samples: &[f32]) {
        let finite = |sample: &f32| if sample.is_finite() { *sample } else { 0.0 };
        self.pending.extend(samples.iter().map(finite));
        let mut start = 0;
        while start + WINDOW_SAMPLES <= self.pending.len() {
            let frame = self.measure(&self.pending[start..start + WINDOW_SAMPLES]);
            self.frames.push(frame);
            start += HOP_SAMPLES;
        }
        self.pending.drain(..start);
    }

    pub(super) fn finish(self) -> Levels {
        Levels::new(self.frames)
    }

    fn measure(&self, samples: &[f32]) -> Frame {
        if samples.iter().all(|sample| *sample == 0.0) {
            return [SILENCE_DB; BANDS];
        }
        let mut windowed: Vec<f32> = samples
            .iter()
            .zip(&self.window)
            .map(|(sample, weight)| sample * weight)
            .collect();
        let mut spectrum = self.fft.make_output_vec();
        // Fails only if the lengths are wrong.
        if self.fft.process(&mut windowed, &mut spectrum).is_err() {
            return [SILENCE_DB; BANDS];
        }
        std::array::from_fn(|band| {
            let bins = spectrum.get(first_bin(band)..first_bin(band + 1));
            let energy: f32 = bins
                .unwrap_or_default()
                .iter()
                .map(|bin| bin.norm_sqr())
                .sum();
            let level = 10.0 * (energy * self.scale).max(f32::MIN_POSITIVE).log10();
            // The cast saturates.
            level.round().max(f32::from(SILENCE_DB)) as i8
        })
    }
}

/// The first FFT bin of a band.
fn first_bin(band: usize) -> usize {
    let bin_hz = f64::from(SAMPLE_RATE) / WINDOW_SAMPLES as f64;
    (EDGES_HZ[band] / bin_hz).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f32, amplitude: f32) -> Vec<f32> {
        (0..16_000)
            .map(|n| amplitude * (std::f32::consts::TAU * hz * n as f32 / 16_000.0).sin())
            .collect()
    }

    fn measured(samples: &[f32]) -> Levels {
        let mut meter = LevelMeter::new();
        for block in samples.chunks(1_000) {
            meter.push(block);
        }
        meter.finish()
    }

    #[test]
    fn a_tone_is_in_its_band_at_its_level() {
        for (hz, band) in [(200.0, 0), (1_000.0, 3), (5_000.0, 7)] {
            let levels = measured(&sine(hz, 0.1));
            assert_eq!(levels.frames.len(), 58);
            for frame in &levels.frames {
                // The mean square of a sine is half of the squared amplitude: -23 dB.
                assert_eq!(frame[band], -23, "{hz} Hz: {frame:?}");
                let others = (0..BANDS).filter(|other| *other != band);
                assert!(
                    others.into_iter().all(|other| frame[other] < -45),
                    "{frame:?}"
                );
            }
        }
    }

    #[test]
    fn silence_and_invalid_samples_have_the_lowest_level() {
        for sample in [0.0, f32::NAN, f32::INFINITY] {
            let levels = measured(&[sample; 2_000]);
            assert!(
                levels
                    .frames
                    .iter()
                    .all(|frame| *frame == [SILENCE_DB; BANDS])
            );
            assert_eq!(levels.floor, [MIN_FLOOR_DB; BANDS]);
        }
        assert!(measured(&[0.1; 511]).frames.is_empty());
        assert_eq!(measured(&[f32::MAX; 2_000]).frames.len(), 6);
    }

    #[test]
    fn the_noise_floor_is_the_level_of_pauses() {
        let frames = (0..100).map(|n| [if n < 20 { -70 } else { -30 }; BANDS]);
        assert_eq!(Levels::new(frames.collect()).floor, [-70; BANDS]);
        assert_eq!(Levels::new(Vec::new()).floor, [MIN_FLOOR_DB; BANDS]);
    }

    #[test]
    fn frames_cover_the_samples_without_gaps() {
        assert_eq!(samples_of(0..1), 0..391);
        assert_eq!(samples_of(1..3), 391..931);
    }
}
