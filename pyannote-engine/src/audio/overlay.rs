//! A file with corrections of headers that the demuxer rejects. They are applied in memory.

use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

use super::correct::Correction;

/// The first bytes of a file, with corrections.
pub(super) struct Overlay {
    file: File,
    bytes: u64,
    at: u64,
    /// Sorted by position.
    corrections: Vec<Correction>,
}

impl Overlay {
    /// Reads the first `bytes` bytes of `file`. The corrections must not overlap.
    pub(super) fn new(
        mut file: File,
        bytes: u64,
        mut corrections: Vec<Correction>,
    ) -> Result<Self> {
        file.rewind()?;
        corrections.sort_by_key(|correction| correction.at);
        Ok(Self {
            file,
            bytes,
            at: 0,
            corrections,
        })
    }
}

impl Read for Overlay {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let left = self.bytes.saturating_sub(self.at);
        let size = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let (buffer, _) = buffer.split_at_mut(size);
        let count = self.file.read(buffer)?;
        let end = self.at + count as u64;
        let is_before = |correction: &Correction| correction.end() <= self.at;
        let first = self.corrections.partition_point(is_before);
        let rest = self.corrections.iter().skip(first);
        for Correction { at, bytes } in rest.take_while(|correction| correction.at < end) {
            for (position, byte) in (*at..).zip(bytes) {
                let offset = position.checked_sub(self.at).map(usize::try_from);
                if let Some(Ok(offset)) = offset
                    && offset < count
                    && let Some(target) = buffer.get_mut(offset)
                {
                    *target = *byte;
                }
            }
        }
        self.at = end;
        Ok(count)
    }
}

impl Seek for Overlay {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let to = match to {
            SeekFrom::End(offset) => SeekFrom::Start(self.bytes.saturating_add_signed(offset)),
            other => other,
        };
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}

impl MediaSource for Overlay {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corrections_apply_wherever_a_read_starts() {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, b"0123456789").unwrap();
        let correction = |at, bytes: &[u8]| Correction {
            at,
            bytes: bytes.to_vec(),
        };
        let corrections = vec![correction(8, b"xyz"), correction(2, b"ab")];
        let mut overlay = Overlay::new(file, 9, corrections).unwrap();
        for (from, expected) in [(0, "01ab4567x"), (3, "b4567x"), (9, "")] {
            overlay.seek(SeekFrom::Start(from)).unwrap();
            let mut text = String::new();
            overlay.read_to_string(&mut text).unwrap();
            assert_eq!(text, expected);
        }
        assert_eq!(overlay.seek(SeekFrom::End(-1)).unwrap(), 8);
    }
}
