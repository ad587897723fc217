//! Folder of uploaded media.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

use super::quota::{Quota, QuotaShare};
use super::store::{RETENTION, UploadOutcome};
use super::{MediaKey, StorageLimits};
use crate::disk_space::{self, MinFree, Reservation};
use crate::private_files;
use crate::temp_folder::TempFolder;

/// Subfolder of uploads in progress, with a folder for each process.
const INCOMPLETE: &str = "incomplete";

/// Folder with the media of all teams. Clones share it.
///
/// File names are digests of the team and the key. So no key can point outside the folder, and keys that differ only in
/// case remain distinct on a case-insensitive file system.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
    incomplete: Arc<TempFolder>,
    min_free: MinFree,
    quota: Quota,
}

/// Space for an upload: its share of the quota of its team, and what it reserves on the disk.
struct UploadSpace {
    announced_bytes: u64,
    share: QuotaShare,
    disk: Reservation,
}

impl Folder {
    /// Opens the folder, and creates it if it does not exist.
    pub(super) fn open(root: PathBuf, limits: StorageLimits) -> io::Result<Self> {
        let incomplete = TempFolder::create_in(&root.join(INCOMPLETE))?;
        private_files::restrict_all(&root)?;
        Ok(Self {
            root,
            incomplete: Arc::new(incomplete),
            min_free: limits.min_free(),
            quota: Quota::new(limits.team_bytes),
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

    /// Stores media of at most `max_bytes`, of which `announced_bytes` are certain, atomically and durably.
    pub(super) async fn store<E>(
        &self,
        team: &str,
        key: &MediaKey,
        announced_bytes: u64,
        max_bytes: u64,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> io::Result<UploadOutcome>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let path = self.path(team, key);
        let space = self.blocking({
            let path = path.clone();
            move |folder| folder.reserve(path, announced_bytes)
        });
        let mut space = match space.await? {
            Ok(space) => space,
            Err(refused) => return Ok(refused),
        };
        // Deleted on drop, also if the client disconnects.
        let incomplete = NamedTempFile::new_in(self.incomplete.path())?;
        let mut file = tokio::fs::File::from_std(incomplete.reopen()?);
        let mut bytes: u64 = 0;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(io::Error::other)?;
            let len = chunk.len() as u64;
            if bytes + len > max_bytes {
                return Ok(UploadOutcome::TooLarge);
            }
            if !space.has(bytes, len) {
                let grown = self.blocking(move |_| space.grow(bytes, len));
                space = match grown.await? {
                    Ok(space) => space,
                    Err(refused) => return Ok(refused),
                };
            }
            file.write_all(&chunk).await?;
            space.disk.written(len);
            bytes += len;
        }
        file.flush().await?;
        drop(file);
        self.blocking(move |_| add(incomplete, space.share, &path, bytes))
            .await
    }

    /// Reserves space for the start of an upload of at least `announced_bytes`. Returns why it is refused if there is none
    /// for all of it.
    fn reserve(
        &self,
        path: PathBuf,
        announced_bytes: u64,
    ) -> io::Result<Result<UploadSpace, UploadOutcome>> {
        let mut share = self.quota.start(path);
        let start = announced_bytes.min(disk_space::FIRST_BYTES);
        if !share.grow_to_part(start, announced_bytes)? {
            return Ok(Err(UploadOutcome::TeamLimit));
        }
        let disk = Reservation::new(self.incomplete.path(), self.min_free, announced_bytes);
        refused_if_full(disk.map(|disk| UploadSpace {
            announced_bytes,
            share,
            disk,
        }))
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
                deleted += delete_expired_in(&folder.path(), now, is_digest)?;
            }
        }
        // Earlier versions had no folder for each process. Those of this version are deleted when the next one starts.
        delete_expired_in(&self.root.join(INCOMPLETE), now, is_incomplete)?;
        Ok(deleted)
    }

    fn path(&self, team: &str, key: &MediaKey) -> PathBuf {
        let digest = |text: &str| hex::encode(Sha256::digest(text.as_bytes()));
        self.root.join(digest(team)).join(digest(key.as_str()))
    }
}

