//! The cache folder: where it is, and how a file gets into it.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use tempfile::NamedTempFile;

use super::AssetsError;

/// The folder of this machine: what `PYANNOTE_ASSETS_DIR` says, or one in the platform's folder for caches.
pub(super) fn folder() -> Result<PathBuf, AssetsError> {
    match env::var_os("PYANNOTE_ASSETS_DIR") {
        Some(folder) if !folder.is_empty() => Ok(folder.into()),
        _ => match etcetera::choose_base_strategy() {
            Ok(folders) => Ok(folders.cache_dir().join("pyannote-engine")),
            Err(_) => Err(AssetsError::NoFolder),
        },
    }
}

/// Writes a file beside its place and renames it, so that nobody ever reads half of it.
pub(super) fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), AssetsError> {
    let path = folder.join(name);
    let written = || {
        let mut file = NamedTempFile::with_prefix_in(".part-", folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        readable(file.as_file())?;
        file.persist(&path)?;
        Ok(())
    };
    written().map_err(|error| AssetsError::io(&path, error))
}

/// Lets other users of the machine read the file, which a temporary one does not: the folder may be shared.
#[cfg(unix)]
fn readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
