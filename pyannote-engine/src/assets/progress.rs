//! What is being done, for whoever waits.

use std::fmt;
use std::path::PathBuf;

/// What is being done. Its text is for people.
///
/// ```
/// use pyannote_engine::assets::Progress;
///
/// let progress = Progress::Downloading { bytes: 81_905_431 };
/// assert_eq!(progress.to_string(), "downloading the models (82 MB)…");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// The packages are being downloaded.
    Downloading {
        /// How much there is, in bytes.
        bytes: u64,
    },
    /// The files are being checked, and the weights converted.
    Converting,
    /// All is done.
    Done {
        /// Where the files are.
        folder: PathBuf,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Downloading { bytes } => {
                let megabytes = bytes.div_ceil(1_000_000);
                write!(f, "downloading the models ({megabytes} MB)…")
            }
            Self::Converting => f.write_str("converting the models…"),
            Self::Done { folder } => write!(f, "the models are in {}", folder.display()),
        }
    }
}
