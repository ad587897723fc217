//! Limits on size and duration, and decoding in blocks.

use hound::SampleFormat;
use pyannote_engine::audio::{AudioError, DecodeOptions, Decoder, Limits, decode, decode_with};

use super::tone::fixture;
use super::wav;

#[test]
fn recordings_over_the_maximum_duration_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wav");
    let options = DecodeOptions::new().limits(Limits::default().max_seconds(30.0));
    for (seconds, fits) in [(29.0, true), (30.0, true), (30.05, true), (31.0, false)] {
        let spec = wav::spec(8_000, 1, 8, SampleFormat::Int);
        wav::write(&path, spec, (seconds * 8_000.0) as usize);
        match decode_with(&path, &options) {
            Ok(recording) => {
                assert!(fits, "{seconds}");
                assert!((recording.duration() - seconds).abs() < 0.001);
            }
            Err(error) => {
                assert!(!fits, "{seconds}: {error}");
                let message = "the recording is too long: the maximum is 30 s";
                assert_eq!(error.to_string(), message);
            }
        }
    }
    // The duration of an MP3 is known only after decoding.
    let options = DecodeOptions::new().limits(Limits::default().max_seconds(0.5));
    let error = decode_with(fixture("tone.mp3"), &options).unwrap_err();
    assert!(matches!(error, AudioError::TooLong { .. }), "{error}");
}

#[test]
fn files_over_the_maximum_size_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.wav");
    let file = std::fs::File::create(&path).unwrap();
    // A sparse file: it takes no space on disk.
    file.set_len((1 << 30) + 1).unwrap();
    let error = decode(&path).unwrap_err();
    assert!(
        matches!(error, AudioError::TooLarge { limit: 0x4000_0000 }),
        "{error}"
    );
}

#[test]
fn blocks_add_up_to_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blocks.wav");
    wav::write(
        &path,
        wav::spec(44_100, 2, 16, SampleFormat::Int),
        44_100 * 5,
    );
    let whole = decode(&path).unwrap().samples(..).unwrap();
    let mut decoder = Decoder::open(&path, &DecodeOptions::new()).unwrap();
    assert_eq!(decoder.expected_samples(), 80_000);
    let blocks: Vec<_> = decoder.by_ref().map(Result::unwrap).collect();
    assert!(blocks.len() >= 4, "{}", blocks.len());
    assert!(blocks.iter().all(|block| block.len() < 24_000));
    assert_eq!(blocks.concat(), whole);
    assert_eq!(whole.len(), 80_000);
    assert_eq!(decoder.warnings(), [""; 0]);
    assert!(decoder.next().is_none());
}
