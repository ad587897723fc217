//! Mutated recordings of every container, and what must be true of decoding any file.
//!
//! Used by the test in `damaged` and by `cargo xtask fuzz`. A case is made from a seed and its number alone.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Once;

use fastrand::Rng;
use hound::SampleFormat;
use pyannote_engine::audio::{AudioError, DecodeOptions, Decoder, Ffmpeg, Limits};

use super::containers::{Trak, mkv, mp4, tone};
use super::riff::with_long_sizes;
use super::tone::fixture_bytes;
use super::wav;

/// Maximum duration of a recording, in seconds: damage may turn a delay into hours.
const MAX_S: f64 = 60.0;
/// Maximum number of samples of a decoder with that limit, and of those that it returns before the error.
const MAX_SAMPLES: usize = 62 * 16_000;
/// Number of bytes in which most headers end.
const HEADER_BYTES: usize = 600;
/// Maximum number of mutations of a file.
const MAX_MUTATIONS: usize = 6;
/// Maximum number of bytes that are inserted, moved or removed at once.
const MAX_RUN_BYTES: usize = 2_000;

/// Files with audio of at most a second, one of each format.
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
pub(crate) fn files() -> Vec<(&'static str, Vec<u8>)> {
    let fixtures = NAMES.iter().map(|name| (*name, fixture_bytes(name)));
    let generated = [
        ("RF64", with_long_sizes(b"RF64", u32::MAX, 32_000)),
        ("BW64", with_long_sizes(b"BW64", u32::MAX, 32_000)),
        (
            "float WAV",
            wav::bytes_of(wav::spec(16_000, 2, 32, SampleFormat::Float), 8_000),
        ),
    ];
    fixtures.chain(generated).chain(timed()).collect()
}

/// Names and contents of files whose edit list or timestamps delay samples.
fn timed() -> [(&'static str, Vec<u8>); 2] {
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
    [
        ("MP4 with edits", mp4(&tracks, Some(&[0; 64]))),
        ("MKV with gaps", mkv(&[true, false], true, &blocks)),
    ]
}

/// Returns case `number` of a run with `seed`: the name of a file, and its mutated content.
pub(crate) fn mutated(
    files: &[(&'static str, Vec<u8>)],
    seed: u64,
    number: u64,
) -> (&'static str, Vec<u8>) {
    let mut rng = Rng::with_seed(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    // Generators with similar seeds start alike.
    rng.u64(..);
    let (name, mut bytes) = rng.choice(files).unwrap().clone();
    for _ in 0..rng.usize(1..=MAX_MUTATIONS) {
        mutate(&mut bytes, files, &mut rng);
    }
    (name, bytes)
}

/// A position, mostly in the headers.
fn position(length: usize, rng: &mut Rng) -> usize {
    match rng.bool() {
        true => rng.usize(..=length.min(HEADER_BYTES)),
        false => rng.usize(..=length),
    }
}

fn mutate(bytes: &mut Vec<u8>, files: &[(&'static str, Vec<u8>)], rng: &mut Rng) {
    let at = position(bytes.len(), rng);
    let end = (at + rng.usize(..=MAX_RUN_BYTES)).min(bytes.len());
    match rng.u8(..10) {
        0..=2 => {
            for _ in 0..rng.usize(1..8) {
                let at = position(bytes.len(), rng);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.u8(..8);
                }
            }
        }
        3 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = rng.u8(..);
            }
        }
        4 | 5 => set_number(bytes, rng),
        6 => bytes.truncate(at),
        7 => drop(bytes.drain(at..end)),
        8 => {
            let run = match rng.u8(..3) {
                0 => vec![rng.u8(..); end - at],
                1 => std::iter::repeat_with(|| rng.u8(..))
                    .take(end - at)
                    .collect(),
                _ => bytes[at..end].to_vec(),
            };
            let to = position(bytes.len(), rng);
            bytes.splice(to..to, run);
        }
        _ => {
            // The start of one file, and the end of another.
            let (_, other) = rng.choice(files).unwrap();
            let from = position(other.len(), rng);
            bytes.truncate(at);
            bytes.extend(&other[from..]);
        }
    }
}

/// Sets a number, in most cases the one before or after a tag of four characters: the length of a box or chunk.
fn set_number(bytes: &mut [u8], rng: &mut Rng) {
    let tags: Vec<usize> = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, tag)| {
            tag.iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b' ')
        })
        .map(|(at, _)| at)
        .collect();
    let at = match rng.choice(&tags) {
        Some(tag) if rng.u8(..4) > 0 => match rng.bool() {
            true => tag + 4 * rng.usize(1..6),
            false => tag.saturating_sub(4),
        },
        _ => position(bytes.len(), rng),
    };
    let length = bytes.len() as u64;
    let extremes = [
        0,
        1,
        7,
        8,
        0x7fff,
        0xffff,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_fff0,
        0xffff_ffff,
        1 << 32,
        i64::MAX as u64,
        u64::MAX - 7,
        u64::MAX,
        length,
        length + 1,
        length.wrapping_neg(),
        rng.u64(..),
    ];
    let number = *rng.choice(&extremes).unwrap();
    let width = *rng.choice(&[1, 2, 4, 4, 8]).unwrap();
    let number = match rng.bool() {
        true => number.to_be_bytes()[8 - width..].to_vec(),
        false => number.to_le_bytes()[..width].to_vec(),
    };
    if let Some(target) = bytes.get_mut(at..at + width) {
        target.copy_from_slice(&number);
    }
}

