//! What the readers of headers share.

use std::io::{ErrorKind, Read, Result, Seek, SeekFrom};

/// A size of at least this many bytes that exceeds the file is a placeholder of a recorder that cannot seek.
const MIN_PLACEHOLDER_BYTES: u64 = 1 << 30;

/// Fills `buffer` from a position, or returns `false` if the file ends before.
pub(super) fn read_at(file: &mut (impl Read + Seek), at: u64, buffer: &mut [u8]) -> Result<bool> {
    file.seek(SeekFrom::Start(at))?;
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The `N` bytes at a position, or `None` if the file ends before the last one.
pub(super) fn bytes_at<const N: usize>(
    file: &mut (impl Read + Seek),
    at: u64,
) -> Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    Ok(read_at(file, at, &mut bytes)?.then_some(bytes))
}

/// Whether the size of a chunk of samples is a placeholder, if the file has `available` bytes from its start on.
pub(super) fn is_placeholder(size: u64, available: u64) -> bool {
    size == 0 || size == u64::from(u32::MAX) || (size >= MIN_PLACEHOLDER_BYTES && size > available)
}
