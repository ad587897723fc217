//! A failed attempt to load a recording, and whether another one may help.

use std::io;
use std::time::Duration;

use pyannote_engine::audio::AudioError;

use super::RecordingError;
use crate::engine::EngineError;
use crate::error::Chain;
use crate::worker::LoadError;

/// A failed attempt.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: RecordingError,
    /// The delay that the server asked for.
    pub(super) retry_after: Option<Duration>,
}

impl<E: Into<RecordingError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            retry_after: None,
        }
    }
}

impl From<Failure> for LoadError {
    fn from(failure: Failure) -> Self {
        let error = EngineError(Chain(&failure.error).to_string());
        if is_of_storage(&failure.error) {
            Self::Storage(error)
        } else if is_of_host(&failure.error) {
            let retry_after = failure.retry_after;
            Self::Fetch { error, retry_after }
        } else {
            Self::Failed(error)
        }
    }
}

/// Whether the host of a recording has failed in a way that may be temporary.
fn is_of_host(error: &RecordingError) -> bool {
    match error {
        RecordingError::Status(status) => matches!(status, 408 | 429 | 500..=599),
        // Includes connections that were refused or cut, and names that were not resolved.
        RecordingError::Fetch(_) | RecordingError::TimedOut | RecordingError::TooSlow { .. } => {
            true
        }
        _ => false,
    }
}

/// Whether the recording can be loaded later without a change by the client or the host: a file of this machine cannot be
/// written or read, for example because its disk is full or the process has too many open files, or the storage of uploaded
/// media fails.
fn is_of_storage(error: &RecordingError) -> bool {
    match error {
        RecordingError::Media(error) => error.kind() != io::ErrorKind::FileTooLarge,
        RecordingError::TempFile(_) | RecordingError::Audio(AudioError::Spool(_)) => true,
        // Errors of decoders are not of the operating system.
        RecordingError::Audio(AudioError::Io(error)) => error.raw_os_error().is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use pyannote_engine::SpoolError;

    use super::*;

    #[test]
    fn hosts_and_storage_may_recover() {
        let io = |kind: io::ErrorKind| io::Error::from(kind);
        let cut = RecordingError::Fetch(io::Error::other("connection reset").into());
        let folder = "recordings".into();
        let full = SpoolError::Full { folder };
        let slow = RecordingError::TooSlow {
            bytes: 1,
            window: Duration::from_secs(60),
        };
        for (error, expected) in [
            (RecordingError::Status(500), "host"),
            (RecordingError::Status(503), "host"),
            (RecordingError::Status(429), "host"),
            (RecordingError::Status(408), "host"),
            (cut, "host"),
            (RecordingError::TimedOut, "host"),
            (slow, "host"),
            (RecordingError::Status(404), "job"),
            (RecordingError::Status(403), "job"),
            (RecordingError::Status(425), "job"),
            (RecordingError::Status(304), "job"),
            (RecordingError::TooManyRedirects, "job"),
            (RecordingError::PrivateAddress("10.0.0.1".into()), "job"),
            (RecordingError::UnsupportedUrl("it has no host"), "job"),
            (AudioError::TooLarge { limit: 1 }.into(), "job"),
            (
                AudioError::Io(io(io::ErrorKind::UnexpectedEof)).into(),
                "job",
            ),
            (
                RecordingError::Media(io(io::ErrorKind::FileTooLarge)),
                "job",
            ),
            (
                RecordingError::TempFile(io(io::ErrorKind::StorageFull)),
                "storage",
            ),
            // As temporary files report that too many are open.
            (
                RecordingError::TempFile(io::Error::other("os error 24")),
                "storage",
            ),
            (
                AudioError::Io(io::Error::from_raw_os_error(24)).into(),
                "storage",
            ),
            (RecordingError::Audio(full.into()), "storage"),
            (
                RecordingError::Media(io(io::ErrorKind::TimedOut)),
                "storage",
            ),
        ] {
            let text = format!("{error:?}");
            let failure = Failure {
                error,
                retry_after: Some(Duration::from_secs(7)),
            };
            let found = match LoadError::from(failure) {
                LoadError::Failed(_) => "job",
                LoadError::Fetch { retry_after, .. } => {
                    assert_eq!(retry_after, Some(Duration::from_secs(7)));
                    "host"
                }
                LoadError::Storage(_) => "storage",
            };
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn the_error_of_a_job_has_the_cause() {
        let error = AudioError::Io(io::Error::other("disk failed"));
        let error = LoadError::from(Failure::from(error));
        assert_eq!(error.to_string(), "cannot read the recording: disk failed");
    }
}
