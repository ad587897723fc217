//! The tone of the fixtures, and how much a recording is like it.

use std::path::{Path, PathBuf};

/// The sample rate of what is decoded, in Hz.
pub(crate) const RATE: f64 = 16_000.0;
/// The frequency of the tone, in Hz.
pub(crate) const FREQUENCY: f64 = 440.0;
/// Its amplitude.
pub(crate) const AMPLITUDE: f64 = 0.5;

/// A committed recording.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/audio")
        .join(name)
}

/// A sample of the tone.
pub(crate) fn sample(n: usize, rate: u32) -> f64 {
    AMPLITUDE * (std::f64::consts::TAU * FREQUENCY * n as f64 / f64::from(rate)).sin()
}

/// What a tone in a recording is like.
#[derive(Debug)]
pub(crate) struct Measured {
    /// How much louder it is than it should be, in dB.
    pub(crate) level: f64,
    /// How late it is, in samples.
    pub(crate) late: f64,
    /// How much else there is, as a share of the amplitude.
    pub(crate) noise: f64,
}

/// Fits a sine of the tone's frequency to samples. The first and last 50 ms do not count: codecs and filters need them.
pub(crate) fn measure(samples: &[f32]) -> Measured {
    let step = std::f64::consts::TAU * FREQUENCY / RATE;
    let edge = 800;
    // Whole periods: 11 of them are 400 samples.
    let length = (samples.len() - 2 * edge) / 400 * 400;
    let part = samples[edge..edge + length].iter().enumerate();
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (n, sample) in part.clone() {
        let phase = step * (n + edge) as f64;
        sine += f64::from(*sample) * phase.sin();
        cosine += f64::from(*sample) * phase.cos();
    }
    (sine, cosine) = (sine * 2.0 / length as f64, cosine * 2.0 / length as f64);
    let rest: f64 = part
        .map(|(n, sample)| {
            let phase = step * (n + edge) as f64;
            (f64::from(*sample) - sine * phase.sin() - cosine * phase.cos()).powi(2)
        })
        .sum();
    Measured {
        level: 20.0 * (sine.hypot(cosine) / AMPLITUDE).log10(),
        late: -cosine.atan2(sine) / step,
        noise: (rest * 2.0 / length as f64).sqrt() / AMPLITUDE,
    }
}
