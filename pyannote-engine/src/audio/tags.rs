//! Tags before and after the samples of MP3, AAC and FLAC: ID3 and APE.

use std::io::{Read, Result, Seek};
use std::ops::Range;

use super::chunks::bytes_at;

/// Maximum number of tags.
const MAX_TAGS: usize = 100;

/// The positions of the samples of a file of `bytes` bytes.
pub(super) fn between(file: &mut (impl Read + Seek), bytes: u64) -> Result<Range<u64>> {
    let start = start(file, bytes)?;
    Ok(start..end(file, start, bytes)?)
}

/// The position before the tags at the end: ID3v1 and APE.
fn end(file: &mut (impl Read + Seek), start: u64, bytes: u64) -> Result<u64> {
    let mut end = bytes;
    for _ in 0..MAX_TAGS {
        let before = |length: u64| end.checked_sub(length).filter(|at| *at >= start);
        if let Some(at) = before(128)
            && bytes_at::<3>(file, at)?.as_ref() == Some(b"TAG")
        {
            end = at;
            continue;
        }
        let Some(at) = before(32) else {
            break;
        };
        let Some([b'A', b'P', b'E', b'T', b'A', b'G', b'E', b'X', fields @ ..]) =
            bytes_at::<32>(file, at)?
        else {
            break;
        };
        let [_, _, _, _, s0, s1, s2, s3, _, _, _, _, _, _, _, flags, ..] = fields;
        // The size includes the footer, but not the header.
        let header = if flags & 0x80 != 0 { 32 } else { 0 };
        let size = u64::from(u32::from_le_bytes([s0, s1, s2, s3])).max(32) + header;
        let Some(at) = before(size) else {
            break;
        };
        end = at;
    }
    Ok(end)
}

/// The position after the tags at the start: ID3v2, which may have large pictures, and APE.
fn start(file: &mut (impl Read + Seek), bytes: u64) -> Result<u64> {
    let mut at = 0;
    for _ in 0..MAX_TAGS {
        if let Some(
            [
                b'A',
                b'P',
                b'E',
                b'T',
                b'A',
                b'G',
                b'E',
                b'X',
                _,
                _,
                _,
                _,
                size @ ..,
            ],
        ) = bytes_at::<16>(file, at)?
        {
            // The size does not include the header.
            let end = at + 32 + u64::from(u32::from_le_bytes(size));
            if end >= bytes {
                break;
            }
            at = end;
            continue;
        }
        let Some([b'I', b'D', b'3', version, _, flags, size @ ..]) = bytes_at::<10>(file, at)?
        else {
            break;
        };
        // Each byte has 7 bits.
        let size = size
            .iter()
            .fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
        let has_footer = version >= 4 && flags & 0x10 != 0;
        let end = at + 10 + size + if has_footer { 10 } else { 0 };
        if end >= bytes {
            break;
        }
        at = end;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn positions(file: &[u8]) -> Range<u64> {
        between(&mut Cursor::new(file), file.len() as u64).unwrap()
    }

    #[test]
    fn tags_are_skipped() {
        let tag = b"ID3\x03\0\0\0\0\0\x02ab";
        let with_footer = b"ID3\x04\0\x10\0\0\0\x013DI\x04\0\x10\0\0\0\x01x";
        let fields = [2_000_u32, 40, 1, 0xa000_0000].map(u32::to_le_bytes);
        let ape_header = [&b"APETAGEX"[..], fields.as_flattened(), &[0; 8]].concat();
        for (file, expected) in [
            (&b""[..], 0..0),
            (b"fLaC", 0..4),
            (&[&tag[..], b"rest"].concat(), 12..16),
            (&[&tag[..], with_footer, b"rest"].concat(), 33..37),
            (
                &[&ape_header, &[b'x'; 40][..], &tag[..], b"rest"].concat(),
                84..88,
            ),
            // The size exceeds the file.
            (&tag[..], 0..12),
            (&ape_header, 0..32),
        ] {
            assert_eq!(positions(file), expected, "{file:?}");
        }
    }

    #[test]
    fn tags_at_the_end_are_removed() {
        let id3 = [&b"TAG"[..], &[b' '; 125]].concat();
        let ape = |has_header: bool, size: u32| {
            let flags = if has_header { 0x8000_0000_u32 } else { 0 };
            let fields = [2_000, size, 1, flags].map(u32::to_le_bytes).concat();
            [&b"APETAGEX"[..], &fields, &[0; 8]].concat()
        };
        let with_header = [&[b'x'; 32 + 10][..], &ape(true, 42)].concat();
        for (tags, length) in [
            (vec![], 0),
            (id3.clone(), 128),
            (ape(false, 32), 32),
            (with_header.clone(), 74),
            ([with_header, id3].concat(), 202),
            // The size exceeds the file.
            (ape(false, 1_000), 0),
        ] {
            let file = [&[b's'; 300][..], &tags].concat();
            let end = file.len() as u64 - length;
            assert_eq!(positions(&file), 0..end, "{tags:?}");
        }
    }
}
