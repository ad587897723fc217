//! Samples prepared for the models: finite, normalized in loudness, and zero-padded.

use crate::{CancelToken, DiarizeError, Recording, SpoolError};

/// RMS level that recordings are normalized to.
const TARGET_RMS: f64 = 0.1;
/// Samples are clamped to this magnitude. Decoders clip at 1, so larger samples come from damaged files.
const MAX_ABS_SAMPLE: f32 = 16.0;

/// The samples of a recording, with a gain that normalizes its loudness.
pub(super) struct Waveform<'a> {
    recording: &'a Recording,
    gain: f32,
}

impl<'a> Waveform<'a> {
    /// Measures the loudness of a recording, which reads all of it.
    pub(super) fn new(
        recording: &'a Recording,
        cancel: &CancelToken,
    ) -> Result<Self, DiarizeError> {
        let mut squares = 0.0;
        for block in recording.blocks() {
            if cancel.is_cancelled() {
                return Err(DiarizeError::Cancelled);
            }
            for sample in block?.iter() {
                squares += f64::from(sanitized(*sample)).powi(2);
            }
        }
        let gain = gain(squares, recording.len() as f64);
        Ok(Self { recording, gain })
    }

    /// Number of samples.
    pub(super) fn len(&self) -> usize {
        self.recording.len()
    }

    /// Duration in seconds.
    pub(super) fn duration_s(&self) -> f64 {
        self.recording.duration()
    }

    /// Copies `length` normalized samples, from `start` on. Samples beyond the end of the recording are zero.
    pub(super) fn crop(&self, start: usize, length: usize) -> Result<Vec<f32>, SpoolError> {
        let mut crop = vec![0.0; length];
        self.recording.read(start, &mut crop)?;
        for sample in &mut crop {
            *sample = sanitized(*sample) * self.gain;
        }
        Ok(crop)
    }
}

/// The gain that normalizes the loudness of samples, given the sum of their squares and their number.
pub(crate) fn gain(squares: f64, count: f64) -> f32 {
    let rms = (squares / count.max(1.0)).sqrt();
    // Digital silence stays silent.
    if rms > 1e-7 {
        (TARGET_RMS / rms) as f32
    } else {
        1.0
    }
}

/// Clamps a sample. NaN and infinite samples become 0.
pub(crate) fn sanitized(sample: f32) -> f32 {
    if sample.is_finite() {
        sample.clamp(-MAX_ABS_SAMPLE, MAX_ABS_SAMPLE)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Normalized samples of a recording.
    fn crop(samples: Vec<f32>, start: usize, length: usize) -> Vec<f32> {
        let recording = Recording::new(samples);
        let waveform = Waveform::new(&recording, &CancelToken::default()).unwrap();
        waveform.crop(start, length).unwrap()
    }

    #[test]
    fn quiet_and_loud_recordings_are_normalized_to_the_same_level() {
        let sine = |peak: f32| -> Vec<f32> {
            (0..16_000).map(|n| peak * (n as f32 * 0.1).sin()).collect()
        };
        let (quiet, loud) = (crop(sine(1e-4), 100, 50), crop(sine(0.9), 100, 50));
        for (a, b) in quiet.iter().zip(loud) {
            assert!((a - b).abs() < 1e-5, "{a} and {b}");
        }
    }

    #[test]
    fn non_finite_samples_and_padding_are_zero() {
        let found = crop(vec![f32::NAN, f32::INFINITY, 0.5], 0, 5);
        assert_eq!(
            (found[0], found[1], found[3], found[4]),
            (0.0, 0.0, 0.0, 0.0)
        );
        assert!(found[2] > 0.0);
        assert_eq!(crop(vec![0.0; 8], 0, 8), [0.0; 8]);
        assert_eq!(crop(Vec::new(), 3, 2), [0.0; 2]);
    }

    #[test]
    fn a_recording_that_cannot_be_read_is_an_error_and_not_silence() {
        let recording = Recording::unreadable();
        let found = Waveform::new(&recording, &CancelToken::default());
        assert!(matches!(
            found.err(),
            Some(DiarizeError::Recording(SpoolError::Read { .. }))
        ));
        let waveform = Waveform {
            recording: &recording,
            gain: 1.0,
        };
        assert!(waveform.crop(10, 10).is_err());
        assert_eq!(waveform.crop(100_000, 10), Ok(vec![0.0; 10]));
    }

    #[test]
    fn measuring_the_loudness_can_be_cancelled() {
        let cancel = CancelToken::default();
        cancel.cancel();
        let recording = Recording::new(vec![0.0; 8]);
        let found = Waveform::new(&recording, &cancel);
        assert!(matches!(found, Err(DiarizeError::Cancelled)));
    }
}
