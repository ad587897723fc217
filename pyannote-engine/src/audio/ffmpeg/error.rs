//! Why ffmpeg did not decode a recording.

use std::time::Duration;

/// Why `ffmpeg` did not decode a recording that the decoders of this crate refuse.
///
/// ```
/// use pyannote_engine::audio::FfmpegError;
///
/// let error = FfmpegError::NotFound;
/// assert_eq!(error.to_string(), "install ffmpeg to decode more formats");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FfmpegError {
    /// It is not installed, or not on the `PATH`.
    #[error("install ffmpeg to decode more formats")]
    NotFound,
    /// The given program does not exist or cannot be run.
    #[error("ffmpeg cannot be run")]
    Start(#[source] std::io::Error),
    /// It failed. With its message, without paths.
    #[error("ffmpeg failed, too: {0}")]
    Failed(String),
    /// It wrote nothing for some time, or took too long in total.
    #[error("ffmpeg was stopped: it wrote nothing for {0:?}, or took too long")]
    TimedOut(Duration),
}
