//! Folder of uploaded media.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

use super::MediaKey;
use super::store::{RETENTION, UploadOutcome};
use crate::private_files;

/// Subfolder of uploads in progress.
const INCOMPLETE: &str = "incomplete";

/// Folder with the media of all teams. Clones share it.
///
/// File names are digests of the team and the key. So no key can point outside the folder, and keys that differ only in
/// case remain distinct on a case-insensitive file system.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Opens the folder, and creates it if it does not exist.
    pub(super) fn open(root: PathBuf) -> io::Result<Self> {
        private_files::create_dir(&root.join(INCOMPLETE))?;
        private_files::restrict_all(&root)?;
        Ok(Self { root })
    }

    /// Returns the path of a team's media, if they exist.
    pub(super) async fn find(&self, team: &str, key: &MediaKey) -> Option<PathBuf> {
        let path = self.path(team, key);
        let metadata = tokio::fs::metadata(&path).await;
        metadata
            .is_ok_and(|metadata| metadata.is_file())
            .then_some(path)
    }

    /// Stores media of at most `max_bytes`, atomically and durably.
    pub(super) async fn store<E>(
        &self,
        team: &str,
        key: &MediaKey,
        max_bytes: u64,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> io::Result<UploadOutcome>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let path = self.path(team, key);
        // Deleted on drop, also if the client disconnects.
        let incomplete = NamedTempFile::new_in(self.root.join(INCOMPLETE))?;
        let mut file = tokio::fs::File::from_std(incomplete.reopen()?);
        let mut bytes: u64 = 0;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(io::Error::other)?;
            bytes += chunk.len() as u64;
            if bytes > max_bytes {
                return Ok(UploadOutcome::TooLarge);
            }
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        drop(file);
        tokio::task::spawn_blocking(move || {
            if let Some(folder) = path.parent() {
                private_files::create_dir(folder)?;
            }
            private_files::persist(incomplete, &path)?;
            Ok(UploadOutcome::Stored(bytes))
        })
        .await
        .map_err(io::Error::other)?
    }

    /// Deletes media and incomplete uploads that have expired at the time `now`. Returns how many were deleted.
    pub(super) async fn delete_expired(&self, now: SystemTime) -> io::Result<usize> {
        let folder = self.clone();
        tokio::task::spawn_blocking(move || folder.delete_expired_now(now))
            .await
            .map_err(io::Error::other)?
    }

    fn delete_expired_now(&self, now: SystemTime) -> io::Result<usize> {
        let mut deleted = 0;
        for folder in std::fs::read_dir(&self.root)? {
            let folder = folder?.path();
            if folder.is_dir() {
                deleted += delete_expired_in(&folder, now)?;
            }
        }
        Ok(deleted)
    }

    fn path(&self, team: &str, key: &MediaKey) -> PathBuf {
        let digest = |text: &str| hex::encode(Sha256::digest(text.as_bytes()));
        self.root.join(digest(team)).join(digest(key.as_str()))
    }
}

fn delete_expired_in(folder: &Path, now: SystemTime) -> io::Result<usize> {
    let mut deleted = 0;
    for file in std::fs::read_dir(folder)? {
        let file = file?;
        let Ok(modified) = file.metadata().and_then(|metadata| metadata.modified()) else {
            // Deleted in the meantime.
            continue;
        };
        let is_expired = now
            .duration_since(modified)
            .is_ok_and(|age| age > RETENTION);
        if is_expired && std::fs::remove_file(file.path()).is_ok() {
            deleted += 1;
        }
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    type Chunk = Result<Bytes, io::Error>;

    fn chunks(chunks: Vec<Chunk>) -> impl Stream<Item = Chunk> + Unpin {
        futures_util::stream::iter(chunks)
    }

    fn files(folder: &Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap();
        entries
            .map(|entry| match entry.unwrap().path() {
                path if path.is_dir() => files(&path),
                _ => 1,
            })
            .sum()
    }

    #[tokio::test]
    async fn stores_media_atomically() {
        let root = tempfile::tempdir().unwrap();
        let media = Folder::open(root.path().to_owned()).unwrap();
        let key = MediaKey::new("a/b").unwrap();
        let part = || Ok(Bytes::from_static(b"0123"));
        let stored = media
            .store("t", &key, 8, chunks(vec![part(), part()]))
            .await;
        assert_eq!(stored.unwrap(), UploadOutcome::Stored(8));
        let stored = media
            .store("t", &key, 7, chunks(vec![part(), part()]))
            .await;
        assert_eq!(stored.unwrap(), UploadOutcome::TooLarge);
        let broken = Err(io::Error::other("connection reset"));
        media
            .store("t", &key, 8, chunks(vec![part(), broken]))
            .await
            .unwrap_err();
        let path = media.find("t", &key).await.unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"01230123");
        assert_eq!(files(root.path()), 1);
        assert!(media.find("u", &key).await.is_none());
    }

    #[tokio::test]
    async fn deletes_media_after_48_hours() {
        let root = tempfile::tempdir().unwrap();
        let media = Folder::open(root.path().to_owned()).unwrap();
        let key = MediaKey::new("a").unwrap();
        media.store("t", &key, 8, chunks(vec![])).await.unwrap();
        let after = |hours: u64| SystemTime::now() + Duration::from_secs(hours * 3600);
        assert_eq!(media.delete_expired(after(47)).await.unwrap(), 0);
        assert!(media.find("t", &key).await.is_some());
        assert_eq!(media.delete_expired(after(49)).await.unwrap(), 1);
        assert!(media.find("t", &key).await.is_none());
    }
}
