//! Corrections of headers: FLAC without a minimum block length, and AIFF files that were cut.

use std::io::{Read, Seek, SeekFrom};

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

/// The corrections of a file, and its duration in seconds if that of the corrected header is not that of the recording.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Corrections {
    pub(super) all: Vec<Correction>,
    pub(super) expected_s: Option<f64>,
}

/// Returns the corrections of a file of `bytes` bytes: none if it needs none, or cannot be read.
pub(super) fn corrections(file: &mut (impl Read + Seek), bytes: u64) -> Corrections {
    let mut start = [0; 12];
    if read_at(file, 0, &mut start).is_none() {
        return Corrections::default();
    }
    let found = match (&start[..4], &start[8..]) {
        (b"fLaC", _) => flac(file),
        (b"FORM", b"AIFF" | b"AIFC") => aiff(file, bytes),
        _ => None,
    };
    found.unwrap_or_default()
}

fn read_at(file: &mut (impl Read + Seek), at: u64, buffer: &mut [u8]) -> Option<()> {
    file.seek(SeekFrom::Start(at)).ok()?;
    file.read_exact(buffer).ok()
}

/// A minimum block length of 0 means that it is unknown.
fn flac(file: &mut (impl Read + Seek)) -> Option<Corrections> {
    let mut info = [0; 12];
    read_at(file, 0, &mut info)?;
    let [.., min_high, min_low, max_high, max_low] = info;
    let min = u16::from_be_bytes([min_high, min_low]);
    let max = u16::from_be_bytes([max_high, max_low]);
    if min >= MIN_FLAC_BLOCK || max < MIN_FLAC_BLOCK {
        return None;
    }
    let mut at = 4;
    for _ in 0..MAX_CHUNKS {
        let mut head = [0; 4];
        read_at(file, at, &mut head)?;
        let [kind, size @ ..] = head;
        let [high, middle, low] = size;
        at += 4 + u64::from(u32::from_be_bytes([0, high, middle, low]));
        if kind & 0x80 != 0 {
            break;
        }
    }
    // The lowest bit of the second byte of a frame: whether blocks have different lengths.
    let mut sync = [0; 2];
    read_at(file, at, &mut sync)?;
    let [_, flags] = sync;
    let min = if flags & 1 == 1 { MIN_FLAC_BLOCK } else { max };
    Some(Corrections {
        all: vec![Correction {
            at: 8,
            bytes: min.to_be_bytes().to_vec(),
        }],
        expected_s: None,
    })
}

/// The sizes of an AIFF file that was cut become those of what is there.
fn aiff(file: &mut (impl Read + Seek), bytes: u64) -> Option<Corrections> {
    let mut at = 12_u64;
    let mut expected_s = None;
    for _ in 0..MAX_CHUNKS {
        let mut head = [0; 8];
        read_at(file, at, &mut head)?;
        let [_, _, _, _, size @ ..] = head;
        let size = u64::from(u32::from_be_bytes(size));
        let body = at + 8;
        match &head[..4] {
            b"COMM" => {
                let mut fields = [0; 18];
                read_at(file, body, &mut fields)?;
                let [_, _, a, b, c, d, _, _, rate @ ..] = fields;
                let frames = f64::from(u32::from_be_bytes([a, b, c, d]));
                expected_s = Some(frames / extended(rate)).filter(|seconds| seconds.is_finite());
            }
            b"SSND" if body + size > bytes => {
                let left = u32::try_from(bytes.saturating_sub(body)).ok()?;
                let form = u32::try_from(bytes - 8).ok()?;
                return Some(Corrections {
                    all: vec![
                        Correction {
                            at: 4,
                            bytes: form.to_be_bytes().to_vec(),
                        },
                        Correction {
                            at: at + 4,
                            bytes: left.to_be_bytes().to_vec(),
                        },
                    ],
                    expected_s,
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
