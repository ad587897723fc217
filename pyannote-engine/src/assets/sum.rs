//! SHA-256 sums, in hexadecimal.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::AssetsError;

/// How much of a file is read at once, in bytes.
const BLOCK: usize = 1 << 16;

/// The sum of these bytes.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The sum of a file.
pub(super) fn of_file(path: &Path) -> io::Result<String> {
    let mut file = BufReader::with_capacity(BLOCK, File::open(path)?);
    let mut hasher = Sha256::new();
    loop {
        let block = file.fill_buf()?;
        if block.is_empty() {
            return Ok(hex::encode(hasher.finalize()));
        }
        hasher.update(block);
        let read = block.len();
        file.consume(read);
    }
}

/// Whether a file has this sum.
pub(super) fn check(path: &Path, expected: &str) -> Result<(), AssetsError> {
    let got = of_file(path).map_err(|error| AssetsError::io(path, error))?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    compare(&name.to_string_lossy(), expected, got)
}

/// Whether the sum of what is named so is the expected one.
pub(super) fn compare(name: &str, expected: &str, got: String) -> Result<(), AssetsError> {
    if got == expected {
        return Ok(());
    }
    Err(AssetsError::WrongSum {
        file: name.to_owned(),
        expected: expected.to_owned(),
        got,
    })
}
