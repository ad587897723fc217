//! Where uploaded media are stored.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::Stream;
use http::Method;
use tempfile::TempPath;

#[cfg(feature = "s3")]
use super::bucket::Bucket;
use super::folder::Folder;
use super::{MediaKey, StorageLimits};
#[cfg(feature = "s3")]
use crate::recording_file::TempFiles;

/// How long media are kept.
pub(super) const RETENTION: Duration = Duration::from_secs(48 * 60 * 60);

/// Uploaded media of all teams. Clones share them.
#[derive(Clone, Debug)]
pub struct MediaStore(Backend);

/// The place of the media.
#[derive(Clone, Debug)]
enum Backend {
    Folder(Folder),
    #[cfg(feature = "s3")]
    Bucket(Bucket),
}

/// Why a bucket cannot be used. The message says how to fix it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// The URL is not that of a bucket and a prefix.
    #[error(
        "the bucket must be given as s3://BUCKET/PREFIX: what is below the prefix is deleted after 48 h"
    )]
    InvalidUrl,
    /// The feature `s3` is disabled.
    #[error("this program was built without support for S3: enable the feature `s3`")]
    Disabled,
    /// The bucket does not exist, the credentials are missing or rejected, or the storage does not respond.
    #[error(
        "cannot reach the bucket (it is configured by variables such as AWS_ACCESS_KEY_ID and AWS_ENDPOINT_URL)"
    )]
    Unreachable(#[source] io::Error),
}

/// Result of an upload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum UploadOutcome {
    /// The media were stored. With their size, in bytes.
    Stored(u64),
    /// The upload exceeded the size limit. It was discarded, as after all other rejections, and existing media with the
    /// same key are unchanged.
    TooLarge,
    /// All media of the team together would exceed [`StorageLimits::team_bytes`].
    TeamLimit,
    /// The disk has less free space than [`StorageLimits::free_bytes`].
    DiskFull,
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
    pub fn folder(root: impl Into<PathBuf>, limits: StorageLimits) -> io::Result<Self> {
        let folder = Folder::open(root.into(), limits)?;
        Ok(Self(Backend::Folder(folder)))
    }

    /// Connects to a bucket of S3 or of a storage with the same interface, given as `s3://bucket/prefix` (feature `s3`).
    /// All servers and workers that share a job store can share it. Clients upload to the bucket directly, with its own
    /// pre-signed URLs.
    ///
    /// Credentials, region and endpoint come from the usual environment variables: `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`, or else from the machine that this runs on. The bucket
    /// must exist. **Everything below the prefix is deleted after 48 h.**
    ///
    /// # Errors
    ///
    /// Returns [`BucketError`] if the URL is invalid, the bucket cannot be listed, or the feature is disabled.
    ///
    /// ```
    /// use pyannote_server::media::MediaStore;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let error = MediaStore::bucket("s3://recordings").await.unwrap_err();
    /// # #[cfg(feature = "s3")]
    /// assert!(error.to_string().contains("s3://BUCKET/PREFIX"));
    /// # }
    /// ```
    pub async fn bucket(url: &str) -> Result<Self, BucketError> {
        #[cfg(feature = "s3")]
        return Ok(Self(Backend::Bucket(Bucket::connect(url).await?)));
        #[cfg(not(feature = "s3"))]
        {
            let _ = url;
            Err(BucketError::Disabled)
        }
    }

    /// Sets the limits of copies of media in a bucket, which clients upload without a check.
    #[cfg(feature = "s3")]
    pub(crate) fn copies(mut self, max_bytes: u64, temp_files: TempFiles) -> Self {
        if let Backend::Bucket(bucket) = &mut self.0 {
            bucket.max_bytes = max_bytes;
            bucket.temp_files = temp_files;
        }
        self
    }

    /// Whether the media are files on this machine.
    #[cfg(feature = "engine")]
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.0, Backend::Folder(_))
    }

    /// Returns a team's media as a file, if they exist.
    ///
    /// # Errors
    ///
    /// Returns an error if the media cannot be read.
    pub async fn find(&self, team: &str, key: &MediaKey) -> io::Result<Option<MediaFile>> {
        match &self.0 {
            Backend::Folder(folder) => Ok(folder.find(team, key).await.map(MediaFile::from)),
            #[cfg(feature = "s3")]
            Backend::Bucket(bucket) => bucket.find(team, key).await,
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
            #[cfg(feature = "s3")]
            Backend::Bucket(bucket) => bucket.contains(team, key).await,
        }
    }

    /// Stores media of at most `max_bytes`, atomically and durably. There must be space for `announced_bytes`, the size of
    /// the media, before the first one arrives; 0 if it is unknown. The space is reserved as they arrive.
    ///
    /// # Errors
    ///
    /// Returns an error if the stream fails or the media cannot be written. The upload is then discarded.
    pub async fn store<E>(
        &self,
        team: &str,
        key: &MediaKey,
        announced_bytes: u64,
        max_bytes: u64,
        body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> io::Result<UploadOutcome>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match &self.0 {
            Backend::Folder(folder) => {
                let stored = folder.store(team, key, announced_bytes, max_bytes, body);
                stored.await
            }
            #[cfg(feature = "s3")]
            Backend::Bucket(bucket) => bucket.store(team, key, max_bytes, body).await,
        }
    }

    /// Deletes media that are older than 48 h at the time `now`. Returns how many were deleted.
    ///
    /// # Errors
    ///
    /// Returns an error if the media cannot be listed. What cannot be deleted is skipped.
    pub async fn delete_expired(&self, now: SystemTime) -> io::Result<usize> {
        match &self.0 {
            Backend::Folder(folder) => folder.delete_expired(now).await,
            #[cfg(feature = "s3")]
            Backend::Bucket(bucket) => bucket.delete_expired(now).await,
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
            #[cfg(feature = "s3")]
            Backend::Bucket(bucket) => {
                let url = bucket.presigned_url(method, team, key, lifetime);
                Ok(Some(url.await?))
            }
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
