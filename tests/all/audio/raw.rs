//! Samples without packets in RIFX, Wave64, AU, AIFF-C and CAF.

use pyannote_engine::audio::AudioError;

use super::riff::{FRAMES, RATE, assert_tone, decoded};
use super::tone::sample;

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pcm {
    Signed { bytes: usize, is_big_endian: bool },
    Float { bytes: usize, is_big_endian: bool },
    Unsigned8,
    MuLaw,
    ALaw,
}

/// Big-endian integers.
pub(super) const fn big(bytes: usize) -> Pcm {
    Pcm::Signed {
        bytes,
        is_big_endian: true,
    }
}

/// Little-endian integers.
pub(super) const fn little(bytes: usize) -> Pcm {
    Pcm::Signed {
        bytes,
        is_big_endian: false,
    }
}

/// Floats.
pub(super) const fn float(bytes: usize, is_big_endian: bool) -> Pcm {
    Pcm::Float {
        bytes,
        is_big_endian,
    }
}

impl Pcm {
    fn encode(self, value: f64) -> Vec<u8> {
        let reversed = |mut bytes: Vec<u8>, is_reversed: bool| {
            if is_reversed {
                bytes.reverse();
            }
            bytes
        };
        match self {
            Self::Signed {
                bytes,
                is_big_endian,
            } => {
                let integer = (value * 2_147_483_647.0) as i32;
                let kept = integer.to_be_bytes()[..bytes].to_vec();
                reversed(kept, !is_big_endian)
            }
            Self::Float {
                bytes: 4,
                is_big_endian,
            } => reversed((value as f32).to_be_bytes().to_vec(), !is_big_endian),
            Self::Float { is_big_endian, .. } => {
                reversed(value.to_be_bytes().to_vec(), !is_big_endian)
            }
            Self::Unsigned8 => vec![(value * 127.0 + 128.0) as u8],
            Self::MuLaw => {
                let magnitude = (255.0 * value.abs()).ln_1p() / 256.0_f64.ln() * 127.0;
                vec![!(magnitude.round() as u8 | if value < 0.0 { 0x80 } else { 0 })]
            }
            Self::ALaw => {
                let scale = 87.6 * value.abs();
                let magnitude = if scale < 1.0 { scale } else { 1.0 + scale.ln() };
                let code = (magnitude / (1.0 + 87.6_f64.ln()) * 127.0).round() as u8;
                vec![(code | if value < 0.0 { 0 } else { 0x80 }) ^ 0x55]
            }
        }
    }

    /// A tone, the same in all channels.
    pub(super) fn tone(self, channels: usize) -> Vec<u8> {
        (0..FRAMES)
            .flat_map(|n| self.encode(sample(n, RATE)).repeat(channels))
            .collect()
    }
}

fn rifx(data: &[u8]) -> Vec<u8> {
    let size = u32::to_be_bytes;
    let format = [
        &[0, 1, 0, 1][..],
        &size(RATE),
        &size(RATE * 2),
        &[0, 2, 0, 16],
    ]
    .concat();
    [
        &b"RIFX"[..],
        &size(data.len() as u32 + 36),
        b"WAVEfmt ",
        &size(16),
        &format,
        b"data",
        &size(data.len() as u32),
        data,
    ]
    .concat()
}

fn wave64(data: &[u8], size: u64) -> Vec<u8> {
    let end = b"\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a";
    let chunk = |tag: &[u8; 4], size: u64, body: &[u8]| {
        [&tag[..], end, &(size + 24).to_le_bytes(), body].concat()
    };
    let format = [
        &[1, 0, 1, 0][..],
        &RATE.to_le_bytes(),
        &(RATE * 2).to_le_bytes(),
        &[2, 0, 16, 0],
    ]
    .concat();
    [
        &b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0\0\0\0\0\0\0\0\0wave"[..],
        end,
        // Sizes are rounded up to 8 bytes.
        &chunk(b"junk", 5, &[0; 8]),
        &chunk(b"fmt ", 16, &format),
        &chunk(b"data", size, data),
    ]
    .concat()
}

fn au(encoding: u32, size: u32, data: &[u8]) -> Vec<u8> {
    let header = [28, size, encoding, RATE, 1].map(u32::to_be_bytes).concat();
    [&b".snd"[..], &header, b"note", data].concat()
}

fn aiff_c(kind: &[u8; 4], bits: u16, data: &[u8]) -> Vec<u8> {
    let chunk =
        |tag: &[u8; 4], body: &[u8]| [&tag[..], &(body.len() as u32).to_be_bytes(), body].concat();
    // 16,000 as a float of 80 bits.
    let rate = [0x40, 0x0c, 0xfa, 0, 0, 0, 0, 0, 0, 0];
    let common = [
        &[0, 1][..],
        &(FRAMES as u32).to_be_bytes(),
        &bits.to_be_bytes(),
        &rate,
        kind,
        b"\0\0",
    ]
    .concat();
    let chunks = [
        b"AIFC".to_vec(),
        chunk(b"FVER", &[0xa2, 0x80, 0x51, 0x40]),
        chunk(b"COMM", &common),
        chunk(b"SSND", &[&[0; 8], data].concat()),
    ];
    chunk(b"FORM", &chunks.concat())
}

