//! The key of a recording that was given none: its content's own digest, so that the same content has the same key.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use sha2::{Digest, Sha256};

use super::CHUNK;

/// The key of content with this digest, in hex.
pub(super) fn key(digest: &str, extension: Option<&str>) -> String {
    match extension {
        Some(extension) => format!("sha256/{digest}.{extension}"),
        None => format!("sha256/{digest}"),
    }
}

/// The SHA-256 of a file, in hex, and its length in bytes. `alive` is asked between chunks: a gigabyte takes seconds,
/// and nobody may be waiting any more.
pub(super) fn of_file(
    path: &std::path::Path,
    alive: impl Fn() -> bool,
) -> io::Result<(String, u64)> {
    digest(std::fs::File::open(path)?, alive)
}

/// The SHA-256 of bytes, in hex, and their length.
pub(super) fn of_bytes(bytes: Bytes, alive: impl Fn() -> bool) -> io::Result<(String, u64)> {
    digest(bytes.reader(), alive)
}

fn digest(mut reader: impl Read, alive: impl Fn() -> bool) -> io::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut length: u64 = 0;
    while alive() {
        let read = match reader.read(&mut buffer) {
            Ok(0) => return Ok((hex::encode(hasher.finalize()), length)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(buffer.get(..read).unwrap_or_default());
        length = length.saturating_add(read as u64);
    }
    Err(io::Error::other("nobody waits for the digest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_digest_of_a_file_is_that_of_its_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let digest = (ABC.to_owned(), 3);
        assert_eq!(of_file(file.path(), || true).unwrap(), digest);
        assert_eq!(
            of_bytes(Bytes::from_static(b"abc"), || true).unwrap(),
            digest
        );
    }

    #[test]
    fn keys_are_keys() {
        assert_eq!(key(ABC, Some("wav")), format!("sha256/{ABC}.wav"));
        assert_eq!(key(ABC, None), format!("sha256/{ABC}"));
        crate::MediaUrl::from_key(&key(ABC, Some("wav"))).unwrap();
    }

    #[test]
    fn ends_when_nobody_waits() {
        of_bytes(Bytes::from_static(b"abc"), || false).unwrap_err();
    }
}