impl UploadSpace {
    /// Whether `len` bytes are reserved, after the first `bytes`.
    fn has(&self, bytes: u64, len: u64) -> bool {
        self.disk.has(len) && self.share.has(bytes + len)
    }

    /// Reserves `len` bytes after the first `bytes`. Returns why the upload is refused if there is no space.
    fn grow(mut self, bytes: u64, len: u64) -> io::Result<Result<Self, UploadOutcome>> {
        let end = bytes + len;
        let ahead = disk_space::ahead(end, self.announced_bytes);
        if !self.share.has(end)
            && !self.share.grow_to(end.saturating_add(ahead))?
            && !self.share.grow_to(end)?
        {
            return Ok(Err(UploadOutcome::TeamLimit));
        }
        refused_if_full(self.disk.ensure(len).map(|()| self))
    }
}

/// Turns the error of a full disk into an outcome.
fn refused_if_full<T>(space: io::Result<T>) -> io::Result<Result<T, UploadOutcome>> {
    match space {
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            Ok(Err(UploadOutcome::DiskFull))
        }
        space => space.map(Ok),
    }
}

/// Adds an upload to the media of its team, durably: after a power failure, it is there with all its bytes. Replaces
/// existing media.
fn add(
    file: NamedTempFile,
    share: QuotaShare,
    path: &Path,
    bytes: u64,
) -> io::Result<UploadOutcome> {
    // Uploads do not wait for each other's: syncing takes longest.
    file.as_file().sync_all()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let is_added = share.add(bytes, || {
        private_files::create_dir_durably(folder)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    })?;
    if !is_added {
        return Ok(UploadOutcome::TeamLimit);
    }
    private_files::sync_dir(folder)?;
    Ok(UploadOutcome::Stored(bytes))
}

/// Whether a name is one that [`Folder::path`] gives. The data directory may be one that others use, too.
fn is_digest(name: &OsStr) -> bool {
    name.len() == 64 && name.to_str().is_some_and(|name| hex::decode(name).is_ok())
}

/// Whether a name is one that `tempfile` gives to an upload in progress.
fn is_incomplete(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(".tmp")
}

