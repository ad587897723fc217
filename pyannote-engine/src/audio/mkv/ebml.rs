//! Elements of EBML, the syntax of Matroska.

use std::io::{ErrorKind, Read, Result};

/// The header of an element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Element {
    pub(super) id: u32,
    /// Size of the content in bytes, or `None` if it is unknown.
    pub(super) size: Option<u64>,
}

/// Reads the header of an element, or returns `None` if there is no valid one.
///
/// # Errors
///
/// Fails if the file cannot be read, and with an unexpected end of file if it ends.
pub(super) fn read_element(source: &mut impl Read) -> Result<Option<Element>> {
    let mut bytes = [0; 12];
    let (first, _) = bytes.split_at_mut(1);
    source.read_exact(first)?;
    let id_length = usize::try_from(first.first().map_or(0, |byte| byte.leading_zeros()) + 1);
    let id_length = id_length.unwrap_or_default();
    if id_length > 4 {
        return Ok(None);
    }
    // The rest of the identifier, and the first byte of the size.
    source.read_exact(&mut bytes[1..=id_length])?;
    let size_length = usize::try_from(bytes[id_length].leading_zeros()).unwrap_or_default() + 1;
    if size_length > 8 {
        return Ok(None);
    }
    let end = id_length + size_length;
    source.read_exact(&mut bytes[id_length + 1..end])?;
    let id = bytes[..id_length]
        .iter()
        .fold(0, |id, byte| id << 8 | u32::from(*byte));
    let size = number(&bytes[id_length..end]).map(|(size, _)| size);
    Ok(Some(Element {
        id,
        size: size.flatten(),
    }))
}

/// A number of variable length at the start of `bytes`, or `None` instead of it if it is unknown, and the bytes after it.
pub(super) fn number(bytes: &[u8]) -> Option<(Option<u64>, &[u8])> {
    let length = usize::try_from(bytes.first()?.leading_zeros()).ok()? + 1;
    let (number, rest) = bytes.split_at_checked(length.min(9))?;
    if length > 8 {
        return None;
    }
    let mask = u64::MAX >> (64 - 7 * length);
    let value = unsigned(number) & mask;
    Some(((value != mask).then_some(value), rest))
}

/// The elements within `content`, to the first invalid one. The last one may be incomplete.
pub(super) fn children(content: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let element = read_element(&mut rest).ok()??;
        let size = element.size.and_then(|size| usize::try_from(size).ok());
        let (child, after) = rest.split_at(size.unwrap_or(usize::MAX).min(rest.len()));
        rest = after;
        Some((element.id, child))
    })
}

/// An unsigned number, big-endian: its last 8 bytes if it is longer.
pub(super) fn unsigned(content: &[u8]) -> u64 {
    content
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// A signed number, big-endian.
pub(super) fn signed(content: &[u8]) -> i64 {
    let unused = 64 - 8 * content.len().clamp(1, 8);
    (unsigned(content) << unused).cast_signed() >> unused
}

/// A float of 32 or 64 bits.
pub(super) fn float(content: &[u8]) -> Option<f64> {
    match content.len() {
        4 => Some(f64::from(f32::from_be_bytes(content.try_into().ok()?))),
        8 => Some(f64::from_be_bytes(content.try_into().ok()?)),
        _ => None,
    }
}

/// Whether an error is an unexpected end of the file.
pub(super) fn is_end(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::UnexpectedEof
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        for (bytes, id, size) in [
            (&b"\xe7\x81"[..], 0xe7, Some(1)),
            (b"\x1a\x45\xdf\xa3\x40\x02", 0x1a45_dfa3, Some(2)),
            (b"\x1f\x43\xb6\x75\xff", 0x1f43_b675, None),
            (
                b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff",
                0x1853_8067,
                None,
            ),
            (b"\xec\x01\0\0\0\0\0\x01\0", 0xec, Some(256)),
        ] {
            let element = read_element(&mut &bytes[..]).unwrap();
            assert_eq!(element, Some(Element { id, size }), "{bytes:x?}");
        }
        for invalid in [&b"\x08\0\0"[..], b"\xe7\0\0"] {
            assert_eq!(read_element(&mut &invalid[..]).unwrap(), None);
        }
        assert!(is_end(&read_element(&mut &b"\x1f\x43"[..]).unwrap_err()));
    }

    #[test]
    fn numbers() {
        assert_eq!(signed(b"\xff"), -1);
        assert_eq!(signed(b"\x7f\xff"), 32_767);
        assert_eq!(signed(b""), 0);
        assert_eq!(unsigned(b"\x01\0"), 256);
        assert_eq!(float(&1.5_f32.to_be_bytes()), Some(1.5));
        assert_eq!(float(b""), None);
        assert_eq!(number(b"\x81\x07"), Some((Some(1), &b"\x07"[..])));
        assert_eq!(number(b"\xff"), Some((None, &b""[..])));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0\0"), None);
    }

    #[test]
    fn children_end_with_their_parent() {
        let all: Vec<_> = children(b"\xe7\x81\x05\xec\x80\xa3\x84ab").collect();
        let expected = [(0xe7, &b"\x05"[..]), (0xec, b""), (0xa3, b"ab")];
        assert_eq!(all, expected);
    }
}
