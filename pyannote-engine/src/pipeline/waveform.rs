//! Samples prepared for the models: finite, normalized in loudness, and zero-padded.

/// RMS level that recordings are normalized to.
const TARGET_RMS: f64 = 0.1;
/// Samples are clamped to this magnitude. Decoders clip at 1, so larger samples come from damaged files.
const MAX_ABS_SAMPLE: f32 = 16.0;

/// The samples of a recording, with a gain that normalizes its loudness.
pub(super) struct Waveform<'a> {
    samples: &'a [f32],
    gain: f32,
}

impl<'a> Waveform<'a> {
    /// Wraps mono samples at 16 kHz.
    pub(super) fn new(samples: &'a [f32]) -> Self {
        let squares: f64 = samples
            .iter()
            .map(|sample| f64::from(sanitized(*sample)).powi(2))
            .sum();
        let rms = (squares / samples.len().max(1) as f64).sqrt();
        // Digital silence stays silent.
        let gain = if rms > 1e-7 {
            (TARGET_RMS / rms) as f32
        } else {
            1.0
        };
        Self { samples, gain }
    }

    /// Number of samples.
    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    /// Duration in seconds.
    pub(super) fn duration_s(&self) -> f64 {
        self.len() as f64 / f64::from(crate::SAMPLE_RATE)
    }

    /// Copies `length` normalized samples, from `start` on. Samples beyond the end of the recording are zero.
    pub(super) fn crop(&self, start: usize, length: usize) -> Vec<f32> {
        let samples = self.samples.iter().skip(start).take(length);
        let mut crop: Vec<f32> = samples
            .map(|sample| sanitized(*sample) * self.gain)
            .collect();
        crop.resize(length, 0.0);
        crop
    }
}

/// Clamps a sample. NaN and infinite samples become 0.
fn sanitized(sample: f32) -> f32 {
    if sample.is_finite() {
        sample.clamp(-MAX_ABS_SAMPLE, MAX_ABS_SAMPLE)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_and_loud_recordings_are_normalized_to_the_same_level() {
        let sine = |peak: f32| -> Vec<f32> {
            (0..16_000).map(|n| peak * (n as f32 * 0.1).sin()).collect()
        };
        let (quiet, loud) = (sine(1e-4), sine(0.9));
        let (quiet, loud) = (Waveform::new(&quiet), Waveform::new(&loud));
        for (a, b) in quiet.crop(100, 50).iter().zip(loud.crop(100, 50)) {
            assert!((a - b).abs() < 1e-5, "{a} and {b}");
        }
    }

    #[test]
    fn non_finite_samples_and_padding_are_zero() {
        let waveform = Waveform::new(&[f32::NAN, f32::INFINITY, 0.5]);
        let crop = waveform.crop(0, 5);
        assert_eq!((crop[0], crop[1], crop[3], crop[4]), (0.0, 0.0, 0.0, 0.0));
        assert!(crop[2] > 0.0);
        assert_eq!(Waveform::new(&[0.0; 8]).crop(0, 8), [0.0; 8]);
        assert_eq!(Waveform::new(&[]).crop(3, 2), [0.0; 2]);
    }
}
