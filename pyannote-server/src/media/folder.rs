//! Folder of uploaded media.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

use super::store::{RETENTION, UploadOutcome};
use super::{MediaKey, StorageLimits};
use crate::private_files;
use crate::temp_folder::TempFolder;

/// Subfolder of uploads in progress, with a folder for each process.
const INCOMPLETE: &str = "incomplete";

/// How much of an upload is written between two looks at the free space, in bytes.
const FREE_SPACE_CHECK_BYTES: u64 = 16 << 20;

/// Folder with the media of all teams. Clones share it.
///
/// File names are digests of the team and the key. So no key can point outside the folder, and keys that differ only in
/// case remain distinct on a case-insensitive file system.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
    incomplete: Arc<TempFolder>,
    limits: StorageLimits,
    /// Held while the storage of a team is measured and a file is added to it.
    adding: Arc<Mutex<()>>,
}

impl Folder {
    /// Opens the folder, and creates it if it does not exist.
    pub(super) fn open(root: PathBuf, limits: StorageLimits) -> io::Result<Self> {
        let incomplete = TempFolder::create_in(&root.join(INCOMPLETE))?;
        private_files::restrict_all(&root)?;
        Ok(Self {
            root,
            incomplete: Arc::new(incomplete),
            limits,
            adding: Arc::default(),
        })
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
        let left_of_team = self.blocking({
            let path = path.clone();
            move |folder| folder.left_of_team(&path)
        });
        let left_of_team = left_of_team.await?;
        // Deleted on drop, also if the client disconnects.
        let incomplete = NamedTempFile::new_in(self.incomplete.path())?;
        let mut file = tokio::fs::File::from_std(incomplete.reopen()?);
        let mut bytes: u64 = 0;
        let mut next_check = 0;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(io::Error::other)?;
            bytes += chunk.len() as u64;
            if bytes > max_bytes {
                return Ok(UploadOutcome::TooLarge);
            }
            if bytes > left_of_team {
                return Ok(UploadOutcome::TeamLimit);
            }
            if bytes > next_check {
                next_check = bytes + FREE_SPACE_CHECK_BYTES;
                if self
                    .blocking(|folder| folder.limits.is_full(&folder.root))
                    .await?
                {
                    return Ok(UploadOutcome::DiskFull);
                }
            }
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        drop(file);
        self.blocking(move |folder| folder.add(incomplete, &path, bytes))
            .await
    }

    /// Adds an upload to the media of its team, unless others have been added meanwhile that leave no room for it.
    fn add(&self, file: NamedTempFile, path: &Path, bytes: u64) -> io::Result<UploadOutcome> {
        // Uploads do not wait for each other's: with the lock, there is nothing left to write.
        file.as_file().sync_all()?;
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes > self.left_of_team(path)? {
            return Ok(UploadOutcome::TeamLimit);
        }
        private_files::persist(file, path)?;
        Ok(UploadOutcome::Stored(bytes))
    }

    /// How many bytes the file at `path` may have, beside all others of its team.
    fn left_of_team(&self, path: &Path) -> io::Result<u64> {
        let (Some(folder), true) = (path.parent(), self.limits.team_bytes < u64::MAX) else {
            return Ok(u64::MAX);
        };
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(self.limits.team_bytes);
            }
            entries => entries?,
        };
        let mut used: u64 = 0;
        for entry in entries {
            let entry = entry?;
            if entry.path() != path {
                // It may have been deleted in the meantime.
                used += entry.metadata().map_or(0, |metadata| metadata.len());
            }
        }
        Ok(self.limits.team_bytes.saturating_sub(used))
    }

    /// Runs an operation on a thread for blocking work.
    async fn blocking<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let folder = self.clone();
        tokio::task::spawn_blocking(move || operation(&folder))
            .await
            .map_err(io::Error::other)?
    }

    /// Deletes media that have expired at the time `now`. Returns how many were deleted.
    pub(super) async fn delete_expired(&self, now: SystemTime) -> io::Result<usize> {
        self.blocking(move |folder| folder.delete_expired_now(now))
            .await
    }

    fn delete_expired_now(&self, now: SystemTime) -> io::Result<usize> {
        let mut deleted = 0;
        for folder in std::fs::read_dir(&self.root)? {
            let folder = folder?;
            if is_digest(&folder.file_name()) && folder.path().is_dir() {
                deleted += delete_expired_in(&folder.path(), now)?;
            }
        }
        Ok(deleted)
    }

    fn path(&self, team: &str, key: &MediaKey) -> PathBuf {
        let digest = |text: &str| hex::encode(Sha256::digest(text.as_bytes()));
        self.root.join(digest(team)).join(digest(key.as_str()))
    }
}