/// Deletes the files of a folder that have expired at the time `now`, and have such a name. Returns how many.
fn delete_expired_in(
    folder: &Path,
    now: SystemTime,
    has_name: fn(&OsStr) -> bool,
) -> io::Result<usize> {
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
        if is_expired && has_name(&file.file_name()) && std::fs::remove_file(file.path()).is_ok() {
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
            .store("t", &key, 0, 8, chunks(vec![part(), part()]))
            .await;
        assert_eq!(stored.unwrap(), UploadOutcome::Stored(8));
        let stored = media
            .store("t", &key, 0, 7, chunks(vec![part(), part()]))
            .await;
        assert_eq!(stored.unwrap(), UploadOutcome::TooLarge);
        let broken = Err(io::Error::other("connection reset"));
        media
            .store("t", &key, 0, 8, chunks(vec![part(), broken]))
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
            let stored = media
                .store("t", &key("a"), 4, 8, chunks(vec![part()]))
                .await;
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
        media.store("t", &key, 0, 8, chunks(vec![])).await.unwrap();
        let after = |hours: u64| SystemTime::now() + Duration::from_secs(hours * 3600);
        // Files of somebody else, if the data directory was not created for the server.
        let others = root.path().join("holidays");
        std::fs::create_dir(&others).unwrap();
        std::fs::write(others.join("beach.mp4"), "").unwrap();
        // An upload that an earlier version has left.
        let left = root.path().join("incomplete/.tmpA1b2C3");
        std::fs::write(&left, "").unwrap();
        assert_eq!(media.delete_expired(after(47)).await.unwrap(), 0);
        assert!(media.find("t", &key).await.is_some() && left.exists());
        assert_eq!(media.delete_expired(after(49)).await.unwrap(), 1);
        assert!(!left.exists());
        assert!(media.find("t", &key).await.is_none());
        assert!(others.join("beach.mp4").exists());
        // The folder of uploads in progress is still there.
        media.store("t", &key, 0, 8, chunks(vec![])).await.unwrap();
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
            media.store(team, &key(name), 0, 100, body).await.unwrap()
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

    /// They count as far as they have arrived, and at least with 8 MiB.
    #[tokio::test]
    async fn slow_uploads_leave_space_to_others() {
        const MIB: u64 = 1 << 20;
        let root = tempfile::tempdir().unwrap();
        let limits = StorageLimits {
            team_bytes: 100 * MIB,
            ..StorageLimits::default()
        };
        let media = open(root.path(), limits);
        let mut slow = Vec::new();
        for name in ["a", "b", "c"] {
            let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<Chunk>();
            let (waits, waiting) = tokio::sync::oneshot::channel();
            let mut waits = Some(waits);
            let body = futures_util::stream::poll_fn(move |context| {
                let part = receiver.poll_recv(context);
                if let (true, Some(waits)) = (part.is_pending(), waits.take()) {
                    waits.send(()).unwrap();
                }
                part
            });
            let upload = tokio::spawn({
                let media = media.clone();
                async move { media.store("t", &key(name), 80 * MIB, u64::MAX, body).await }
            });
            waiting.await.unwrap();
            sender.send(part()).unwrap();
            slow.push((sender, upload));
        }
        let store = async |name: &str, announced_bytes, size: u64| {
            let part = Bytes::from(vec![7; MIB as usize]);
            let body = chunks((0..size / MIB).map(|_| Ok(part.clone())).collect());
            let key = key(name);
            let stored = media.store("t", &key, announced_bytes, u64::MAX, body);
            stored.await.unwrap()
        };
        let stored = store("d", 50 * MIB, 50 * MIB).await;
        assert_eq!(stored, UploadOutcome::Stored(50 * MIB));
        // What cannot fit is still refused before it is sent.
        assert_eq!(store("e", 51 * MIB, 0).await, UploadOutcome::TeamLimit);
        for (sender, upload) in slow {
            drop(sender);
            let stored = upload.await.unwrap().unwrap();
            assert_eq!(stored, UploadOutcome::Stored(4));
        }
    }

    #[tokio::test]
    async fn an_upload_in_progress_counts_against_the_limit_of_its_team() {
        let root = tempfile::tempdir().unwrap();
        let limits = StorageLimits {
            team_bytes: 10,
            ..StorageLimits::default()
        };
        let media = open(root.path(), limits);
        let upload = async |team: &str, name: &str, announced_bytes| {
            let key = key(name);
            let stored = media.store(team, &key, announced_bytes, 100, chunks(vec![part()]));
            stored.await.unwrap()
        };
        // Announced, or already received.
        for (announced_bytes, received) in [(8, 0), (0, 2)] {
            let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<Chunk>();
            let waits = tokio::sync::Notify::new();
            let body = futures_util::stream::poll_fn(|context| {
                let part = receiver.poll_recv(context);
                if part.is_pending() {
                    waits.notify_one();
                }
                part
            });
            let slow_key = key("slow");
            let slow = media.store("t", &slow_key, announced_bytes, 100, body);
            let mut slow = std::pin::pin!(slow);
            for _ in 0..received {
                sender.send(part()).unwrap();
            }
            tokio::select! {
                outcome = &mut slow => panic!("{outcome:?}"),
                () = waits.notified() => {}
            }
            assert_eq!(upload("t", "a", 0).await, UploadOutcome::TeamLimit);
            assert_eq!(upload("t", "a", 4).await, UploadOutcome::TeamLimit);
            assert_eq!(upload("u", "a", 4).await, UploadOutcome::Stored(4));
            for _ in received..2 {
                sender.send(part()).unwrap();
            }
            drop(sender);
            assert_eq!(slow.await.unwrap(), UploadOutcome::Stored(8));
        }
        // An upload that ends without being stored does not count any more.
        let broken = Err(io::Error::other("connection reset"));
        let failed_key = key("a");
        let failed = media.store("v", &failed_key, 10, 100, chunks(vec![broken]));
        failed.await.unwrap_err();
        assert_eq!(upload("v", "b", 4).await, UploadOutcome::Stored(4));
    }
}
