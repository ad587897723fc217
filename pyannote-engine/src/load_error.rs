//! The error of loading the models.

use std::error::Error;
use std::path::PathBuf;

use crate::Community1;
use crate::assets::AssetsError;

/// The reason why the models cannot be loaded. The message says how to fix the problem; the cause is in
/// [`source`](Error::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The model files are missing and cannot be downloaded.
    #[error(transparent)]
    Assets(#[from] AssetsError),
    /// A model file cannot be used.
    #[error("cannot load {path} (delete the file to download it again)", path = .path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file of a transcription model cannot be used.
    #[error("cannot load {path}: the folder of a transcription model has `model.bin`, `config.json` and `vocabulary.txt` or `vocabulary.json`, as CTranslate2 writes them", path = .path.display())]
    Transcription {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The folder of community-1 is missing or incomplete.
    #[error(
        "cannot find {path}: to get the folder of community-1, {access}; {add}",
        path = .path.display(),
        access = Community1::ACCESS,
        add = Community1::ADD
    )]
    CommunityMissing {
        /// The missing file.
        path: PathBuf,
    },
    /// A file of community-1's folder cannot be used.
    #[error("cannot load {path}", path = .path.display())]
    Community {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The threads of the models cannot be started.
    #[error("cannot start the threads of the models")]
    Threads(#[source] Box<dyn Error + Send + Sync>),
    /// More threads were requested than make sense on this machine.
    #[error("too many threads: use at most {max} on this machine")]
    TooManyThreads {
        /// The maximum number of threads: 8 per processor.
        max: usize,
    },
}