/// Whether a name is one that [`Folder::path`] gives. The data directory may be one that others use, too.
fn is_digest(name: &OsStr) -> bool {
    name.len() == 64 && name.to_str().is_some_and(|name| hex::decode(name).is_ok())
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
        if is_expired && is_digest(&file.file_name()) && std::fs::remove_file(file.path()).is_ok() {
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

    /// A chunk of 4 bytes.
    fn part() -> Chunk {
        Ok(Bytes::from_static(b"0123"))
    }

    fn key(key: &str) -> MediaKey {
        MediaKey::new(key).unwrap()
    }

    fn open(root: &Path, limits: StorageLimits) -> Folder {
        Folder::open(root.to_owned(), limits).unwrap()
    }

    /// Number of files, without locks.
    fn files(folder: &Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap();
        entries
            .map(|entry| match entry.unwrap().path() {
                path if path.is_dir() => files(&path),
                path => usize::from(!path.ends_with("lock")),
            })
            .sum()
    }

    #[tokio::test]
    async fn stores_media_atomically() {
        let root = tempfile::tempdir().unwrap();
        let media = open(root.path(), StorageLimits::default());
        let key = key("a/b");
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

    /// Whether `strace` is installed and may watch processes.
    #[cfg(target_os = "linux")]
    fn can_trace() -> bool {
        let mut strace = std::process::Command::new("strace");
        let output = strace
            .args(["-f", "-y", "-e", "trace=fsync", "true"])
            .output();
        let can_trace = output.is_ok_and(|output| output.status.success());
        if !can_trace {
            eprintln!(
                "SKIPPED: whether uploads are synced is not tested, since strace cannot be used"
            );
        }
        can_trace
    }

    /// The test runs itself, and watches the system calls.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_upload_is_on_the_disk_before_it_is_reported() {
        const WATCHED: &str = "PYANNOTE_TEST_WATCHED";

        if let Some(root) = std::env::var_os(WATCHED) {
            let media = open(Path::new(&root), StorageLimits::default());
            let stored = media.store("t", &key("a"), 8, chunks(vec![part()])).await;
            assert_eq!(stored.unwrap(), UploadOutcome::Stored(4));
            std::fs::create_dir(Path::new(&root).join("reported")).unwrap();
            return;
        }
        if !can_trace() {
            return;
        }
        let temp = tempfile::tempdir().unwrap();
        let (root, trace) = (temp.path().join("media"), temp.path().join("trace"));
        let mut strace = std::process::Command::new("strace");
        strace.args([
            "-f",
            "-y",
            "-e",
            "trace=fsync,rename,renameat,renameat2,mkdir,mkdirat",
            "-o",
        ]);
        strace.arg(&trace).arg(std::env::current_exe().unwrap());
        strace.args([
            "--exact",
            "media::folder::tests::an_upload_is_on_the_disk_before_it_is_reported",
        ]);
        let output = strace.env(WATCHED, &root).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let trace = std::fs::read_to_string(trace).unwrap();
        let media = Folder::open(root.clone(), StorageLimits::default()).unwrap();
        let team = media.path("t", &key("a")).parent().unwrap().to_owned();
        let (root, team) = (root.display(), team.display());
        let calls = [
            ("fsync", format!("<{root}/incomplete/")),
            ("mkdir", format!("\"{team}\"")),
            ("fsync", format!("<{root}>")),
            ("rename", format!("\"{team}/")),
            ("fsync", format!("<{team}>")),
            ("mkdir", format!("\"{root}/reported\"")),
        ];
        let mut lines = trace.lines();
        for (call, argument) in &calls {
            let found = lines.any(|line| line.contains(call) && line.contains(argument));
            assert!(found, "no {call} of {argument} in this order:\n{trace}");
        }
    }

    #[tokio::test]
    async fn deletes_media_after_48_hours() {
        let root = tempfile::tempdir().unwrap();
        let media = open(root.path(), StorageLimits::default());
        let key = key("a");
        media.store("t", &key, 8, chunks(vec![])).await.unwrap();
        let after = |hours: u64| SystemTime::now() + Duration::from_secs(hours * 3600);
        // Files of somebody else, if the data directory was not created for the server.
        let others = root.path().join("holidays");
        std::fs::create_dir(&others).unwrap();
        std::fs::write(others.join("beach.mp4"), "").unwrap();
        assert_eq!(media.delete_expired(after(47)).await.unwrap(), 0);
        assert!(media.find("t", &key).await.is_some());
        assert_eq!(media.delete_expired(after(49)).await.unwrap(), 1);
        assert!(media.find("t", &key).await.is_none());
        assert!(others.join("beach.mp4").exists());
        // The folder of uploads in progress is still there.
        media.store("t", &key, 8, chunks(vec![])).await.unwrap();
    }

    #[tokio::test]
    async fn all_media_of_a_team_have_a_limit() {
        let root = tempfile::tempdir().unwrap();
        let limits = StorageLimits {
            team_bytes: 10,
            ..StorageLimits::default()
        };
        let media = open(root.path(), limits);
        let store = async |team: &str, name: &str, parts: usize| {
            let body = chunks((0..parts).map(|_| part()).collect());
            media.store(team, &key(name), 100, body).await.unwrap()
        };
        assert_eq!(store("t", "a", 3).await, UploadOutcome::TeamLimit);
        assert_eq!(store("t", "a", 2).await, UploadOutcome::Stored(8));
        assert_eq!(store("t", "b", 1).await, UploadOutcome::TeamLimit);
        // What an upload replaces does not count, and neither do other teams.
        assert_eq!(store("t", "a", 2).await, UploadOutcome::Stored(8));
        assert_eq!(store("u", "b", 1).await, UploadOutcome::Stored(4));
        // Both may begin, and only one fits.
        let (one, two) = tokio::join!(store("v", "a", 2), store("v", "b", 2));
        let stored = [one, two].map(|outcome| outcome == UploadOutcome::Stored(8));
        assert_ne!(stored[0], stored[1], "{one:?}, {two:?}");
        assert_eq!(files(root.path()), 3);
    }
}
