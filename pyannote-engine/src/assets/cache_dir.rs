//! The cache folder: its location, and atomic writes.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use tempfile::NamedTempFile;

use super::AssetsError;

/// Returns `PYANNOTE_ASSETS_DIR`, or a folder in the platform's cache folder.
pub(super) fn locate() -> Result<PathBuf, AssetsError> {
    match env::var_os("PYANNOTE_ASSETS_DIR") {
        Some(folder) if !folder.is_empty() => Ok(folder.into()),
        _ => match etcetera::choose_base_strategy() {
            Ok(folders) => Ok(folders.cache_dir().join("pyannote-engine")),
            Err(_) => Err(AssetsError::NoCacheDir),
        },
    }
}

/// Writes a file atomically: readers never see a part of it.
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), AssetsError> {
    let path = folder.join(name);
    let write = || {
        let mut file = NamedTempFile::with_prefix_in(".part-", folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        make_readable(file.as_file())?;
        file.persist(&path)?;
        Ok(())
    };
    write().map_err(|error| AssetsError::io(&path, error))
}

/// Makes a temporary file readable for all users, because the folder may be shared.
#[cfg(unix)]
fn make_readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
