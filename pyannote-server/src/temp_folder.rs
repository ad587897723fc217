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
/// Start of the names of the folders. Nothing else is ever deleted.
const PREFIX: &str = "process-";

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
        // One process at a time creates and deletes folders, so that no folder is seen before it is locked.
        let _guard = lock(&root.join(LOCK))?;
        for entry in std::fs::read_dir(root)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PREFIX)
                && let Err(error) = delete_if_abandoned(&entry.path())
            {
                tracing::warn!(path = %entry.path().display(), %error, "failed to delete temporary files");
            }
        }
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(root)?;
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

/// Creates a file for a recording in `folder`, or else in that of the system.
#[cfg(any(feature = "engine", feature = "s3"))]
pub(crate) fn recording_file(folder: Option<&Path>) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("recording-");
    match folder {
        Some(folder) => builder.tempfile_in(folder),
        None => builder.tempfile(),
    }
}

/// Creates a file if it does not exist, and waits for its lock.
fn lock(path: &Path) -> io::Result<File> {
    let file = private_files::create(path)?;
    file.lock()?;
    Ok(file)
}

/// Deletes a folder if no process has its lock.
fn delete_if_abandoned(folder: &Path) -> io::Result<()> {
    let lock = match File::open(folder.join(LOCK)) {
        // The process was killed before it could create the file, and thus any other.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return std::fs::remove_dir(folder);
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
}
