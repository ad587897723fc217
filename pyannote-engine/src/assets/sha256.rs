//! SHA-256 digests, in hexadecimal.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::AssetsError;

const BUFFER_BYTES: usize = 1 << 16;

/// The digest of bytes.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The digest of a file.
pub(crate) fn of_file(path: &Path) -> io::Result<String> {
    let mut file = BufReader::with_capacity(BUFFER_BYTES, File::open(path)?);
    let mut hasher = Sha256::new();
    loop {
        let buffer = file.fill_buf()?;
        if buffer.is_empty() {
            return Ok(hex::encode(hasher.finalize()));
        }
        hasher.update(buffer);
        let read = buffer.len();
        file.consume(read);
    }
}

/// Fails unless a file has the expected digest.
pub(super) fn check_file(path: &Path, expected: &str) -> Result<(), AssetsError> {
    let actual = of_file(path).map_err(|error| AssetsError::io(path, error))?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    compare(&name.to_string_lossy(), expected, actual)
}

/// Fails unless the digest of the file with this name is the expected one.
pub(super) fn compare(name: &str, expected: &str, actual: String) -> Result<(), AssetsError> {
    if actual == expected {
        return Ok(());
    }
    Err(AssetsError::WrongDigest {
        file: name.to_owned(),
        expected: expected.to_owned(),
        actual,
    })
}
