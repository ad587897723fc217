//! Samples beyond full scale, and channels in opposite phase.

use hound::{SampleFormat, WavWriter};
use pyannote_engine::audio::{Recording, decode};

use super::tone::{measure, sample};
use super::wav::spec;

/// Decodes a tone of a second at 16 kHz, each channel with its factor.
fn tone(factors: &[f32], edit: impl Fn(usize, f32) -> f32) -> Recording {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tone.wav");
    let spec = spec(16_000, factors.len() as u16, 32, SampleFormat::Float);
    let mut writer = WavWriter::create(&path, spec).unwrap();
    for n in 0..16_000 {
        for factor in factors {
            let sample = sample(n, 16_000) as f32 * factor;
            writer.write_sample(edit(n, sample)).unwrap();
        }
    }
    writer.finalize().unwrap();
    decode(&path).unwrap()
}

#[test]
fn samples_beyond_full_scale_are_scaled_by_their_peak() {
    for factor in [2.5, 32_767.0, 2.0_f32.powi(31)] {
        let recording = tone(&[factor], |_, sample| sample);
        let measured = measure(&recording.samples(..).unwrap());
        // The tone has an amplitude of 0.5.
        assert!(
            (measured.gain_db - 6.02).abs() < 0.1,
            "{factor}: {measured:?}"
        );
        assert!(measured.noise < 0.001, "{factor}: {measured:?}");
        let warning = recording.warnings().join("\n");
        assert!(warning.contains("exceed full scale"), "{factor}: {warning}");
    }
    let recording = tone(&[2.0], |_, sample| sample.clamp(-1.0, 1.0));
    assert_eq!(recording.warnings(), [""; 0]);
}

#[test]
fn invalid_samples_are_silence_and_do_not_change_the_level_of_others() {
    let invalid = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e38];
    let recording = tone(&[1.0], |n, sample| match n < 100 {
        true => invalid[n % 4],
        false => sample,
    });
    assert!(
        recording
            .samples(..100)
            .unwrap()
            .iter()
            .all(|sample| *sample == 0.0)
    );
    let measured = measure(&recording.samples(..).unwrap());
    assert!(
        measured.gain_db.abs() < 0.1 && measured.noise < 0.001,
        "{measured:?}"
    );
    assert_eq!(recording.warnings(), [""; 0]);
}

#[test]
fn channels_in_opposite_phase_do_not_cancel() {
    for factors in [
        &[1.0, -1.0][..],
        &[1.0, -0.9],
        &[-0.8, 1.0],
        &[1.0, -1.0, 1.0, -1.0],
    ] {
        let recording = tone(factors, |_, sample| sample);
        let measured = measure(&recording.samples(..).unwrap());
        assert!(measured.gain_db.abs() < 0.1, "{factors:?}: {measured:?}");
        let warnings = recording.warnings().join("\n");
        assert!(
            warnings.contains("opposite phase"),
            "{factors:?}: {warnings}"
        );
    }
    for factors in [&[1.0, 1.0][..], &[1.0, 0.0], &[1.0, -0.3]] {
        let recording = tone(factors, |_, sample| sample);
        assert_eq!(recording.warnings(), [""; 0], "{factors:?}");
    }
}
