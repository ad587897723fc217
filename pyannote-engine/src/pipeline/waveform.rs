//! The samples, fit for the models: finite, at a usual loudness, and with silence beyond their end.

/// The loudness that recordings are brought to, as the root of the mean square.
const LOUDNESS: f64 = 0.1;
/// The largest sample that is believed. Decoders clip at 1; more is an error of the file.
const LARGEST: f32 = 16.0;

/// The samples of a recording.
pub(super) struct Signal<'a> {
    samples: &'a [f32],
    gain: f32,
}

impl<'a> Signal<'a> {
    /// These samples, of one channel at 16 kHz.
    pub(super) fn new(samples: &'a [f32]) -> Self {
        let squares: f64 = samples
            .iter()
            .map(|sample| f64::from(believed(*sample)).powi(2))
            .sum();
        let loudness = (squares / samples.len().max(1) as f64).sqrt();
        // Pure silence stays silent.
        let gain = if loudness > 1e-7 {
            (LOUDNESS / loudness) as f32
        } else {
            1.0
        };
        Self { samples, gain }
    }

    /// How many samples there are.
    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    /// How long it is, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.len() as f64 / f64::from(crate::SAMPLE_RATE)
    }

    /// So many samples from there on.
    pub(super) fn part(&self, start: usize, length: usize) -> Vec<f32> {
        let samples = self.samples.iter().skip(start).take(length);
        let mut part: Vec<f32> = samples
            .map(|sample| believed(*sample) * self.gain)
            .collect();
        part.resize(length, 0.0);
        part
    }
}

fn believed(sample: f32) -> f32 {
    if sample.is_finite() {
        sample.clamp(-LARGEST, LARGEST)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_and_loud_recordings_come_to_the_same() {
        let wave = |peak: f32| -> Vec<f32> {
            (0..16_000).map(|n| peak * (n as f32 * 0.1).sin()).collect()
        };
        let (quiet, loud) = (wave(1e-4), wave(0.9));
        let (quiet, loud) = (Signal::new(&quiet), Signal::new(&loud));
        for (a, b) in quiet.part(100, 50).iter().zip(loud.part(100, 50)) {
            assert!((a - b).abs() < 1e-5, "{a} and {b}");
        }
    }

    #[test]
    fn what_is_no_sound_is_silence() {
        let signal = Signal::new(&[f32::NAN, f32::INFINITY, 0.5]);
        let part = signal.part(0, 5);
        assert_eq!((part[0], part[1], part[3], part[4]), (0.0, 0.0, 0.0, 0.0));
        assert!(part[2] > 0.0);
        assert_eq!(Signal::new(&[0.0; 8]).part(0, 8), [0.0; 8]);
        assert_eq!(Signal::new(&[]).part(3, 2), [0.0; 2]);
    }
}
