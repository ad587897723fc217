//! The folder that media are kept in.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

use super::MediaKey;

/// How long a medium is kept.
const KEPT: Duration = Duration::from_secs(48 * 60 * 60);
/// Where uploads are until they are whole.
const UNFINISHED: &str = "unfinished";

/// The media of all teams, in one folder. Clones share it.
///
/// The names of files are digests of the names of teams and of keys, so that no key leads out of the folder, and no
/// two keys meet on a file system that does not tell case apart.
#[derive(Clone, Debug)]
pub struct MediaFolder {
    root: PathBuf,
}

/// What became of an upload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stored {
    /// It is there, with so many bytes.
    Whole(u64),
    /// It was larger than allowed. Nothing is left of it, and what was there before still is.
    TooLarge,
}

impl MediaFolder {
    /// The folder at `root`, made where it is not there.
    ///
    /// # Errors
    ///
    /// Where it cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        std::fs::create_dir_all(root.join(UNFINISHED))?;
        Ok(Self { root })
    }

    /// Where a medium is, if it is there.
    #[must_use]
    pub fn find(&self, team: &str, key: &MediaKey) -> Option<PathBuf> {
        let path = self.path(team, key);
        path.is_file().then_some(path)
    }

    /// Stores a medium of at most `largest` bytes, whole or not at all.
    ///
    /// # Errors
    ///
    /// Where the stream breaks off, or a file cannot be written. Nothing is left of it then.
    pub async fn store<E>(
        &self,
        team: &str,
        key: &MediaKey,
        largest: u64,
        mut bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> io::Result<Stored>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let path = self.path(team, key);
        // Deleted when it is dropped, as it is where the client goes away.
        let unfinished = NamedTempFile::new_in(self.root.join(UNFINISHED))?;
        let mut file = tokio::fs::File::from_std(unfinished.reopen()?);
        let mut length: u64 = 0;
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk.map_err(io::Error::other)?;
            length = length.saturating_add(chunk.len() as u64);
            if length > largest {
                return Ok(Stored::TooLarge);
            }
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        drop(file);
        tokio::task::spawn_blocking(move || {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            unfinished.persist(&path).map_err(|error| error.error)?;
            Ok(Stored::Whole(length))
        })
        .await
        .map_err(io::Error::other)?
    }

    /// Deletes what is older than 48 h at `now`, and returns how many media that were.
    ///
    /// # Errors
    ///
    /// Where a folder cannot be read. A file that cannot be deleted is left for the next time.
    pub fn sweep(&self, now: SystemTime) -> io::Result<usize> {
        let mut deleted = 0;
        for folder in std::fs::read_dir(&self.root)? {
            let folder = folder?.path();
            if folder.is_dir() {
                deleted += sweep_folder(&folder, now)?;
            }
        }
        Ok(deleted)
    }

    fn path(&self, team: &str, key: &MediaKey) -> PathBuf {
        let digest = |text: &str| hex::encode(Sha256::digest(text.as_bytes()));
        self.root.join(digest(team)).join(digest(key.as_str()))
    }
}

fn sweep_folder(folder: &Path, now: SystemTime) -> io::Result<usize> {
    let mut deleted = 0;
    for file in std::fs::read_dir(folder)? {
        let file = file?;
        let Ok(modified) = file.metadata().and_then(|metadata| metadata.modified()) else {
            // Gone in the meantime.
            continue;
        };
        let age = now.duration_since(modified).unwrap_or_default();
        if age > KEPT && std::fs::remove_file(file.path()).is_ok() {
            deleted += 1;
        }
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
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
    async fn a_medium_is_stored_whole_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let media = MediaFolder::open(root.path()).unwrap();
        let key = MediaKey::new("a/b").unwrap();
        let part = || Ok(Bytes::from_static(b"0123"));
        let stored = media
            .store("t", &key, 8, chunks(vec![part(), part()]))
            .await;
        assert_eq!(stored.unwrap(), Stored::Whole(8));
        let stored = media
            .store("t", &key, 7, chunks(vec![part(), part()]))
            .await;
        assert_eq!(stored.unwrap(), Stored::TooLarge);
        let broken = Err(io::Error::other("gone"));
        media
            .store("t", &key, 8, chunks(vec![part(), broken]))
            .await
            .unwrap_err();
        let path = media.find("t", &key).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"01230123");
        assert_eq!(files(root.path()), 1);
        assert!(media.find("u", &key).is_none());
    }

    #[tokio::test]
    async fn old_media_are_swept() {
        let root = tempfile::tempdir().unwrap();
        let media = MediaFolder::open(root.path()).unwrap();
        let key = MediaKey::new("a").unwrap();
        media.store("t", &key, 8, chunks(vec![])).await.unwrap();
        let after = |hours: u64| SystemTime::now() + Duration::from_secs(hours * 3600);
        assert_eq!(media.sweep(after(47)).unwrap(), 0);
        assert!(media.find("t", &key).is_some());
        assert_eq!(media.sweep(after(49)).unwrap(), 1);
        assert!(media.find("t", &key).is_none());
    }
}