thread_local! {
    /// Where this thread last panicked.
    static PANIC_LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Installs a panic hook that records the location, and prints nothing for panics in dependencies.
pub(crate) fn record_panic_locations() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default_hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let location = panic.location().map(ToString::to_string);
            let is_dependency = location
                .as_ref()
                .is_some_and(|text| text.contains("symphonia"));
            PANIC_LOCATION.set(location);
            if !is_dependency {
                default_hook(panic);
            }
        }));
    });
}

/// What decoding a file led to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Number of samples.
    pub(crate) samples: usize,
    pub(crate) error: Option<AudioError>,
    /// Where a dependency panicked, which is an error of the decoder.
    pub(crate) panic: Option<String>,
}

/// Decodes a file, and returns what is wrong with the result, if anything.
pub(crate) fn decode(path: &Path) -> Result<Outcome, String> {
    PANIC_LOCATION.set(None);
    let options = DecodeOptions::new()
        .ffmpeg(Ffmpeg::off())
        .limits(Limits::default().max_seconds(MAX_S));
    let (mut samples, mut error) = (0, None);
    match Decoder::open(path, &options) {
        Err(failure) => error = Some(failure),
        Ok(decoder) => {
            for block in decoder {
                match block {
                    Err(failure) => error = Some(failure),
                    Ok(block) if block.is_empty() => return Err("an empty block".to_owned()),
                    Ok(block) => {
                        let peak = block.iter().map(|sample| sample.abs()).fold(
                            0.0_f32,
                            |peak, sample| match sample.is_finite() {
                                true => peak.max(sample),
                                false => f32::INFINITY,
                            },
                        );
                        if peak > 1.0 {
                            return Err(format!("a sample of {peak}"));
                        }
                        samples += block.len();
                    }
                }
                if samples > MAX_SAMPLES {
                    return Err(format!("{samples} samples"));
                }
            }
        }
    }
    let panic = PANIC_LOCATION.take();
    match (&panic, &error) {
        (Some(location), _) if !location.contains("symphonia") => {
            Err(format!("panic at {location}"))
        }
        (Some(location), None) => Err(format!("a recording in spite of a panic at {location}")),
        (None, None) if samples == 0 => Err("an empty recording".to_owned()),
        (_, Some(AudioError::Io(error))) => Err(format!("the file cannot be read: {error}")),
        (_, Some(failure)) if failure.to_string().is_empty() => Err("no message".to_owned()),
        _ => Ok(Outcome {
            samples,
            error,
            panic,
        }),
    }
}
