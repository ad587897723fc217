//! Truncated, corrupted and arbitrary files: decoding returns a recording or an error, and our code never panics.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Once;

use hound::SampleFormat;
use proptest::prelude::*;
use pyannote_engine::audio::{
    AudioError, DecodeOptions, Decoder, Ffmpeg, Limits, Recording, decode, decode_with,
};

use super::containers::{Trak, mkv, mp4, tone};
use super::riff::with_long_sizes;
use super::tone::{fixture, measure};
use super::wav;

const NAMES: &[&str] = &[
    "tone.mp3",
    "tone.m4a",
    "tone.aac",
    "tone.ogg",
    "tone.webm",
    "tone_mulaw.wav",
    "tone_adpcm.wav",
    "tone_alac.m4a",
    "tone.flac",
    "tone.mkv",
    "tone.aiff",
    "tone.caf",
    "film.mp4",
    "tone.opus",
    "tone_opus.mp4",
    "tone_opus.webm",
];

/// Names and contents of valid files of each format.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let fixtures = NAMES
        .iter()
        .map(|name| (*name, std::fs::read(fixture(name)).unwrap()));
    let generated = [
        ("RF64", with_long_sizes(b"RF64", u32::MAX, 32_000)),
        ("BW64", with_long_sizes(b"BW64", u32::MAX, 32_000)),
        (
            "float WAV",
            wav::bytes_of(wav::spec(16_000, 2, 32, SampleFormat::Float), 8_000),
        ),
    ];
    fixtures.chain(generated).collect()
}

/// Names and contents of files whose edit list or timestamps delay samples: damage may turn the delay into hours.
fn timed() -> Vec<(&'static str, Vec<u8>)> {
    let track = |edits, is_enabled| Trak {
        is_enabled,
        edits,
        samples: tone(0.5),
    };
    let tracks = [
        track(&[], false),
        track(&[(100, -1), (200, 0), (100, 2_400)], true),
    ];
    let blocks = [0, 500, 2_000].map(|time_ms| (2, time_ms, tone(0.1)));
    vec![
        ("MP4 with edits", mp4(&tracks, Some(&[0; 64]))),
        ("MKV with gaps", mkv(&[true, false], true, &blocks)),
    ]
}

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

fn decoded(bytes: &[u8]) -> Result<Recording, AudioError> {
    decoded_with(bytes, Limits::default())
}

fn decoded_with(bytes: &[u8], limits: Limits) -> Result<Recording, AudioError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let options = DecodeOptions::new().ffmpeg(Ffmpeg::off());
    decode_with(file.path(), &options.limits(limits))
}

thread_local! {
    /// Where this thread last panicked.
    static PANIC_LOCATION: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Installs a panic hook that records the location.
fn record_panic_locations() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default_hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if let Some(location) = panic.location() {
                PANIC_LOCATION.set(location.to_string());
            }
            default_hook(panic);
        }));
    });
}

/// Asserts that decoding returns a recording or an error.
///
/// The demuxers of CAF and AIFF are known to panic on some headers, which is reported as an error. A panic in our own
/// code is a failure.
fn assert_no_panic(bytes: Vec<u8>, what: &str) {
    assert_no_panic_with(bytes, Limits::default(), what);
}

fn assert_no_panic_with(bytes: Vec<u8>, limits: Limits, what: &str) {
    record_panic_locations();
    match decoded_with(&bytes, limits) {
        Ok(recording) => {
            assert!(!recording.is_empty(), "{what}");
            let peak = recording
                .samples(..)
                .unwrap()
                .iter()
                .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert!(peak <= 1.0, "{what}: {peak}");
            let seconds = recording.duration();
            assert!(seconds < 120.0, "{what}: {seconds} s");
        }
        Err(error) => assert!(!error.to_string().is_empty(), "{what}"),
    }
    let location = PANIC_LOCATION.take();
    assert!(!location.contains("pyannote-engine"), "{what}: {location}");
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
    let mut bytes = std::fs::read(fixture("tone.mp3")).unwrap();
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
    for (name, whole) in files().into_iter().chain(timed()) {
        decoded(&whole).unwrap_or_else(|error| unreachable!("{name}: {error}"));
        let step = (whole.len() / 60).max(1);
        for cut in (0..200.min(whole.len()))
            .step_by(3)
            .chain((200..whole.len()).step_by(step))
        {
            assert_no_panic(whole[..cut].to_vec(), &format!("{name} cut at {cut}"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn no_panic_on_corrupted_files(
        (name, mut bytes) in prop::sample::select(files()),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        early in any::<bool>(),
    ) {
        // Corrupted headers are the most likely to cause problems.
        let range = if early { 256 } else { bytes.len() };
        for (at, value) in &flips {
            bytes[at.index(range)] = *value;
        }
        assert_no_panic(bytes, &format!("{name} with {flips:?}, early: {early}"));
    }

    #[test]
    fn no_panic_on_corrupted_times(
        (name, mut bytes) in prop::sample::select(timed()),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        // The headers, and some of the samples.
        for (at, value) in &flips {
            bytes[at.index(1_600)] = *value;
        }
        let limits = Limits::default().max_seconds(60.0);
        assert_no_panic_with(bytes, limits, &format!("{name} with {flips:?}"));
    }

    #[test]
    fn no_panic_on_random_bytes(
        magic in prop::sample::select(MAGIC),
        rest in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        assert_no_panic([magic, &rest].concat(), "random bytes");
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
    let blocks = open(&path).unwrap();
    assert!(blocks.expected_samples() < 16 * bytes.len() + 1);
    let recording = decode(&path).unwrap();
    assert_eq!(recording.len(), 1_600);
    assert!(
        recording.warnings()[0].contains("truncated"),
        "{:?}",
        recording.warnings()
    );
}

fn open(path: &Path) -> Result<Decoder, AudioError> {
    Decoder::open(path, &DecodeOptions::new())
}
