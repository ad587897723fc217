//! A file some bytes of which are replaced in memory: corrections of headers that the demultiplexers refuse.

use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

use super::correct::Correction;

/// A file with corrections.
pub(super) struct Overlay {
    file: File,
    bytes: u64,
    at: u64,
    corrections: Vec<Correction>,
}

impl Overlay {
    /// Reads `file` of `bytes` bytes from its start.
    pub(super) fn new(mut file: File, bytes: u64, corrections: Vec<Correction>) -> Result<Self> {
        file.rewind()?;
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
        let count = self.file.read(buffer)?;
        for Correction { at, bytes } in &self.corrections {
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
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Overlay {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
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
