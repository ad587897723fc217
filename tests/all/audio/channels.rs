//! Channels that are decoded alone.

use hound::{SampleFormat, WavSpec, WavWriter};
use pyannote_engine::audio::{
    AudioError, DecodeOptions, Limits, Recording, decode, decode_channels,
};

use super::containers::{Trak, mp4};
use super::tone::{AMPLITUDE, fixture, measure, sample};
use super::wav::spec;

fn decoded(bytes: &[u8]) -> Vec<Recording> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    decode_channels(file.path(), &DecodeOptions::new()).unwrap()
}

/// A WAV file with a tone in each channel, at this gain.
fn wav(spec: WavSpec, frames: usize, gains: &[f64]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    for n in 0..frames {
        for gain in gains {
            let sample = gain * sample(n, spec.sample_rate);
            writer.write_sample((sample * 32_767.0) as i16).unwrap();
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

#[test]
fn each_channel_has_its_own_samples_at_the_same_times() {
    for (rate, gains) in [
        (16_000, &[1.0, 0.25][..]),
        (8_000, &[0.5, -0.5]),
        (44_100, &[0.1, 0.0, 1.0, 0.5, -1.0, 0.0]),
        (48_000, &[1.0]),
        (16_000, &[0.5; 64]),
    ] {
        let channels = u16::try_from(gains.len()).unwrap();
        let spec = spec(rate, channels, 16, SampleFormat::Int);
        let recordings = decoded(&wav(spec, rate as usize, gains));
        assert_eq!(recordings.len(), gains.len());
        for (recording, gain) in recordings.iter().zip(gains) {
            assert_eq!(recording.len(), 16_000, "{rate} Hz");
            let samples = recording.samples(..).unwrap();
            if *gain == 0.0 {
                assert!(samples.iter().all(|sample| *sample == 0.0));
                continue;
            }
            let gain_db = measure(&samples).gain_db;
            let expected = 20.0 * gain.abs().log10();
            assert!(
                (gain_db - expected).abs() < 0.1,
                "{gain_db} dB, not {expected}"
            );
            // In phase, or in opposite phase.
            let peak = samples[4_009] / (gain * AMPLITUDE) as f32;
            assert!(peak > 0.9, "{peak}");
        }
    }
}

#[test]
fn a_channel_may_start_late_and_all_have_the_warnings() {
    let spec = spec(16_000, 2, 16, SampleFormat::Int);
    let mut bytes = wav(spec, 32_000, &[1.0, 0.0]);
    // The second channel speaks in the last half second; the last tenth is cut off.
    let (start, frame) = (bytes.len() - 4 * 8_000, 4);
    for frame in bytes[start..].chunks_exact_mut(frame) {
        frame[2..].copy_from_slice(&[0, 0x40]);
    }
    bytes.truncate(bytes.len() - 4 * 3_200);
    let recordings = decoded(&bytes);
    let second = recordings[1].samples(..).unwrap();
    assert_eq!(second.len(), 28_800);
    assert!(second[..24_000].iter().all(|sample| *sample == 0.0));
    assert!(second[24_000..].iter().all(|sample| *sample == 0.5));
    for recording in &recordings {
        let warnings = recording.warnings();
        assert!(warnings[0].contains("truncated"), "{warnings:?}");
        assert_eq!(warnings.len(), 1);
    }
}

#[test]
fn edit_lists_and_compressed_formats_apply_to_channels() {
    let track = Trak {
        is_enabled: true,
        edits: &[(500, 250)],
        samples: super::containers::tone(1.0),
    };
    let recordings = decoded(&mp4(&[track], None));
    assert_eq!(recordings.len(), 1);
    assert!((recordings[0].duration() - 0.5).abs() < 0.02);
    for name in ["tone.flac", "tone.mp3"] {
        let mono = decode(fixture(name)).unwrap().samples(..).unwrap();
        let recordings = decode_channels(fixture(name), &DecodeOptions::new()).unwrap();
        assert_eq!(recordings.len(), 1, "{name}");
        assert_eq!(recordings[0].samples(..).unwrap(), mono, "{name}");
    }
    let options = DecodeOptions::new().limits(Limits::default().max_seconds(0.1));
    let error = decode_channels(fixture("tone.flac"), &options).unwrap_err();
    assert!(matches!(error, AudioError::TooLong { .. }), "{error}");
}
