//! The tone of the fixtures, and measurements of it in decoded audio.

use std::path::{Path, PathBuf};

/// The sample rate of decoded audio, in Hz.
pub(crate) const SAMPLE_RATE_HZ: f64 = 16_000.0;
/// The frequency of the tone, in Hz.
pub(crate) const FREQUENCY_HZ: f64 = 440.0;
/// The amplitude of the tone.
pub(crate) const AMPLITUDE: f64 = 0.5;

/// The path of a file in `fixtures/audio`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/audio")
        .join(name)
}

/// The content of a file in `fixtures/audio`.
pub(crate) fn fixture_bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

/// The `n`-th sample of the tone at a sample rate in Hz.
pub(crate) fn sample(n: usize, rate: u32) -> f64 {
    AMPLITUDE * (std::f64::consts::TAU * FREQUENCY_HZ * n as f64 / f64::from(rate)).sin()
}

/// A tone as measured in decoded audio.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Gain in dB.
    pub(crate) gain_db: f64,
    /// Delay in samples.
    pub(crate) delay: f64,
    /// RMS amplitude of everything else, relative to the amplitude of the tone.
    pub(crate) noise: f64,
}

/// Fits a sine of the tone's frequency to samples.
///
/// The first and last 50 ms are skipped, since codecs and filters settle there.
pub(crate) fn measure(samples: &[f32]) -> Measured {
    let step = std::f64::consts::TAU * FREQUENCY_HZ / SAMPLE_RATE_HZ;
    let edge = 800;
    // Whole periods: 11 periods are 400 samples.
    let length = (samples.len() - 2 * edge) / 400 * 400;
    let part = samples[edge..edge + length].iter().enumerate();
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (n, sample) in part.clone() {
        let phase = step * (n + edge) as f64;
        sine += f64::from(*sample) * phase.sin();
        cosine += f64::from(*sample) * phase.cos();
    }
    (sine, cosine) = (sine * 2.0 / length as f64, cosine * 2.0 / length as f64);
    let residual: f64 = part
        .map(|(n, sample)| {
            let phase = step * (n + edge) as f64;
            (f64::from(*sample) - sine * phase.sin() - cosine * phase.cos()).powi(2)
        })
        .sum();
    Measured {
        gain_db: 20.0 * (sine.hypot(cosine) / AMPLITUDE).log10(),
        delay: -cosine.atan2(sine) / step,
        noise: (residual * 2.0 / length as f64).sqrt() / AMPLITUDE,
    }
}
