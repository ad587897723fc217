//! The header of FLAC files, reduced to what the demuxer needs.

use std::io::{Read, Result, Seek};

use super::chunks::bytes_at;

/// The marker of the format.
pub(super) const MARKER: &[u8; 4] = b"fLaC";
/// Minimum block length, in samples.
const MIN_BLOCK: u16 = 16;
/// Maximum number of metadata blocks.
const MAX_BLOCKS: usize = 1_000;
/// The flag of the last metadata block.
const LAST: u8 = 0x80;

/// A header without pictures and tags, which may be invalid, and the position of the first frame.
///
/// A minimum block length of 0, which means that it is unknown, becomes a valid one. Returns `None` if the file, whose
/// marker is at `start`, has no header.
pub(super) fn header(file: &mut (impl Read + Seek), start: u64) -> Result<Option<(Vec<u8>, u64)>> {
    let Some(mut info) = bytes_at::<42>(file, start)? else {
        return Ok(None);
    };
    let mut at = start + 4;
    for _ in 0..MAX_BLOCKS {
        let Some([kind, high, middle, low]) = bytes_at(file, at)? else {
            return Ok(None);
        };
        at += 4 + u64::from(u32::from_be_bytes([0, high, middle, low]));
        if kind & LAST != 0 {
            break;
        }
    }
    info[4] |= LAST;
    let [min, max] = [8, 10].map(|at| u16::from_be_bytes([info[at], info[at + 1]]));
    if min < MIN_BLOCK && max >= MIN_BLOCK {
        // The lowest bit of the second byte of a frame: whether blocks have different lengths.
        let flags = bytes_at::<2>(file, at)?.map_or(0, |[_, flags]| flags);
        let min = if flags & 1 == 1 { MIN_BLOCK } else { max };
        info[8..10].copy_from_slice(&min.to_be_bytes());
    }
    Ok(Some((info.to_vec(), at)))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn pictures_are_removed_and_an_unknown_block_length_is_replaced() {
        for (flags, expected) in [(0xf8, [0x10, 0]), (0xf9, [0, 16])] {
            let info = [&b"fLaC\0\0\0\x22\0\0\x10\0"[..], &[7; 30]].concat();
            let file = [&b"ID3"[..], &info, b"\x86\0\0\x02ab\xff", &[flags]].concat();
            let (header, frames) = header(&mut Cursor::new(&file), 3).unwrap().unwrap();
            assert_eq!(frames, 3 + 42 + 6);
            assert_eq!(header[..8], *b"fLaC\x80\0\0\x22");
            assert_eq!(header[8..10], expected);
            assert_eq!(header[10..], info[10..]);
        }
        assert!(header(&mut Cursor::new(b"fLaC"), 0).unwrap().is_none());
    }
}
