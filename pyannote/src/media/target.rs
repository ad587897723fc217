//! A file that appears whole or not at all.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempPath;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::source::blocking;
use crate::error::Error;

/// A file under way to `path`, beside it: in the same folder, so that it can take the other's place in one step.
/// Dropped, it is gone.
#[derive(Debug)]
pub(super) struct Target {
    // Closed before it is removed, in the order of the fields.
    file: File,
    temporary: TempPath,
    path: PathBuf,
}

impl Target {
    pub(super) async fn create(path: &Path) -> Result<Self, Error> {
        let target = path.to_owned();
        let (file, temporary) = blocking(move || create(&target))
            .await
            .map_err(|error| unwritable(path, error))?;
        Ok(Self {
            file: File::from_std(file),
            temporary,
            path: path.to_owned(),
        })
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = self.file.write_all(bytes).await;
        written.map_err(|error| unwritable(&self.path, error))
    }

    /// Puts the file in its place, once it is on the disk: after a power cut there is the old one or the new one.
    pub(super) async fn finish(self) -> Result<(), Error> {
        let Self {
            mut file,
            temporary,
            path,
        } = self;
        let stored = async {
            // Reports what went wrong with the last write, which the sync would not.
            file.flush().await?;
            file.sync_all().await?;
            drop(file);
            let path = path.clone();
            blocking(move || Ok(temporary.persist(path)?)).await
        };
        stored.await.map_err(|error| unwritable(&path, error))
    }
}

fn create(path: &Path) -> io::Result<(std::fs::File, TempPath)> {
    if path.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a directory; name a file in it",
        ));
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".pyannote-").suffix(".part");
    // As any other new file, and not for its owner alone: it is to stay.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    Ok(builder.tempfile_in(folder)?.into_parts())
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::io(
        format!(
            "the file {} cannot be written: {error}; what was there is as it was",
            path.display()
        ),
        error,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn dropped_it_is_gone_and_finished_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.wav");
        std::fs::write(&path, "old").unwrap();
        let mut target = Target::create(&path).await.unwrap();
        target.write(b"new").await.unwrap();
        drop(target);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

        let mut target = Target::create(&path).await.unwrap();
        target.write(b"new").await.unwrap();
        target.finish().await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn where_no_file_can_be() {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            folder.path().to_owned(),
            folder.path().join("missing/out.wav"),
        ] {
            let error = Target::create(&path).await.unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Io);
            assert!(
                error.to_string().contains(path.to_str().unwrap()),
                "{error}"
            );
        }
    }
}
