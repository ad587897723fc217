//! Temporary files of recordings that are fetched, copied or decoded.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::{NamedTempFile, TempPath};

use crate::disk_space::{MinFree, Reservation};

/// Where recordings are written while they are processed.
#[derive(Clone, Debug)]
pub(crate) struct TempFiles {
    /// `None` for that of the system.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) min_free: MinFree,
}

impl TempFiles {
    /// Creates a file, if there is space for the bytes that are announced. The space is reserved as they are written.
    ///
    /// # Errors
    ///
    /// Returns [`StorageFull`](io::ErrorKind::StorageFull) if there is no space.
    pub(crate) fn create(&self, announced_bytes: u64) -> io::Result<RecordingFile> {
        let system;
        let folder: &Path = match &self.folder {
            Some(folder) => folder,
            None => {
                system = std::env::temp_dir();
                &system
            }
        };
        let space = Reservation::new(folder, self.min_free, announced_bytes)?;
        let mut builder = tempfile::Builder::new();
        Ok(RecordingFile {
            file: builder.prefix("recording-").tempfile_in(folder)?,
            space,
        })
    }
}

/// A recording that is written to a temporary file, which is deleted on drop.
#[derive(Debug)]
pub(crate) struct RecordingFile {
    file: NamedTempFile,
    space: Reservation,
}

impl RecordingFile {
    /// Appends a part, on a thread for blocking work.
    pub(crate) async fn append(mut self, part: Bytes) -> io::Result<Self> {
        let append = move || self.write_all(&part).map(|()| self);
        tokio::task::spawn_blocking(append)
            .await
            .map_err(io::Error::other)?
    }

    /// Closes the file.
    pub(crate) fn into_path(self) -> TempPath {
        self.file.into_temp_path()
    }
}

impl Write for RecordingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.space.ensure(bytes.len() as u64)?;
        let written = self.file.write(bytes)?;
        self.space.written(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
