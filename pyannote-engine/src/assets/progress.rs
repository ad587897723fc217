//! Progress of a download.

use std::fmt;
use std::path::PathBuf;

/// Progress of a download. Its `Display` is a human-readable line.
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
        /// Size of the download, in bytes.
        bytes: u64,
    },
    /// The files are being checked and converted.
    Converting,
    /// The download is complete.
    Done {
        /// The cache folder.
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
