//! How much of a recording is taken, and that it can be had piece by piece.

use hound::SampleFormat;
use pyannote_engine::audio::{AudioError, Blocks, Limits, decode, decode_within};

use super::tone::fixture;
use super::wav;

#[test]
fn a_recording_that_is_too_long_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wav");
    let limits = Limits::default().within(30.0);
    for (seconds, fits) in [(29.0, true), (30.0, true), (30.05, true), (31.0, false)] {
        let spec = wav::spec(8_000, 1, 8, SampleFormat::Int);
        wav::write(&path, spec, (seconds * 8_000.0) as usize);
        match decode_within(&path, limits) {
            Ok(recording) => {
                assert!(fits, "{seconds}");
                assert!((recording.seconds() - seconds).abs() < 0.001);
            }
            Err(error) => {
                assert!(!fits, "{seconds}: {error}");
                let said = "the recording is too long: at most 30 s are allowed";
                assert_eq!(error.to_string(), said);
            }
        }
    }
    // An MP3's length is known only when it was decoded.
    let limits = Limits::default().within(0.5);
    let error = decode_within(fixture("tone.mp3"), limits).unwrap_err();
    assert!(matches!(error, AudioError::TooLong { .. }), "{error}");
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.wav");
    let file = std::fs::File::create(&path).unwrap();
    // All holes: it takes no room on the disk.
    file.set_len((1 << 30) + 1).unwrap();
    let error = decode(&path).unwrap_err();
    assert!(
        matches!(error, AudioError::TooLarge { limit: 0x4000_0000 }),
        "{error}"
    );
}

#[test]
fn the_blocks_are_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blocks.wav");
    wav::write(
        &path,
        wav::spec(44_100, 2, 16, SampleFormat::Int),
        44_100 * 5,
    );
    let whole = decode(&path).unwrap().samples;
    let mut blocks = Blocks::open(&path, Limits::default()).unwrap();
    assert_eq!(blocks.expected_samples(), 80_000);
    let pieces: Vec<_> = blocks.by_ref().map(Result::unwrap).collect();
    assert!(pieces.len() >= 4, "{}", pieces.len());
    assert!(pieces.iter().all(|piece| piece.len() < 24_000));
    assert_eq!(pieces.concat(), whole);
    assert_eq!(whole.len(), 80_000);
    assert!(blocks.warnings().is_empty());
    assert!(blocks.next().is_none());
}
