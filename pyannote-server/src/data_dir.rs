//! The directory with uploads, jobs and temporary files.

use std::io;
use std::path::{Path, PathBuf};

use crate::private_files;

/// Prefix of the names of the database's files.
const DATABASE: &str = "jobs.sqlite";
/// Name of the folder of uploaded media.
const MEDIA: &str = "media";
/// Name of the folder of temporary files.
const TEMP: &str = "temporary";

/// Data directory of a server.
#[derive(Clone, Debug)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// Opens the directory, and creates it if it does not exist. On Unix, only the owner can access it.
    ///
    /// The permissions of an existing directory change only if it contains nothing but the server's files: it might be
    /// the home directory, or `/tmp`. The server's files in it are restricted in any case.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        private_files::create_dir(&path)?;
        match is_dedicated(&path)? {
            true => private_files::restrict(&path),
            false => tracing::warn!(
                path = %path.display(),
                "the data directory also contains other files; leaving its permissions unchanged"
            ),
        }
        Ok(Self(path))
    }

    pub(crate) fn database(&self) -> PathBuf {
        Self::database_in(&self.0)
    }

    /// The path of the database in a directory that is not opened.
    pub(crate) fn database_in(path: &Path) -> PathBuf {
        path.join(DATABASE)
    }

    pub(crate) fn media(&self) -> PathBuf {
        Self::media_in(&self.0)
    }

    /// The path of the uploaded media in a directory that is not opened.
    pub(crate) fn media_in(path: &Path) -> PathBuf {
        path.join(MEDIA)
    }

    /// Folder of recordings while they are processed.
    pub(crate) fn temp(&self) -> PathBuf {
        self.0.join(TEMP)
    }
}

fn is_dedicated(path: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        // The root of a file system may contain `lost+found`.
        if !(name.starts_with(DATABASE) || name == MEDIA || name == TEMP || name == "lost+found") {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn restricts_only_directories_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let new = root.path().join("a/b");
        DataDir::open(new.clone()).unwrap();
        assert_eq!(mode(&new), 0o700);
        fs::set_permissions(&new, Permissions::from_mode(0o755)).unwrap();
        fs::write(new.join("jobs.sqlite-wal"), "").unwrap();
        fs::create_dir(new.join("media")).unwrap();
        fs::create_dir(new.join("temporary")).unwrap();
        DataDir::open(new.clone()).unwrap();
        assert_eq!(mode(&new), 0o700);
        fs::set_permissions(&new, Permissions::from_mode(0o755)).unwrap();
        fs::write(new.join("letter.txt"), "").unwrap();
        DataDir::open(new.clone()).unwrap();
        assert_eq!(mode(&new), 0o755);
    }
}
