//! Folders of temporary files that do not stay if their process is killed.
//!
//! Each process has a folder of its own, with a file that it keeps locked. The operating system releases the lock however
//! the process ends. So whoever starts next deletes the folders whose locks are free, and no others: several servers can
//! share a data directory.

use std::fs::{File, Metadata, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::private_files;

/// Name of the files that are locked.
const LOCK: &str = "lock";
/// Start of the names of the folders. Nothing else is ever deleted.
const PREFIX: &str = "process-";
/// The same in a folder that other programs and users share.
const PUBLIC_PREFIX: &str = "pyannote-server-";
/// How often a folder is created. Another process may delete it before it is locked.
const MAX_ATTEMPTS: u32 = 100;

/// Folder of the temporary files of this process. Deleted on drop.
#[derive(Debug)]
pub(crate) struct TempFolder {
    path: PathBuf,
    /// Shows other processes that the folder is in use.
    _lock: File,
}

impl TempFolder {
    /// Creates a folder in `root`, which is created if it does not exist, and deletes those of processes that have ended.
    pub(crate) fn create_in(root: &Path) -> io::Result<Self> {
        private_files::create_dir(root)?;
        private_files::restrict(root);
        Self::create(root, PREFIX)
    }

    /// Creates a folder in the first of `roots` that is writable, such as `/tmp`, and deletes those of processes of this
    /// user that have ended.
    pub(crate) fn create_in_public(roots: &[PathBuf]) -> io::Result<Self> {
        let mut result = Err(io::ErrorKind::NotFound.into());
        for root in roots {
            result = Self::create(root, PUBLIC_PREFIX);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn create(root: &Path, prefix: &str) -> io::Result<Self> {
        let folder = Self::create_locked(root, prefix)?;
        let own = folder.path.metadata()?;
        for entry in std::fs::read_dir(root)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with(prefix)
                && path != folder.path
                && entry
                    .metadata()
                    .is_ok_and(|other| has_same_owner(&other, &own))
                && let Err(error) = delete_if_abandoned(&path)
            {
                tracing::warn!(path = %path.display(), %error, "failed to delete temporary files");
            }
        }
        Ok(folder)
    }

    fn create_locked(root: &Path, prefix: &str) -> io::Result<Self> {
        for _ in 0..MAX_ATTEMPTS {
            let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(root)?;
            private_files::restrict(folder.path());
            let lock_path = folder.path().join(LOCK);
            match lock(&lock_path) {
                Ok(lock) if lock_path.exists() => {
                    return Ok(Self {
                        _lock: lock,
                        path: folder.keep(),
                    });
                }
                // Another process that has just started has deleted the folder, since it was not locked yet.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(
            "other processes delete the folders of temporary files",
        ))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        // What cannot be deleted is deleted at the next start.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Creates a file if it does not exist, and waits for its lock.
fn lock(path: &Path) -> io::Result<File> {
    let file = private_files::create(path)?;
    file.lock()?;
    Ok(file)
}

/// Whether two folders have the same owner. In a folder that all users share, others' are left alone.
fn has_same_owner(one: &Metadata, other: &Metadata) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::uid(one) == std::os::unix::fs::MetadataExt::uid(other);
    #[cfg(not(unix))]
    {
        let _ = (one, other);
        true
    }
}

/// Deletes a folder if no process has its lock.
fn delete_if_abandoned(folder: &Path) -> io::Result<()> {
    let lock = match File::open(folder.join(LOCK)) {
        // The process was killed before it could create the file, and thus any other. If it is just starting, it creates
        // another folder.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match std::fs::remove_dir(folder) {
                // Another process was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                result => result,
            };
        }
        lock => lock?,
    };
    match lock.try_lock() {
        Ok(()) => {
            std::fs::remove_dir_all(folder)?;
            tracing::info!("deleted the temporary files of a server that was killed");
            Ok(())
        }
        Err(TryLockError::WouldBlock) => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_processes_that_have_ended_are_deleted() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let create = || TempFolder::create_in(root).unwrap();
        let write = |folder: &Path, name| std::fs::write(folder.join(name), "").unwrap();
        // What remains if a process is killed: with its lock, and before it has one.
        for name in [
            "process-killed",
            "process-killed-early",
            "another",
            "process-of-another",
        ] {
            std::fs::create_dir(root.join(name)).unwrap();
        }
        write(&root.join("process-killed"), LOCK);
        write(&root.join("process-killed"), "recording");
        // Folders that somebody else has created.
        write(&root.join("another"), LOCK);
        write(&root.join("process-of-another"), "letter");
        let (first, second) = (create(), create());
        assert_ne!(first.path(), second.path());
        write(first.path(), "recording");
        let folders = || {
            let entries = std::fs::read_dir(root)
                .unwrap()
                .map(|entry| entry.unwrap().path());
            let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
            folders.sort();
            folders
        };
        let expected = |own: &[&TempFolder]| {
            let names = ["another", "process-of-another"];
            let mut folders: Vec<PathBuf> = names.iter().map(|name| root.join(name)).collect();
            folders.extend(own.iter().map(|folder| folder.path().to_owned()));
            folders.sort();
            folders
        };
        assert_eq!(folders(), expected(&[&first, &second]));
        drop(first);
        assert_eq!(folders(), expected(&[&second]));
    }

    /// A process that is killed leaves its folder, and so does one that is killed before it has a lock.
    #[test]
    fn in_a_public_folder_only_own_folders_of_ended_processes_are_deleted() {
        let root = tempfile::tempdir().unwrap();
        let roots = [root.path().join("missing"), root.path().to_owned()];
        let killed = root.path().join("pyannote-server-killed");
        let early = root.path().join("pyannote-server-killed-early");
        let other_program = root.path().join("process-killed");
        for folder in [&killed, &early, &other_program] {
            std::fs::create_dir(folder).unwrap();
        }
        for folder in [&killed, &other_program] {
            std::fs::write(folder.join(LOCK), "").unwrap();
            std::fs::write(folder.join("recording-1"), "").unwrap();
        }
        let first = TempFolder::create_in_public(&roots).unwrap();
        let second = TempFolder::create_in_public(&roots).unwrap();
        assert!(!killed.exists() && !early.exists());
        assert!(other_program.exists() && first.path().exists() && second.path().exists());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;

            let mode = first.path().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
    }

    #[test]
    fn processes_that_start_at_once_keep_their_folders() {
        let root = tempfile::tempdir().unwrap();
        let create = || TempFolder::create_in(root.path()).unwrap();
        let folders: Vec<TempFolder> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| [(); 5].map(|()| create())))
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(
            folders
                .iter()
                .all(|folder| folder.path().join(LOCK).exists())
        );
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 40);
    }
}
