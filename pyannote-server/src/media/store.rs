//! Where uploaded media are stored.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::Stream;
use http::Method;
use tempfile::TempPath;

use super::MediaKey;
use super::folder::Folder;

/// How long media are kept.
pub(super) const RETENTION: Duration = Duration::from_secs(48 * 60 * 60);

/// Uploaded media of all teams. Clones share them.
#[derive(Clone, Debug)]
pub struct MediaStore(Backend);

/// The place of the media.
#[derive(Clone, Debug)]
enum Backend {
    Folder(Folder),
}

/// Result of an upload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UploadOutcome {
    /// The media were stored. With their size, in bytes.
    Stored(u64),
    /// The upload exceeded the size limit. It was discarded, and existing media with the same key are unchanged.
    TooLarge,
}

/// Media as a file on this machine. A temporary copy is deleted on drop.
#[derive(Debug)]
pub struct MediaFile(FileKind);

#[derive(Debug)]
enum FileKind {
    Stored(PathBuf),
    Temporary(TempPath),
}

impl MediaStore {
    /// Opens the folder at `root`, and creates it if it does not exist. On Unix, only the owner can access it and its
    /// files.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder cannot be created.
    pub fn folder(root: impl Into<PathBuf>) -> io::Result<Self> {
        Ok(Self(Backend::Folder(Folder::open(root.into())?)))
    }

    /// Returns a team's media as a file, if they exist.
    ///
    /// # Errors
    ///
    /// Returns an error if the media cannot be read.
    pub async fn find(&self, team: &str, key: &MediaKey) -> io::Result<Option<MediaFile>> {
        match &self.0 {
            Backend::Folder(folder) => Ok(folder.find(team, key).await.map(MediaFile::from)),
        }
    }

    /// Returns whether a team's media exist.
    ///
    /// # Errors
    ///
    /// Returns an error if the storage cannot be reached.
    pub async fn contains(&self, team: &str, key: &MediaKey) -> io::Result<bool> {
        match &self.0 {
            Backend::Folder(folder) => Ok(folder.find(team, key).await.is_some()),
        }
    }

    /// Stores media of at most `max_bytes`, atomically and durably.
    ///
    /// # Errors
    ///
    /// Returns an error if the stream fails or the media cannot be written. The upload is then discarded.
    pub async fn store<E>(
        &self,
        team: &str,
        key: &MediaKey,
        max_bytes: u64,
        body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> io::Result<UploadOutcome>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match &self.0 {
            Backend::Folder(folder) => folder.store(team, key, max_bytes, body).await,
        }
    }

    /// Deletes media and incomplete uploads that are older than 48 h at the time `now`. Returns how many were deleted.
    ///
    /// # Errors
    ///
    /// Returns an error if the media cannot be listed. What cannot be deleted is skipped.
    pub async fn delete_expired(&self, now: SystemTime) -> io::Result<usize> {
        match &self.0 {
            Backend::Folder(folder) => folder.delete_expired(now).await,
        }
    }

    /// Returns a URL of the storage itself that allows `method` on the media for `lifetime`. `None` if clients cannot reach
    /// the storage: then the server signs a URL of its own, and transfers the media.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL cannot be signed.
    pub(crate) async fn presigned_url(
        &self,
        method: &Method,
        team: &str,
        key: &MediaKey,
        lifetime: Duration,
    ) -> io::Result<Option<String>> {
        let _ = (method, team, key, lifetime);
        match &self.0 {
            Backend::Folder(_) => Ok(None),
        }
    }
}

impl MediaFile {
    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match &self.0 {
            FileKind::Stored(path) => path,
            FileKind::Temporary(path) => path,
        }
    }
}

impl From<PathBuf> for MediaFile {
    /// A file that remains.
    fn from(path: PathBuf) -> Self {
        Self(FileKind::Stored(path))
    }
}

impl From<TempPath> for MediaFile {
    /// A file that is deleted on drop.
    fn from(path: TempPath) -> Self {
        Self(FileKind::Temporary(path))
    }
}
