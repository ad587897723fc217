//! A file that is replaced atomically: it appears complete or not at all.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempPath;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::chunks::run_blocking;
use crate::error::{Error, ErrorKind};

/// A temporary file that replaces `path` when it is committed, and is deleted if it is dropped before.
///
/// It is in the same directory as `path`, so that a rename can replace it.
#[derive(Debug)]
pub(super) struct AtomicFile {
    // Fields drop in this order: the file is closed before it is deleted.
    file: File,
    temporary: TempPath,
    path: PathBuf,
}

impl AtomicFile {
    pub(super) async fn create(path: &Path) -> Result<Self, Error> {
        let problem = match tokio::fs::metadata(path).await {
            Ok(metadata) if metadata.is_dir() => "a directory; name a file in it",
            // It would be replaced, and not written to.
            Ok(metadata) if !metadata.is_file() => {
                "a device, a pipe or a socket; name another file"
            }
            _ => "",
        };
        if !problem.is_empty() {
            let message = format!(
                "cannot write the file {}, which is {problem}",
                path.display()
            );
            return Err(Error::new(ErrorKind::Io, message));
        }
        // What a symbolic link refers to is replaced, not the link.
        let path = &match tokio::fs::canonicalize(path).await {
            Ok(target) => target,
            Err(_) => path.to_owned(),
        };
        let target = path.to_owned();
        let (file, temporary) = run_blocking(move || create_temporary(&target))
            .await
            .map_err(|error| write_error(path, error))?;
        Ok(Self {
            file: File::from_std(file),
            temporary,
            path: path.to_owned(),
        })
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let result = self.file.write_all(bytes).await;
        result.map_err(|error| write_error(&self.path, error))
    }

    /// Syncs the file to disk, then replaces `path` with it: after a power failure either the old or the new file
    /// exists.
    pub(super) async fn commit(self) -> Result<(), Error> {
        let Self {
            mut file,
            temporary,
            path,
        } = self;
        let commit = async {
            // `sync_all` alone would not report an error of the last write.
            file.flush().await?;
            file.sync_all().await?;
            drop(file);
            let path = path.clone();
            run_blocking(move || Ok(temporary.persist(path)?)).await
        };
        commit.await.map_err(|error| write_error(&path, error))
    }
}

fn create_temporary(path: &Path) -> io::Result<(std::fs::File, TempPath)> {
    let directory = match path.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".pyannote-").suffix(".part");
    // The permissions of an ordinary new file, not those of a private temporary file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    Ok(builder.tempfile_in(directory)?.into_parts())
}

fn write_error(path: &Path, error: io::Error) -> Error {
    Error::io(
        format!(
            "cannot write the file {}; an existing file is unchanged",
            path.display()
        ),
        error,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn replaces_the_file_only_when_committed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.wav");
        std::fs::write(&path, "old").unwrap();
        let mut file = AtomicFile::create(&path).await.unwrap();
        file.write(b"new").await.unwrap();
        drop(file);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);

        let mut file = AtomicFile::create(&path).await.unwrap();
        file.write(b"new").await.unwrap();
        file.commit().await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn create_fails_for_directories_and_missing_parents() {
        let directory = tempfile::tempdir().unwrap();
        for (path, expected) in [
            (
                directory.path().to_owned(),
                "which is a directory; name a file in it",
            ),
            (
                directory.path().join("missing/out.wav"),
                "an existing file is unchanged",
            ),
        ] {
            let error = AtomicFile::create(&path).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Io);
            let text = error.to_string();
            assert!(text.contains(path.to_str().unwrap()), "{text}");
            assert!(text.ends_with(expected), "{text}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn special_files_are_not_replaced_and_links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let error = AtomicFile::create(&socket).await.unwrap_err();
        assert!(
            error.to_string().contains("a device, a pipe or a socket"),
            "{error}"
        );

        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        std::fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let mut file = AtomicFile::create(&link).await.unwrap();
        file.write(b"new").await.unwrap();
        file.commit().await.unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
    }
}
