//! Errors of loading a recording.

use std::error::Error;
use std::io;
use std::time::Duration;

use pyannote_engine::audio::AudioError;

/// Why a recording cannot be loaded. The message becomes the `output.error` of the job, followed by those of its
/// [`source`](Error::source)s.
///
/// No message contains the path or the query of a URL, which may be a pre-signed URL and thus a secret.
///
/// ```
/// use pyannote_server::audio::RecordingError;
///
/// let error = RecordingError::NotUploaded("media://ada.wav".to_owned());
/// assert_eq!(error.to_string(), "no recording was uploaded as media://ada.wav");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// No media with this `media://` URL were uploaded.
    #[error("no recording was uploaded as {0}")]
    NotUploaded(String),
    /// Uploaded media cannot be read.
    #[error("cannot read the uploaded recording")]
    Media(#[source] io::Error),
    /// The recording cannot be decoded.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// URLs of this kind are not fetched. With the reason.
    #[error("the recording's URL is not supported: {0}")]
    UnsupportedUrl(&'static str),
    /// The URL, or the target of a redirect, is in a private network. With the host.
    #[error("the recording's URL leads to a private address, which is not allowed: {0}")]
    PrivateAddress(String),
    /// The server responded with this status code.
    #[error("cannot fetch the recording: the server responded with status {0}")]
    Status(u16),
    /// The server sent the recording with a content encoding that is not supported. With its name.
    #[error(
        "cannot fetch the recording: the server compressed it with {0} without being asked to; store it uncompressed"
    )]
    Encoding(String),
    /// The server sent invalid gzip.
    #[error("cannot decompress the recording, which the server sent with gzip")]
    Gzip(#[source] io::Error),
    /// The server redirected too often.
    #[error("cannot fetch the recording: too many redirects")]
    TooManyRedirects,
    /// The server sent less than this many bytes in a window of time.
    #[error(
        "cannot fetch the recording: the server sends it too slowly, less than {bytes} bytes in {window:?}"
    )]
    TooSlow {
        /// Minimum number of bytes.
        bytes: u64,
        /// The window of time.
        window: Duration,
    },
    /// The server did not respond in time.
    #[error("cannot fetch the recording: timed out")]
    TimedOut,
    /// The request failed.
    #[error("cannot fetch the recording")]
    Fetch(#[source] Box<dyn Error + Send + Sync>),
    /// The recording cannot be written to a temporary file.
    #[error("cannot write the recording to a temporary file")]
    TempFile(#[source] io::Error),
}
