//! WAV files with wrong sizes, odd chunks, short headers and many channels.

use pyannote_engine::audio::{AudioError, DecodeOptions, Ffmpeg, Recording, decode_with};

use super::tone::{Measured, fixture_bytes, measure, sample};

/// The sample rate, in Hz.
pub(super) const RATE: u32 = 16_000;
/// The sample rate of the ADPCM fixture, in Hz.
const ADPCM_RATE: usize = 8_000;
/// The number of frames of a tone.
pub(super) const FRAMES: usize = 16_000;

/// Decodes bytes of a file.
pub(super) fn decoded(bytes: &[u8]) -> Result<Recording, AudioError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    std::fs::write(&path, bytes).unwrap();
    decode_with(&path, &DecodeOptions::new().ffmpeg(Ffmpeg::off()))
}

fn chunk(tag: &[u8; 4], size: u32, body: &[u8]) -> Vec<u8> {
    [&tag[..], &size.to_le_bytes(), body].concat()
}

/// The first 16 bytes of a `fmt ` chunk.
fn fmt(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let block = channels * (bits / 8);
    [
        &tag.to_le_bytes()[..],
        &channels.to_le_bytes(),
        &rate.to_le_bytes(),
        &(rate * u32::from(block)).to_le_bytes(),
        &block.to_le_bytes(),
        &bits.to_le_bytes(),
    ]
    .concat()
}

/// The extension of a `fmt ` chunk: a channel mask, and the format tag of the samples.
fn extension(mask: u32, tag: u16, bits: u16) -> Vec<u8> {
    let guid = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
    [
        &22_u16.to_le_bytes()[..],
        &bits.to_le_bytes(),
        &mask.to_le_bytes(),
        &tag.to_le_bytes(),
        &guid,
    ]
    .concat()
}

/// A tone of 16 bits, the same in all channels.
fn samples(channels: usize) -> Vec<u8> {
    let pcm = |n| (sample(n, RATE) * 32_768.0) as i16;
    (0..FRAMES)
        .flat_map(|n| pcm(n).to_le_bytes().repeat(channels))
        .collect()
}

fn file(marker: &[u8; 4], riff_size: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = [b"WAVE".to_vec(), chunks.concat()].concat();
    chunk(marker, riff_size, &body)
}

fn simple_fmt() -> Vec<u8> {
    chunk(b"fmt ", 16, &fmt(1, 1, RATE, 16))
}

/// Asserts that a file has the tone, without a warning.
pub(super) fn assert_tone(bytes: &[u8], what: &str) {
    let recording = decoded(bytes).unwrap_or_else(|error| unreachable!("{what}: {error}"));
    assert_eq!(recording.len(), FRAMES, "{what}");
    assert_eq!(recording.warnings(), [""; 0], "{what}");
    let Measured {
        gain_db,
        delay,
        noise,
    } = measure(&recording.samples(..).unwrap());
    assert!(
        gain_db.abs() < 0.1 && delay.abs() < 0.1,
        "{what}: {gain_db} dB, {delay}"
    );
    assert!(noise < 0.02, "{what}: {noise}");
}

/// Asserts that a file has these samples, without a warning.
pub(super) fn assert_same(file: &[u8], expected: &Recording, what: &str) {
    let recording = decoded(file).unwrap_or_else(|error| unreachable!("{what}: {error}"));
    assert_eq!(
        recording.samples(..).unwrap(),
        expected.samples(..).unwrap(),
        "{what}"
    );
    assert_eq!(recording.warnings(), [""; 0], "{what}");
}

#[test]
fn sizes_may_be_wrong_zero_or_missing() {
    let samples = samples(1);
    let right = samples.len() as u32;
    for riff in [0, 3, right + 36, 100, u32::MAX] {
        for data in [0, right, right + 8, u32::MAX, 0x7fff_ffff - 36, 0x8000_0000] {
            let bytes = file(
                b"RIFF",
                riff,
                &[simple_fmt(), chunk(b"data", data, &samples)],
            );
            assert_tone(&bytes, &format!("RIFF {riff:#x}, data {data:#x}"));
        }
    }
}

/// A file with a tone.
pub(super) fn tone_file() -> Vec<u8> {
    let data = samples(1);
    let size = data.len() as u32;
    file(
        b"RIFF",
        size + 36,
        &[simple_fmt(), chunk(b"data", size, &data)],
    )
}

