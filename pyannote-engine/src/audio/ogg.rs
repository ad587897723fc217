//! What the demuxer of Ogg does not report: whether the end of the file is missing, and codecs without a decoder.

use std::io::{Read, Result, Seek, SeekFrom};

use super::chunks::bytes_at;

/// The marker of a page.
const MARKER: &[u8; 4] = b"OggS";
/// Maximum size of a page, in bytes.
const MAX_PAGE_BYTES: u64 = 65_307;
/// Size of the header of a page before the sizes of its segments, in bytes.
const HEADER_BYTES: usize = 27;

/// Whether a file that starts with these bytes is an Ogg file.
pub(super) fn is_ogg(start: &[u8]) -> bool {
    start.starts_with(MARKER)
}

/// Whether the last page of a file of `bytes` bytes is incomplete.
pub(super) fn is_truncated(file: &mut (impl Read + Seek), bytes: u64) -> Result<bool> {
    file.seek(SeekFrom::Start(bytes.saturating_sub(MAX_PAGE_BYTES)))?;
    let mut end = Vec::new();
    file.take(MAX_PAGE_BYTES).read_to_end(&mut end)?;
    let last = end.windows(4).rposition(|bytes| bytes == MARKER);
    let page = last.and_then(|at| end.get(at..)).unwrap_or_default();
    let complete = page.get(HEADER_BYTES - 1).and_then(|count| {
        let sizes = page.get(HEADER_BYTES..HEADER_BYTES + usize::from(*count))?;
        let size: usize = sizes.iter().map(|size| usize::from(*size)).sum();
        page.get(HEADER_BYTES + sizes.len() + size..)
    });
    Ok(match complete {
        // The start of another page.
        Some(rest) => !rest.is_empty() && MARKER.starts_with(rest),
        None => !page.is_empty(),
    })
}

/// The name of the codec of the first stream, if it has no decoder.
pub(super) fn unsupported_codec(file: &mut (impl Read + Seek)) -> Result<Option<&'static str>> {
    // The first page has one segment.
    let packet = bytes_at::<8>(file, HEADER_BYTES as u64 + 1)?.unwrap_or_default();
    Ok(match &packet {
        b"Speex   " => Some("Speex"),
        b"CELT    " => Some("CELT"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn the_last_page_must_be_complete() {
        let page = [&b"OggS"[..], &[0; 22], &[2, 255, 3], &[7; 258]].concat();
        let pages = page.repeat(3);
        for (missing, expected) in [
            (0, false),
            (1, true),
            (258, true),
            (280, true),
            (page.len() - 2, true),
            (page.len(), false),
        ] {
            let file = &pages[..pages.len() - missing];
            let found = is_truncated(&mut Cursor::new(file), file.len() as u64).unwrap();
            assert_eq!(found, expected, "{missing}");
        }
        // What follows the last page does not matter.
        let file = [&pages[..], &[0; 100]].concat();
        assert!(!is_truncated(&mut Cursor::new(&file), file.len() as u64).unwrap());
    }

    #[test]
    fn codecs_without_a_decoder_have_names() {
        for (packet, expected) in [
            (b"Speex   1.2", Some("Speex")),
            (b"OpusHead\x01\x02\x38", None),
        ] {
            let page = [&b"OggS"[..], &[0; 22], &[1, 11], packet].concat();
            let name = unsupported_codec(&mut Cursor::new(&page)).unwrap();
            assert_eq!(name, expected);
        }
        assert_eq!(unsupported_codec(&mut Cursor::new(b"OggS")).unwrap(), None);
    }
}
