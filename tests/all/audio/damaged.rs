//! Truncated, corrupted and arbitrary files: decoding returns a recording or an error, and our code never panics.

use proptest::prelude::*;
use pyannote_engine::audio::{AudioError, DecodeOptions, Decoder, decode};

use super::mutations::{self, files, mutated, record_panic_locations};
use super::riff::decoded;
use super::tone::{fixture_bytes, measure};
use super::wav;

/// Number of mutated files.
const CASES: u64 = 3_000;

/// The first bytes of each format.
const MAGIC: &[&[u8]] = &[
    b"",
    b"RIFF\x10\0\0\0WAVEfmt ",
    b"RF64\xff\xff\xff\xffWAVEds64",
    b"fLaC",
    b"OggS",
    b"\x1aE\xdf\xa3",
    b"ID3\x04",
    b"\xff\xfb\x90",
    b"\xff\xf1",
    b"\0\0\0\x18ftypM4A ",
    b"FORM\0\0\0\x40AIFF",
    b"caff\0\x01\0\0",
];

#[track_caller]
fn assert_no_panic(bytes: &[u8], what: &str) {
    record_panic_locations();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    if let Err(problem) = mutations::decode(file.path()) {
        panic!("{what}: {problem}");
    }
}

#[test]
fn empty_files_and_recordings_are_errors() {
    assert!(matches!(decoded(&[]), Err(AudioError::Empty)));
    let error = decoded(&wav::bytes(0)).unwrap_err();
    assert!(matches!(error, AudioError::Empty), "{error}");
    let header = &wav::bytes(160_000)[..44];
    let error = decoded(header).unwrap_err();
    assert!(matches!(error, AudioError::Empty), "{error}");
}

#[test]
fn truncated_files_are_decoded_with_a_warning() {
    let whole = wav::bytes(160_000);
    for share in [0.5, 0.85, 0.95] {
        let cut = (whole.len() as f64 * share) as usize;
        let recording = decoded(&whole[..cut]).unwrap();
        let warnings = recording.warnings().join("\n");
        let expected = format!("ends after {:.1} s of 10.0 s", recording.duration());
        assert!(warnings.contains(&expected), "{share}: {warnings}");
        assert!((recording.duration() - 10.0 * share).abs() < 0.1, "{share}");
    }
}

#[test]
fn a_corrupted_packet_affects_only_its_neighbors() {
    let mut bytes = fixture_bytes("tone.mp3");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 120].fill(0);
    // A second has 38 packets of 418 samples. The next packets depend on the corrupted one or on its header.
    let recording = decoded(&bytes).unwrap();
    let missing = 16_000_usize.abs_diff(recording.len());
    assert!(missing < 5 * 418, "{missing}");
    let measured = measure(&recording.samples(..6_400).unwrap());
    assert!(measured.noise < 0.01, "{measured:?}");
}

#[test]
fn no_panic_on_truncated_files() {
    for (name, whole) in files() {
        decoded(&whole).unwrap_or_else(|error| unreachable!("{name}: {error}"));
        let step = (whole.len() / 60).max(1);
        for cut in (0..200.min(whole.len()))
            .step_by(3)
            .chain((200..whole.len()).step_by(step))
        {
            assert_no_panic(&whole[..cut], &format!("{name} cut at {cut}"));
        }
    }
}

/// `cargo xtask fuzz` is the long form.
#[test]
fn no_panic_on_mutated_files() {
    record_panic_locations();
    let files = files();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutated");
    let seed = fastrand::u64(..);
    let (mut decoded, mut refused) = (0, 0);
    for number in 0..CASES {
        let (name, bytes) = mutated(&files, seed, number);
        std::fs::write(&path, bytes).unwrap();
        match mutations::decode(&path) {
            Ok(outcome) if outcome.error.is_none() => decoded += 1,
            Ok(outcome) if outcome.panic.is_none() || outcome.samples == 0 => refused += 1,
            Ok(outcome) => panic!("{name}: {outcome:?}"),
            Err(problem) => {
                panic!("{name}: {problem}; `cargo xtask fuzz --seed {seed} --case {number}`")
            }
        }
    }
    // Most mutations do not make a file unreadable, but many do.
    assert!(
        decoded > CASES / 10 && refused > CASES / 10,
        "{decoded}, {refused}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn no_panic_on_random_bytes(
        magic in prop::sample::select(MAGIC),
        rest in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        assert_no_panic(&[magic, &rest].concat(), "random bytes");
    }
}

#[test]
fn a_huge_announced_length_allocates_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.wav");
    let mut bytes = wav::bytes(100);
    let data = bytes.windows(4).position(|bytes| bytes == b"data").unwrap();
    // 20 h at 1 kHz, since 20 h at 16 kHz would exceed a gigabyte.
    let size = 2_u32 * 1_000 * 20 * 3_600;
    bytes[4..8].copy_from_slice(&(size + 36).to_le_bytes());
    bytes[24..28].copy_from_slice(&1_000_u32.to_le_bytes());
    bytes[data + 4..data + 8].copy_from_slice(&size.to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let decoder = Decoder::open(&path, &DecodeOptions::new()).unwrap();
    assert!(decoder.expected_samples() < 16 * bytes.len() + 1);
    let recording = decode(&path).unwrap();
    assert_eq!(recording.len(), 1_600);
    assert!(
        recording.warnings()[0].contains("truncated"),
        "{:?}",
        recording.warnings()
    );
}