#[test]
fn samples_may_precede_their_format() {
    let data = samples(1);
    let size = data.len() as u32;
    let chunks = [chunk(b"data", size, &data), simple_fmt()];
    assert_tone(&file(b"RIFF", size + 36, &chunks), "data first");
}

#[test]
fn the_last_block_of_adpcm_may_be_incomplete() {
    let wav = fixture_bytes("tone_adpcm.wav");
    let whole = decoded(&wav).unwrap();
    for missing in [1, 100, 700] {
        let recording = decoded(&wav[..wav.len() - missing]).unwrap();
        let expected = whole.len() - 2 * missing * 16_000 / ADPCM_RATE;
        assert!(
            recording.len().abs_diff(expected) < 40,
            "{missing}: {} samples, not {expected}",
            recording.len()
        );
        // The filter of the resampler smooths the end.
        let unchanged = recording.len() - 3_000;
        let is_same =
            recording.samples(..unchanged).unwrap() == whole.samples(..unchanged).unwrap();
        assert!(is_same, "{missing}");
    }
}

#[test]
fn samples_end_where_the_data_chunk_says() {
    let data = samples(1);
    let list = chunk(b"LIST", 4_000, &[1; 4_000]);
    let chunks = [simple_fmt(), chunk(b"data", data.len() as u32, &data), list];
    assert_tone(&file(b"RIFF", 0, &chunks), "LIST after data");
}

/// A file with sizes of 64 bits. `data` and `long` are the sizes of the samples in their chunk and in `ds64`.
pub(super) fn with_long_sizes(marker: &[u8; 4], data: u32, long: u64) -> Vec<u8> {
    let sizes = [0, long, 0, 0].map(u64::to_le_bytes).concat();
    let chunks = [
        chunk(b"ds64", 28, &sizes[..28]),
        simple_fmt(),
        chunk(b"data", data, &samples(1)),
    ];
    file(marker, u32::MAX, &chunks)
}

#[test]
fn sizes_of_64_bits() {
    let size = samples(1).len() as u32;
    for (data, long) in [(u32::MAX, u64::from(size)), (u32::MAX, 0), (size, 0)] {
        for marker in [b"RF64", b"BW64"] {
            assert_tone(
                &with_long_sizes(marker, data, long),
                &format!("{data:#x}, {long}"),
            );
        }
    }
}

#[test]
fn lists_and_unknown_chunks_may_be_odd() {
    let data = chunk(b"data", 32_000, &samples(1));
    let inner = b"INFOISFT\xff\0\0\0Lavf5".to_vec();
    for (what, list) in [
        (
            "inner size",
            chunk(b"LIST", 17, &[&inner[..], b"\0"].concat()),
        ),
        ("odd without padding", chunk(b"LIST", 17, &inner)),
        ("too long", chunk(b"LIST", 0x00ff_ffff, &inner)),
        ("too short", chunk(b"LIST", 3, &inner)),
        ("unknown", chunk(b"bext", 602, &[0; 602])),
    ] {
        assert_tone(
            &file(b"RIFF", 0, &[simple_fmt(), list.clone(), data.clone()]),
            what,
        );
        assert_tone(&file(b"RIFF", 0, &[list, simple_fmt(), data.clone()]), what);
    }
}

#[test]
fn format_chunks_may_be_short_or_long() {
    let fields = fmt(1, 1, RATE, 16);
    let data = chunk(b"data", 32_000, &samples(1));
    for (size, body) in [
        (14, fields[..14].to_vec()),
        (16, fields.clone()),
        (18, [&fields[..], &[0, 0]].concat()),
        (20, [&fields[..], &[2, 0, 0, 0]].concat()),
        (40, [fields.clone(), extension(4, 1, 16)].concat()),
        (400, [&fields[..], &[0; 384]].concat()),
        (0x00ff_ffff, fields.clone()),
    ] {
        let chunks = [chunk(b"fmt ", size, &body), data.clone()];
        assert_tone(&file(b"RIFF", 0, &chunks), &format!("{size} bytes"));
    }
}