fn caf(kind: &[u8; 4], flags: u32, bits: u32, size: Option<u64>, data: &[u8]) -> Vec<u8> {
    let bytes = bits / 8;
    let description = [
        &f64::from(RATE).to_be_bytes()[..],
        kind,
        &[flags, bytes, 1, 1, bits].map(u32::to_be_bytes).concat(),
    ]
    .concat();
    let size = size.map_or(u64::MAX, |size| size + 4);
    [
        &b"caff\0\x01\0\0desc"[..],
        &32_u64.to_be_bytes(),
        &description,
        b"free\0\0\0\0\0\0\0\x03abc",
        b"data",
        &size.to_be_bytes(),
        &[0; 4],
        data,
    ]
    .concat()
}

#[test]
fn rifx_is_big_endian() {
    assert_tone(&rifx(&big(2).tone(1)), "RIFX");
}

#[test]
fn wave64_may_have_placeholders_as_sizes() {
    let data = little(2).tone(1);
    for size in [data.len() as u64, 0, u64::MAX - 24] {
        assert_tone(&wave64(&data, size), &format!("{size:#x}"));
    }
}

#[test]
fn encodings_of_au() {
    for (encoding, pcm) in [
        (3, big(2)),
        (4, big(3)),
        (5, big(4)),
        (6, float(4, true)),
        (7, float(8, true)),
    ] {
        let data = pcm.tone(1);
        for size in [data.len() as u32, u32::MAX] {
            assert_tone(&au(encoding, size, &data), &format!("{pcm:?}, {size:#x}"));
        }
    }
    for (encoding, pcm) in [(1, Pcm::MuLaw), (27, Pcm::ALaw), (2, big(1))] {
        let recording = decoded(&au(encoding, u32::MAX, &pcm.tone(1))).unwrap();
        assert_eq!(recording.duration(), 1.0, "{pcm:?}");
    }
    let error = decoded(&au(24, 4, &[0; 4])).unwrap_err();
    assert!(
        matches!(&error, AudioError::UnsupportedCodec(name) if name == "G.722 in AU"),
        "{error}"
    );
}

#[test]
fn compression_types_of_aiff() {
    for (kind, bits, pcm) in [
        (b"NONE", 16, big(2)),
        (b"twos", 16, big(2)),
        (b"sowt", 16, little(2)),
        (b"in24", 24, big(3)),
        (b"42ni", 24, little(3)),
        (b"in32", 32, big(4)),
        (b"fl32", 32, float(4, true)),
        (b"FL64", 64, float(8, true)),
        // Samples of 20 bits have 3 bytes.
        (b"NONE", 20, big(3)),
    ] {
        let name = String::from_utf8_lossy(kind).into_owned();
        assert_tone(&aiff_c(kind, bits, &pcm.tone(1)), &name);
    }
    // Blocks of ADPCM have 64 samples in 34 bytes.
    let adpcm = decoded(&aiff_c(b"ima4", 4, &[0; 34].repeat(250))).unwrap();
    assert_eq!(adpcm.duration(), 1.0);
    let error = decoded(&aiff_c(b"MAC3", 8, &[0; 4])).unwrap_err();
    assert!(
        matches!(&error, AudioError::UnsupportedCodec(name) if name.contains("MAC3")),
        "{error}"
    );
}

#[test]
fn caf_may_have_an_unknown_size() {
    for (kind, flags, bits, pcm) in [
        (b"lpcm", 0, 16, big(2)),
        (b"lpcm", 2, 16, little(2)),
        (b"lpcm", 2, 24, little(3)),
        (b"lpcm", 1, 32, float(4, true)),
        (b"lpcm", 3, 64, float(8, false)),
    ] {
        let data = pcm.tone(1);
        for size in [Some(data.len() as u64), None] {
            let file = caf(kind, flags, bits, size, &data);
            assert_tone(&file, &format!("{pcm:?}, {size:?}"));
        }
    }
    for (kind, pcm) in [(b"ulaw", Pcm::MuLaw), (b"alaw", Pcm::ALaw)] {
        let recording = decoded(&caf(kind, 0, 8, None, &pcm.tone(1))).unwrap();
        assert_eq!(recording.duration(), 1.0, "{pcm:?}");
    }
}

#[test]
fn cut_files_have_a_warning() {
    let data = big(2).tone(1);
    let little = little(2).tone(1);
    let size = data.len() as u64;
    for (name, file) in [
        ("RIFX", rifx(&data)),
        ("Wave64", wave64(&little, size)),
        ("AU", au(3, data.len() as u32, &data)),
        ("AIFF", aiff_c(b"NONE", 16, &data)),
        ("CAF", caf(b"lpcm", 0, 16, Some(size), &data)),
    ] {
        let recording = decoded(&file[..file.len() - 16_000]).unwrap();
        assert_eq!(recording.duration(), 0.5, "{name}");
        let warning = "the recording is truncated: it ends after 0.5 s of 1.0 s";
        assert_eq!(recording.warnings(), [warning], "{name}");
    }
}
