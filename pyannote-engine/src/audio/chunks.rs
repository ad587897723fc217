//! What the readers of headers share.

use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};

/// A size of at least this many bytes that exceeds the file is a placeholder of a recorder that cannot seek.
const MIN_PLACEHOLDER_BYTES: u64 = 1 << 30;

/// Fills `buffer` from a position, or returns `false` if the file ends before.
pub(super) fn read_at(file: &mut (impl Read + Seek), at: u64, buffer: &mut [u8]) -> Result<bool> {
    match file.seek(SeekFrom::Start(at)) {
        // The system refuses a position beyond those of all files: a damaged size leads to it.
        Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(false),
        sought => sought?,
    };
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

/// `N` words of 32 bits at a position, big-endian, or `None` if the file ends before the last one.
pub(super) fn words_at<const N: usize>(
    file: &mut (impl Read + Seek),
    at: u64,
) -> Result<Option<[u32; N]>> {
    let mut words = [[0; 4]; N];
    let is_read = read_at(file, at, words.as_flattened_mut())?;
    Ok(is_read.then(|| words.map(u32::from_be_bytes)))
}

/// Whether the system could not read the file. Other errors come from the demuxer, or from a position that the system
/// refuses because a damaged size leads to it.
pub(super) fn is_failure_to_read(error: &Error) -> bool {
    error.raw_os_error().is_some() && error.kind() != ErrorKind::InvalidInput
}

/// Whether the size of a chunk of samples is a placeholder, if the file has `available` bytes from its start on.
pub(super) fn is_placeholder(size: u64, available: u64) -> bool {
    size == 0 || size == u64::from(u32::MAX) || (size >= MIN_PLACEHOLDER_BYTES && size > available)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_beyond_all_files_is_beyond_the_end() {
        let mut file = tempfile::tempfile().unwrap();
        for at in [1, 1 << 40, 1 << 59, i64::MAX as u64, u64::MAX] {
            assert_eq!(bytes_at::<1>(&mut file, at).unwrap(), None, "{at}");
        }
    }
}