#[test]
fn telephone_formats() {
    // Inverse of the mu-law and A-law curves, without rounding.
    let mu_law = |value: f64| {
        let magnitude = (255.0 * value.abs()).ln_1p() / 256.0_f64.ln() * 127.0;
        !(magnitude as u8 | if value < 0.0 { 0x80 } else { 0 })
    };
    let a_law = |value: f64| {
        let scale = 87.6 * value.abs();
        let magnitude = if scale < 1.0 { scale } else { 1.0 + scale.ln() };
        let code = (magnitude / (1.0 + 87.6_f64.ln()) * 127.0) as u8;
        (code | if value < 0.0 { 0 } else { 0x80 }) ^ 0x55
    };
    for (tag, encode) in [(7, &mu_law as &dyn Fn(f64) -> u8), (6, &a_law)] {
        let samples: Vec<u8> = (0..8_000).map(|n| encode(sample(n, 8_000))).collect();
        let data = chunk(b"data", 8_000, &samples);
        let extended = [fmt(0xfffe, 1, 8_000, 8), extension(4, tag, 8)].concat();
        for (size, body) in [
            (16, fmt(tag, 1, 8_000, 8)),
            (18, fmt(tag, 1, 8_000, 8)),
            (40, extended),
        ] {
            let body = [body, vec![0; 2]].concat();
            let body = &body[..(size as usize).min(body.len())];
            let bytes = file(b"RIFF", 0, &[chunk(b"fmt ", size, body), data.clone()]);
            let recording = decoded(&bytes).unwrap();
            assert_eq!(recording.len(), FRAMES, "{tag}, {size}");
            let Measured { gain_db, noise, .. } = measure(&recording.samples(..).unwrap());
            assert!(
                gain_db.abs() < 1.0 && noise < 0.1,
                "{tag}, {size}: {gain_db} dB, {noise}"
            );
        }
    }
}

#[test]
fn up_to_64_channels() {
    for channels in [1, 2, 6, 18, 19, 26, 27, 32, 33, 63, 64] {
        let data = samples(usize::from(channels));
        let data = chunk(b"data", data.len() as u32, &data);
        let simple = chunk(b"fmt ", 16, &fmt(1, channels, RATE, 16));
        assert_tone(
            &file(b"RIFF", 0, &[simple, data.clone()]),
            &format!("{channels} channels"),
        );
        for mask in [0, u32::MAX] {
            let body = [fmt(0xfffe, channels, RATE, 16), extension(mask, 1, 16)].concat();
            let bytes = file(b"RIFF", 0, &[chunk(b"fmt ", 40, &body), data.clone()]);
            assert_tone(&bytes, &format!("{channels} channels, mask {mask:#x}"));
        }
    }
}

#[test]
fn cut_files_are_decoded_with_a_warning() {
    let bytes = file(
        b"RIFF",
        0,
        &[simple_fmt(), chunk(b"data", 32_000, &samples(1))],
    );
    let recording = decoded(&bytes[..16_044]).unwrap();
    assert_eq!(recording.len(), 8_000);
    assert_eq!(
        recording.warnings(),
        ["the recording is truncated: it ends after 0.5 s of 1.0 s"]
    );
}

#[test]
fn an_mp3_stream_in_wav() {
    let mp3 = fixture_bytes("tone.mp3");
    let format = chunk(b"fmt ", 16, &fmt(0x55, 1, 44_100, 0));
    let bytes = file(
        b"RIFF",
        0,
        &[format, chunk(b"data", mp3.len() as u32, &mp3)],
    );
    assert_same(&bytes, &decoded(&mp3).unwrap(), "MP3 in WAV");
}

#[test]
fn unsupported_formats_have_their_names() {
    for (tag, channels, bits, expected) in [
        (0x31, 1, 0, "GSM 6.10"),
        (0x2000, 2, 16, "AC-3"),
        (0x704f, 2, 0, "Opus in WAV"),
        (0x1234, 1, 16, "WAV format 0x1234"),
        (1, 65, 16, "PCM with 65 channels"),
        (1, 0, 16, "PCM with 0 channels"),
        (1, 1, 64, "WAV with 64 bits per sample"),
    ] {
        let format = chunk(b"fmt ", 16, &fmt(tag, channels, RATE, bits));
        let error = decoded(&file(b"RIFF", 0, &[format, chunk(b"data", 4, &[0; 4])])).unwrap_err();
        assert!(
            matches!(&error, AudioError::UnsupportedCodec(name) if name == expected),
            "{error}"
        );
    }
    for bytes in [
        file(b"RIFF", 0, &[simple_fmt()]),
        file(b"RIFF", 0, &[chunk(b"data", 4, &[0; 4])]),
    ] {
        assert!(matches!(decoded(&bytes), Err(AudioError::NotAudio)));
    }
}
