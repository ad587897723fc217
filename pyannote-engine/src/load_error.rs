//! The error of loading the models.

use std::path::PathBuf;

use crate::assets::AssetsError;

/// The reason why the models cannot be loaded. The message says how to fix the problem.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The model files are missing and cannot be downloaded.
    #[error(transparent)]
    Assets(#[from] AssetsError),
    /// A model file cannot be used.
    #[error("cannot load {path}: {reason}; delete the file to download it again", path = .path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The threads of the models cannot be started.
    #[error("cannot start the threads of the models: {0}")]
    Threads(String),
}
