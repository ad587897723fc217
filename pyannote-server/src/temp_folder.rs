//! Folders of temporary files that do not stay if their process is killed.
//!
//! Each process has a folder of its own, with a file that it keeps locked. The operating system releases the lock however
//! the process ends. So whoever starts next deletes the folders whose locks are free, and no others: several servers can
//! share a data directory.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::private_files;

/// Name of the files that are locked.
const LOCK: &str = "lock";

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
        // One process at a time creates and deletes folders, so that no folder is seen before it is locked.
        let _guard = lock(&root.join(LOCK))?;
        for entry in std::fs::read_dir(root)? {
            let path = entry?.path();
            if path.is_dir() && is_abandoned(&path) {
                match std::fs::remove_dir_all(&path) {
                    Ok(()) => {
                        tracing::info!("deleted the temporary files of a server that was killed");
                    }
                    Err(error) => {
                        tracing::warn!(path = %path.display(), %error, "failed to delete temporary files");
                    }
                }
            }
        }
        let folder = tempfile::Builder::new().prefix("").tempdir_in(root)?;
        private_files::restrict(folder.path());
        Ok(Self {
            _lock: lock(&folder.path().join(LOCK))?,
            path: folder.keep(),
        })
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

/// Whether no process has the lock of a folder. If in doubt, one has.
fn is_abandoned(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)) {
        Ok(file) => match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        },
        // Its process was killed before it could create the file.
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_processes_that_have_ended_are_deleted() {
        let root = tempfile::tempdir().unwrap();
        let root = &root.path().join("tmp");
        let create = || TempFolder::create_in(root).unwrap();
        let write = |folder: &Path| std::fs::write(folder.join("recording"), "").unwrap();
        // What remains if a process is killed: with its lock, and before it has one.
        for name in ["killed", "killed early"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
            write(&root.join(name));
        }
        std::fs::write(root.join("killed").join(LOCK), "").unwrap();
        let (first, second) = (create(), create());
        assert_ne!(first.path(), second.path());
        write(first.path());
        let folders = || {
            let entries = std::fs::read_dir(root)
                .unwrap()
                .map(|entry| entry.unwrap().path());
            let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
            folders.sort();
            folders
        };
        let mut expected = [first.path().to_owned(), second.path().to_owned()];
        expected.sort();
        assert_eq!(folders(), expected);
        drop(first);
        assert_eq!(folders(), [second.path()]);
    }
}
