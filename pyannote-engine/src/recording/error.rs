//! The error of the temporary files of long recordings.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The reason why the samples of a long recording cannot be kept in a temporary file.
///
/// ```
/// use pyannote_engine::{RecordingWriter, SpoolError};
///
/// let mut writer = RecordingWriter::new()
///     .temporary_folder("/does/not/exist")
///     .max_in_memory(std::time::Duration::ZERO);
/// assert!(matches!(writer.push(&[0.5]), Err(SpoolError::Create { .. })));
/// ```
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// No file can be created in the folder.
    #[error(
        "cannot create a temporary file for the recording in {}: {reason}: set TMPDIR to a folder that is writable",
        folder.display()
    )]
    Create {
        /// The folder of the temporary file.
        folder: PathBuf,
        /// The reason of the operating system.
        reason: String,
    },
    /// The disk of the folder, or a quota, is full.
    #[error(
        "no space left for the recording in {}: an hour needs 230 MB; free some, or set TMPDIR to a folder on a larger disk",
        folder.display()
    )]
    Full {
        /// The folder of the temporary file.
        folder: PathBuf,
    },
    /// The file cannot be written.
    #[error("cannot write the temporary file of the recording in {}: {reason}", folder.display())]
    Write {
        /// The folder of the temporary file.
        folder: PathBuf,
        /// The reason of the operating system.
        reason: String,
    },
    /// The file cannot be read.
    #[error("cannot read the temporary file of the recording in {}: {reason}", folder.display())]
    Read {
        /// The folder of the temporary file.
        folder: PathBuf,
        /// The reason of the operating system.
        reason: String,
    },
}

impl SpoolError {
    pub(super) fn create(folder: &Path, error: &io::Error) -> Self {
        if is_full(error) {
            return Self::full(folder);
        }
        Self::Create {
            folder: folder.to_owned(),
            reason: reason(error),
        }
    }

    pub(super) fn write(folder: &Path, error: &io::Error) -> Self {
        if is_full(error) {
            return Self::full(folder);
        }
        Self::Write {
            folder: folder.to_owned(),
            reason: reason(error),
        }
    }

    pub(super) fn read(folder: &Path, error: &io::Error) -> Self {
        Self::Read {
            folder: folder.to_owned(),
            reason: reason(error),
        }
    }

    pub(super) fn full(folder: &Path) -> Self {
        Self::Full {
            folder: folder.to_owned(),
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}

/// The text of an error, without the path that `tempfile` adds: the folder is named already.
fn reason(error: &io::Error) -> String {
    match error.get_ref().and_then(std::error::Error::source) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_has_a_remedy_whatever_operation_fails() {
        let folder = Path::new("/var/tmp");
        for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            for error in [
                SpoolError::create(folder, &kind.into()),
                SpoolError::write(folder, &kind.into()),
            ] {
                assert_eq!(
                    error.to_string(),
                    "no space left for the recording in /var/tmp: an hour needs 230 MB; free some, or set TMPDIR to a \
                     folder on a larger disk"
                );
            }
        }
        let error = SpoolError::write(folder, &ErrorKind::FileTooLarge.into());
        let text = "cannot write the temporary file of the recording in /var/tmp: file too large";
        assert_eq!(error.to_string(), text);
    }
}
