//! The sound of the compared files, and measurements of it.

use std::path::Path;

use hound::{SampleFormat, WavWriter};

use super::super::tone::SAMPLE_RATE_HZ;
use super::super::wav::spec;

/// Duration of the sound, in seconds.
pub(super) const DURATION_S: f64 = 3.0;
/// Start and frequency of each burst. Frequencies differ, so that bursts are not mistaken for each other.
const BURSTS: [(f64, f64); 5] = [
    (0.2, 330.0),
    (0.65, 520.0),
    (1.4, 410.0),
    (1.9, 640.0),
    (2.6, 370.0),
];
/// Duration of a burst, in seconds.
const BURST_S: f64 = 0.2;
/// The same in samples at 16 kHz.
const BURST_SAMPLES: isize = 3_200;
/// How fast the frequency of a burst rises.
const RISE_HZ_PER_S: f64 = 2_000.0;
/// Duration of the frames in which levels are measured, in samples at 16 kHz: 5 ms.
const FRAME: usize = 80;
/// RMS level of a burst at its start.
const LEVEL: f32 = 0.12;
/// Maximum shift that is searched, in samples.
const MAX_LAG: isize = 400;

/// The sound at a time: bursts of a rising tone with harmonics, which is similar to itself at no other time.
fn sound(time_s: f64) -> f64 {
    let burst = |start: f64, frequency: f64| {
        let at_s = time_s - start;
        let cycles = frequency * at_s + RISE_HZ_PER_S * at_s * at_s / 2.0;
        let harmonic = |factor: f64| (std::f64::consts::TAU * factor * cycles).sin();
        0.35 * harmonic(1.0) + 0.15 * harmonic(2.0) + 0.1 * harmonic(3.1)
    };
    BURSTS
        .iter()
        .filter(|(start, _)| (*start..start + BURST_S).contains(&time_s))
        .map(|(start, frequency)| burst(*start, *frequency))
        .sum()
}

/// Writes the sound in all channels.
pub(super) fn write_source(path: &Path, rate: u32, channels: u16) {
    let spec = spec(rate, channels, 16, SampleFormat::Int);
    let mut writer = WavWriter::create(path, spec).unwrap();
    for n in 0..(DURATION_S * f64::from(rate)) as u32 {
        let sample = (sound(f64::from(n) / f64::from(rate)) * 32_767.0) as i16;
        for _ in 0..channels {
            writer.write_sample(sample).unwrap();
        }
    }
    writer.finalize().unwrap();
}

/// The times at which sounds start, in seconds.
pub(super) fn onsets(samples: &[f32]) -> Vec<f64> {
    let mut onsets: Vec<f64> = Vec::new();
    let mut silent = 10;
    for (at, frame) in samples.chunks(FRAME).enumerate() {
        let energy: f32 = frame.iter().map(|sample| sample * sample).sum();
        if (energy / frame.len() as f32).sqrt() < LEVEL {
            silent += 1;
            continue;
        }
        // A dip within a burst does not count.
        if silent >= 10 {
            onsets.push((at * FRAME) as f64 / SAMPLE_RATE_HZ);
        }
        silent = 0;
    }
    onsets
}

/// The number of samples by which a sound of `ours` is later than that of `theirs` at a time, and how similar they are: 1
/// if they are equal but for a gain.
pub(super) fn similarity(ours: &[f32], theirs: &[f32], start_s: f64) -> (isize, f64) {
    let start = (start_s * SAMPLE_RATE_HZ) as isize;
    let correlation = |lag: isize| {
        let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
        for at in start..start + BURST_SAMPLES {
            let (ours, theirs) = (at_or_silence(ours, at + lag), at_or_silence(theirs, at));
            both += ours * theirs;
            first += ours * ours;
            second += theirs * theirs;
        }
        f64::from(both / (first * second).sqrt().max(f32::MIN_POSITIVE))
    };
    let lags = (-MAX_LAG..=MAX_LAG).map(|lag| (lag, correlation(lag)));
    let best = lags.reduce(|best, other| if other.1 > best.1 { other } else { best });
    best.unwrap_or_default()
}

fn at_or_silence(samples: &[f32], at: isize) -> f32 {
    usize::try_from(at)
        .ok()
        .and_then(|at| samples.get(at))
        .copied()
        .unwrap_or_default()
}
