//! ID3v2 tags before the samples, of every format.

use std::io::{Read, Result, Seek};

use super::chunks::bytes_at;

/// Maximum number of tags.
const MAX_TAGS: usize = 100;

/// The position after the tags at the start of a file of `bytes` bytes, which may have large pictures.
pub(super) fn end(file: &mut (impl Read + Seek), bytes: u64) -> Result<u64> {
    let mut at = 0;
    for _ in 0..MAX_TAGS {
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

    #[test]
    fn tags_are_skipped() {
        let tag = b"ID3\x03\0\0\0\0\0\x02ab";
        let with_footer = b"ID3\x04\0\x10\0\0\0\x013DI\x04\0\x10\0\0\0\x01x";
        for (file, expected) in [
            (&b""[..], 0),
            (b"fLaC", 0),
            (&[&tag[..], b"rest"].concat(), 12),
            (&[&tag[..], with_footer, b"rest"].concat(), 33),
            // The size exceeds the file.
            (&tag[..], 0),
        ] {
            let bytes = file.len() as u64;
            assert_eq!(
                end(&mut Cursor::new(file), bytes).unwrap(),
                expected,
                "{file:?}"
            );
        }
    }
}
