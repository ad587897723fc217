//! Files and directories that only their owner can access (mode 0600 and 0700). On other systems than Unix, they inherit
//! the permissions of the directory that contains them.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates a file if it does not exist, and restricts it to its owner.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    restrict(path);
    Ok(file)
}

/// Creates a folder if it does not exist, durably: after a power failure, it is still there. The one above must exist.
pub(crate) fn create_dir_durably(path: &Path) -> io::Result<()> {
    if !path.exists() {
        create_dir(path)?;
        sync_dir(path.parent().unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

/// Writes the entries of a directory to the disk. On other systems than Unix, directories cannot be synced.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Creates a directory if it does not exist, and restricts new directories on its path to their owner.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Restricts a file or directory to its owner, if it exists. Logs a warning if that fails, for example because another
/// user owns it.
pub(crate) fn restrict(path: &Path) {
    #[cfg(unix)]
    if let Err(error) = unix::restrict(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "failed to restrict the permissions to the owner");
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// Restricts a directory and everything below it to the owner.
pub(crate) fn restrict_all(path: &Path) -> io::Result<()> {
    restrict(path);
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let file_type = entry.file_type()?;
        if file_type.is_dir() {
            restrict_all(&entry.path())?;
        } else if file_type.is_file() {
            restrict(&entry.path());
        }
    }
    Ok(())
}

#[cfg(unix)]
mod unix {
    use std::fs::Permissions;
    use std::io;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    /// Permissions of the group and of others.
    const OTHERS: u32 = 0o077;

    pub(super) fn restrict(path: &Path) -> io::Result<()> {
        let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
        if mode & OTHERS == 0 {
            return Ok(());
        }
        std::fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS))
    }
}
