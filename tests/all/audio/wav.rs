//! WAV files of every common sample format, sample rate and channel count.

use std::path::Path;

use hound::{SampleFormat, WavSpec, WavWriter};
use pyannote_engine::audio::decode;

use super::tone::{measure, sample};

/// Writes a tone of this many frames, identical in all channels.
pub(crate) fn write(path: &Path, spec: WavSpec, frames: usize) {
    let mut writer = WavWriter::create(path, spec).unwrap();
    for n in 0..frames {
        let sample = sample(n, spec.sample_rate);
        for _ in 0..spec.channels {
            match spec.sample_format {
                SampleFormat::Float => writer.write_sample(sample as f32).unwrap(),
                SampleFormat::Int => {
                    let full_scale = f64::from(1_u32 << (spec.bits_per_sample - 1));
                    writer.write_sample((sample * full_scale) as i32).unwrap();
                }
            }
        }
    }
    writer.finalize().unwrap();
}

/// The bytes of a mono WAV file with a tone, 16 bits at 16 kHz.
pub(crate) fn bytes(frames: usize) -> Vec<u8> {
    bytes_of(spec(16_000, 1, 16, SampleFormat::Int), frames)
}

/// The bytes of a WAV file with a tone.
pub(crate) fn bytes_of(spec: WavSpec, frames: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tone.wav");
    write(&path, spec, frames);
    std::fs::read(path).unwrap()
}

pub(crate) fn spec(rate: u32, channels: u16, bits: u16, format: SampleFormat) -> WavSpec {
    WavSpec {
        channels,
        sample_rate: rate,
        bits_per_sample: bits,
        sample_format: format,
    }
}

#[test]
fn all_variants_decode_to_the_tone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tone.wav");
    for (bits, format) in [
        (8, SampleFormat::Int),
        (16, SampleFormat::Int),
        (24, SampleFormat::Int),
        (32, SampleFormat::Int),
        (32, SampleFormat::Float),
    ] {
        for rate in [8_000, 16_000, 44_100, 48_000] {
            for channels in [1, 2, 6] {
                let spec = spec(rate, channels, bits, format);
                write(&path, spec, rate as usize / 2);
                let recording = decode(&path).unwrap();
                let measured = measure(&recording.samples(..).unwrap());
                let context = format!("{spec:?}: {measured:?}");
                assert_eq!(recording.len(), 8_000, "{context}");
                assert_eq!(recording.warnings(), [""; 0], "{context}");
                assert!(measured.gain_db.abs() < 0.1, "{context}");
                assert!(measured.delay.abs() < 0.1, "{context}");
                // 8 bits have audible quantization noise.
                let noise = if bits == 8 { 0.02 } else { 0.001 };
                assert!(measured.noise < noise, "{context}");
            }
        }
    }
}

#[test]
fn channels_are_averaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.wav");
    let mut writer = WavWriter::create(&path, spec(16_000, 2, 16, SampleFormat::Int)).unwrap();
    for _ in 0..1_600 {
        writer.write_sample(16_384_i16).unwrap();
        writer.write_sample(-8_192_i16).unwrap();
    }
    writer.finalize().unwrap();
    let recording = decode(&path).unwrap();
    assert_eq!(recording.samples(..).unwrap(), vec![0.125; 1_600]);
}

#[test]
fn nan_and_out_of_range_floats_are_clamped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.wav");
    let mut writer = WavWriter::create(&path, spec(48_000, 1, 32, SampleFormat::Float)).unwrap();
    for n in 0..48_000 {
        let odd = [f32::NAN, f32::INFINITY, 1e38, -7.0];
        writer.write_sample(odd[n % odd.len()]).unwrap();
    }
    writer.finalize().unwrap();
    let samples = decode(&path).unwrap().samples(..).unwrap();
    assert_eq!(samples.len(), 16_000);
    assert!(samples.iter().all(|sample| sample.abs() <= 1.0));
}

#[test]
fn streamed_files_without_a_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("streamed.wav");
    let whole = bytes(16_000);
    let sizes: [u32; 3] = [u32::MAX, 0x7fff_ffff - 36, 0x8000_0000];
    for size in sizes {
        let mut streamed = whole.clone();
        streamed[4..8].copy_from_slice(&size.saturating_add(36).to_le_bytes());
        let data = streamed
            .windows(4)
            .position(|bytes| bytes == b"data")
            .unwrap();
        streamed[data + 4..data + 8].copy_from_slice(&size.to_le_bytes());
        std::fs::write(&path, &streamed).unwrap();
        let recording = decode(&path).unwrap();
        assert_eq!(recording.len(), 16_000, "{size:#x}");
        assert_eq!(recording.warnings(), [""; 0]);
    }
}
