//! The newest samples of the stream, normalized in loudness.

use std::collections::VecDeque;

use crate::SAMPLE_RATE;
use crate::models::{FRAME_STEP_SAMPLES, WINDOW_SAMPLES};
use crate::pipeline::waveform::{gain, sanitized};

/// Samples with a smaller magnitude are silence: -80 dB.
const SILENCE_PEAK: f32 = 1e-4;
/// The RMS level that is assumed at the start of a stream, with the weight of [`PRIOR_SAMPLES`]. Without it, the noise
/// before the first speech would be amplified to the level of speech.
const PRIOR_RMS: f64 = 0.05;
/// Weight of [`PRIOR_RMS`]: that of 10 s of sound.
const PRIOR_SAMPLES: f64 = 10.0 * SAMPLE_RATE as f64;
/// Samples of sound over which the loudness is averaged. Older ones count less.
const LOUDNESS_SAMPLES: f64 = 60.0 * SAMPLE_RATE as f64;
/// Maximum gain: 40 dB.
const MAX_GAIN: f32 = 100.0;

/// The last window of a stream. Its gain depends on the loudness of the stream so far.
#[derive(Debug)]
pub(super) struct Buffer {
    samples: VecDeque<f32>,
    /// Position in the stream of the first of the samples: the start of a frame.
    start: usize,
    /// Sum of the squares of the samples that are not silence. The past counts less and less.
    squares: f64,
    /// Number of these samples, with the same weights.
    weight: f64,
}

impl Default for Buffer {
    fn default() -> Self {
        Self {
            samples: VecDeque::new(),
            start: 0,
            squares: PRIOR_RMS * PRIOR_RMS * PRIOR_SAMPLES,
            weight: PRIOR_SAMPLES,
        }
    }
}

impl Buffer {
    /// Adds samples. Returns whether all of them are silence, which does not affect the gain.
    pub(super) fn push(&mut self, samples: &[f32]) -> bool {
        let added = || samples.iter().map(|sample| sanitized(*sample));
        let is_silent = added().all(|sample| sample.abs() < SILENCE_PEAK);
        if !is_silent {
            self.squares += added().map(|sample| f64::from(sample).powi(2)).sum::<f64>();
            self.weight += samples.len() as f64;
            let forget = (LOUDNESS_SAMPLES / self.weight).min(1.0);
            self.squares *= forget;
            self.weight *= forget;
        }
        self.samples.extend(added());
        let excess = self.samples.len().saturating_sub(WINDOW_SAMPLES);
        let excess = excess.next_multiple_of(FRAME_STEP_SAMPLES);
        self.samples.drain(..excess);
        self.start += excess;
        is_silent
    }

    /// Index in the stream of the first frame of the window.
    pub(super) fn first_frame(&self) -> usize {
        self.start / FRAME_STEP_SAMPLES
    }

    /// Number of samples of the window: up to 10 s.
    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    /// Number of samples of the stream so far.
    pub(super) fn stream_samples(&self) -> usize {
        self.start + self.samples.len()
    }

    /// The normalized samples of the window.
    pub(super) fn window(&self) -> Vec<f32> {
        let gain = gain(self.squares, self.weight).min(MAX_GAIN);
        self.samples.iter().map(|sample| sample * gain).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rms(samples: &[f32]) -> f32 {
        (samples.iter().map(|x| x * x).sum::<f32>() / samples.len() as f32).sqrt()
    }

    fn tone(level: f32, seconds: usize) -> Vec<f32> {
        (0..seconds * 16_000)
            .map(|n| level * (n as f32 * 0.1).sin())
            .collect()
    }

    #[test]
    fn windows_are_the_newest_samples_and_start_with_a_frame() {
        let mut buffer = Buffer::default();
        for pushed in 1..50 {
            buffer.push(&vec![0.5; 8_000 + pushed]);
            assert!(buffer.len() <= WINDOW_SAMPLES);
            assert_eq!(buffer.window().len(), buffer.len());
            assert_eq!(buffer.start, buffer.first_frame() * FRAME_STEP_SAMPLES);
            let end = (1..=pushed).map(|n| 8_000 + n).sum::<usize>();
            assert_eq!(buffer.stream_samples(), end);
            assert!(buffer.len() > (WINDOW_SAMPLES - FRAME_STEP_SAMPLES).min(end - 1));
        }
    }

    #[test]
    fn the_gain_follows_the_loudness() {
        for level in [0.01, 0.05, 1.0] {
            let mut buffer = Buffer::default();
            for _ in 0..400 {
                buffer.push(&tone(level, 1));
            }
            let rms = rms(&buffer.window());
            assert!((0.09..0.11).contains(&rms), "{level}: {rms}");
        }
        // Noise at the start is not amplified to the level of speech.
        let mut buffer = Buffer::default();
        buffer.push(&tone(0.002, 5));
        assert!(rms(&buffer.window()) < 0.01);
    }

    #[test]
    fn silence_and_samples_that_are_not_finite_change_nothing() {
        let mut buffer = Buffer::default();
        assert!(!buffer.push(&tone(0.5, 2)));
        let before = buffer.window();
        assert!(buffer.push(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-5, 0.0]));
        assert_eq!(buffer.window()[..before.len()], before);
        assert!(
            buffer.window()[before.len()..]
                .iter()
                .all(|sample| sample.abs() < 1e-3)
        );
        assert!(buffer.push(&[]));
        assert!(Buffer::default().window().is_empty());
    }
}
