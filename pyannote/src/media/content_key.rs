//! Content-addressed media keys: identical content gets the same key.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use sha2::{Digest, Sha256};

use super::CHUNK_BYTES;

/// The media key for content with this SHA-256 in hex.
pub(super) fn content_key(digest: &str, extension: Option<&str>) -> String {
    match extension {
        Some(extension) => format!("sha256/{digest}.{extension}"),
        None => format!("sha256/{digest}"),
    }
}

/// The SHA-256 of a file in hex, and its length in bytes.
///
/// Fails as soon as `is_awaited` returns false. It is checked between chunks, because a gigabyte takes seconds and the
/// caller may be gone.
pub(super) fn digest_file(
    path: &std::path::Path,
    is_awaited: impl Fn() -> bool,
) -> io::Result<(String, u64)> {
    digest(std::fs::File::open(path)?, is_awaited)
}

/// [`digest_file`] for bytes in memory.
pub(super) fn digest_bytes(
    bytes: Bytes,
    is_awaited: impl Fn() -> bool,
) -> io::Result<(String, u64)> {
    digest(bytes.reader(), is_awaited)
}

fn digest(mut reader: impl Read, is_awaited: impl Fn() -> bool) -> io::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut length: u64 = 0;
    while is_awaited() {
        let read = match reader.read(&mut buffer) {
            Ok(0) => return Ok((hex::encode(hasher.finalize()), length)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..read]);
        length += read as u64;
    }
    Err(io::Error::other("the digest was canceled"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn file_and_bytes_have_the_same_digest() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let digest = (ABC.to_owned(), 3);
        assert_eq!(digest_file(file.path(), || true).unwrap(), digest);
        assert_eq!(
            digest_bytes(Bytes::from_static(b"abc"), || true).unwrap(),
            digest
        );
    }

    #[test]
    fn content_keys_are_valid_media_keys() {
        assert_eq!(content_key(ABC, Some("wav")), format!("sha256/{ABC}.wav"));
        assert_eq!(content_key(ABC, None), format!("sha256/{ABC}"));
        crate::MediaUrl::from_key(&content_key(ABC, Some("wav"))).unwrap();
    }

    #[test]
    fn digest_stops_when_canceled() {
        digest_bytes(Bytes::from_static(b"abc"), || false).unwrap_err();
    }
}
