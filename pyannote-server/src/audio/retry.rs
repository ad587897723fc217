//! Decision: whether to fetch a recording once more.

use std::time::Duration;

use super::RecordingError;

/// Maximum delay that a server may ask for with `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

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

impl Failure {
    /// Returns the delay before the next attempt, or `None` if another attempt would not help. `planned` is the delay
    /// unless the server asks for a longer one.
    pub(super) fn delay(&self, planned: Duration) -> Option<Duration> {
        let is_transient = match self.error {
            RecordingError::Status(status) => matches!(status, 408 | 425 | 429 | 500..=599),
            // Includes connections that were refused or cut.
            RecordingError::Fetch(_) | RecordingError::TimedOut => true,
            _ => false,
        };
        let retry_after = self.retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
        is_transient.then(|| planned.max(retry_after))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use pyannote_engine::audio::AudioError;

    use super::*;

    #[test]
    fn only_transient_failures_are_retried() {
        let cut = || RecordingError::Fetch(io::Error::other("connection reset").into());
        for (error, retry_after_s, expected_s) in [
            (RecordingError::Status(500), None, Some(5)),
            (RecordingError::Status(503), None, Some(5)),
            (RecordingError::Status(503), Some(2), Some(5)),
            (RecordingError::Status(429), Some(30), Some(30)),
            (RecordingError::Status(503), Some(3_600), Some(60)),
            (RecordingError::Status(408), None, Some(5)),
            (RecordingError::Status(404), None, None),
            (RecordingError::Status(403), Some(1), None),
            (RecordingError::Status(304), None, None),
            (cut(), None, Some(5)),
            (RecordingError::TimedOut, None, Some(5)),
            (RecordingError::TooManyRedirects, None, None),
            (
                RecordingError::PrivateAddress("10.0.0.1".into()),
                None,
                None,
            ),
            (RecordingError::UnsupportedUrl("it has no host"), None, None),
            (
                RecordingError::TempFile(io::Error::other("full")),
                None,
                None,
            ),
            (AudioError::TooLarge { limit: 1 }.into(), None, None),
        ] {
            let failure = Failure {
                error,
                retry_after: retry_after_s.map(Duration::from_secs),
            };
            let delay = failure.delay(Duration::from_secs(5));
            assert_eq!(delay, expected_s.map(Duration::from_secs), "{failure:?}");
        }
    }
}
