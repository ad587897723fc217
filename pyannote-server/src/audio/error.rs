//! Errors of loading a recording.

use std::error::Error;
use std::io;

use pyannote_engine::SpoolError;
use pyannote_engine::audio::AudioError;

use crate::engine::EngineError;
use crate::error::Chain;

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

impl RecordingError {
    /// Whether the recording can be loaded later without a change by the client: the disk is full, or the storage of
    /// uploaded media fails.
    pub(super) fn is_temporary(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match self {
            Self::Media(error) => error.kind() != FileTooLarge,
            Self::TempFile(error) => matches!(error.kind(), StorageFull | QuotaExceeded),
            Self::Audio(AudioError::Spool(error)) => matches!(error, SpoolError::Full { .. }),
            _ => false,
        }
    }
}

impl From<RecordingError> for EngineError {
    fn from(error: RecordingError) -> Self {
        Self(Chain(&error).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_failing_storage_are_temporary() {
        let io = |kind: io::ErrorKind| io::Error::from(kind);
        let folder = "recordings".into();
        for (error, expected) in [
            (
                RecordingError::TempFile(io(io::ErrorKind::StorageFull)),
                true,
            ),
            (
                RecordingError::TempFile(io(io::ErrorKind::PermissionDenied)),
                false,
            ),
            (
                RecordingError::Audio(SpoolError::Full { folder }.into()),
                true,
            ),
            (RecordingError::Media(io(io::ErrorKind::TimedOut)), true),
            (
                RecordingError::Media(io(io::ErrorKind::FileTooLarge)),
                false,
            ),
            (RecordingError::TimedOut, false),
        ] {
            assert_eq!(error.is_temporary(), expected, "{error}");
        }
    }

    #[test]
    fn output_error_has_the_cause() {
        let error = AudioError::Io(io::Error::other("disk failed"));
        let EngineError(text) = RecordingError::from(error).into();
        assert_eq!(text, "cannot read the recording: disk failed");
    }
}
