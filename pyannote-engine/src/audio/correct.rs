//! Corrections of headers: FLAC without a minimum block length, and AIFF with sizes that exceed the file or are missing.

use std::io::{Read, Seek};

use super::chunks::{is_placeholder, read_at};

/// Minimum block length of FLAC, in samples.
const MIN_FLAC_BLOCK: u16 = 16;
/// Maximum number of chunks or metadata blocks before the samples.
const MAX_CHUNKS: usize = 1_000;

/// Bytes that replace those at a position of the file.
#[derive(Debug, PartialEq)]
pub(super) struct Correction {
    pub(super) at: u64,
    pub(super) bytes: Vec<u8>,
}

impl Correction {
    /// The position after the last byte.
    pub(super) fn end(&self) -> u64 {
        self.at + self.bytes.len() as u64
    }
}

/// The corrections of a file, and its duration in seconds if that of the corrected header is not that of the recording.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Corrections {
    pub(super) all: Vec<Correction>,
    pub(super) expected_s: Option<f64>,
}

/// Returns the corrections of a file of `bytes` bytes: none if it needs none, or cannot be read.
pub(super) fn corrections(file: &mut (impl Read + Seek), bytes: u64) -> Corrections {
    let Some(start) = bytes_at::<12>(file, 0) else {
        return Corrections::default();
    };
    let found = match (&start[..4], &start[8..]) {
        (b"fLaC", _) => flac(file),
        (b"FORM", b"AIFF" | b"AIFC") => aiff(file, bytes),
        _ => None,
    };
    found.unwrap_or_default()
}

fn bytes_at<const N: usize>(file: &mut (impl Read + Seek), at: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    read_at(file, at, &mut bytes).ok()?.then_some(bytes)
}

/// A minimum block length of 0 means that it is unknown.
fn flac(file: &mut (impl Read + Seek)) -> Option<Corrections> {
    let [.., min_high, min_low, max_high, max_low] = bytes_at::<12>(file, 0)?;
    let min = u16::from_be_bytes([min_high, min_low]);
    let max = u16::from_be_bytes([max_high, max_low]);
    if min >= MIN_FLAC_BLOCK || max < MIN_FLAC_BLOCK {
        return None;
    }
    let mut at = 4;
    for _ in 0..MAX_CHUNKS {
        let [kind, high, middle, low] = bytes_at(file, at)?;
        at += 4 + u64::from(u32::from_be_bytes([0, high, middle, low]));
        if kind & 0x80 != 0 {
            break;
        }
    }
    // The lowest bit of the second byte of a frame: whether blocks have different lengths.
    let [_, flags] = bytes_at::<2>(file, at)?;
    let min = if flags & 1 == 1 { MIN_FLAC_BLOCK } else { max };
    Some(Corrections {
        all: vec![Correction {
            at: 8,
            bytes: min.to_be_bytes().to_vec(),
        }],
        expected_s: None,
    })
}

/// The sizes of an AIFF file that was cut, or whose recorder could not seek, become those of the file.
fn aiff(file: &mut (impl Read + Seek), bytes: u64) -> Option<Corrections> {
    let mut at = 12_u64;
    let mut expected_s = None;
    for _ in 0..MAX_CHUNKS {
        let head = bytes_at::<8>(file, at)?;
        let [_, _, _, _, size @ ..] = head;
        let size = u64::from(u32::from_be_bytes(size));
        let body = at + 8;
        match &head[..4] {
            b"COMM" => {
                let [_, _, a, b, c, d, _, _, rate @ ..] = bytes_at::<18>(file, body)?;
                let frames = f64::from(u32::from_be_bytes([a, b, c, d]));
                expected_s = Some(frames / extended(rate)).filter(|seconds| seconds.is_finite());
            }
            b"SSND" => {
                let available = bytes.saturating_sub(body);
                let placeholder = is_placeholder(size, available);
                if !placeholder && size <= available {
                    return None;
                }
                let form = u32::try_from(bytes - 8).ok()?;
                let sound = u32::try_from(available).ok()?;
                return Some(Corrections {
                    all: vec![
                        Correction {
                            at: 4,
                            bytes: form.to_be_bytes().to_vec(),
                        },
                        Correction {
                            at: at + 4,
                            bytes: sound.to_be_bytes().to_vec(),
                        },
                    ],
                    // The number of samples is a placeholder, too.
                    expected_s: expected_s.filter(|_| !placeholder),
                });
            }
            _ => {}
        }
        at = body + size + (size & 1);
    }
    None
}

/// Converts an 80-bit float.
fn extended(bytes: [u8; 10]) -> f64 {
    let [sign, exponent, mantissa @ ..] = bytes;
    let exponent = i32::from(u16::from_be_bytes([sign & 0x7f, exponent])) - 16_383 - 63;
    u64::from_be_bytes(mantissa) as f64 * 2.0_f64.powi(exponent)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn extended_floats() {
        assert_eq!(
            extended([0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]),
            44_100.0
        );
        assert_eq!(extended([0x40, 0x0c, 0xfa, 0, 0, 0, 0, 0, 0, 0]), 16_000.0);
    }

    #[test]
    fn other_files_have_no_corrections() {
        for bytes in [
            &b""[..],
            b"RIFF\0\0\0\0WAVE",
            b"fLaC\x80\0\0\x22\x10\0\x10\0",
            b"FORM\0\0\0\0AIFF",
        ] {
            let length = bytes.len() as u64;
            let found = corrections(&mut Cursor::new(bytes), length);
            assert_eq!(found, Corrections::default(), "{bytes:?}");
        }
    }
}
