//! Source of recordings.

use std::pin::Pin;
use std::time::Duration;

use crate::engine::{EngineError, Recording};

/// Why a recording was not loaded.
///
/// A job whose recording may be loaded later waits in the queue, and neither holds a place nor an attempt meanwhile.
///
/// ```
/// use pyannote_server::engine::EngineError;
/// use pyannote_server::worker::LoadError;
///
/// let error = LoadError::from(EngineError("unsupported codec".to_owned()));
/// assert_eq!(error.to_string(), "unsupported codec");
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It cannot be loaded: the job fails.
    #[error(transparent)]
    Failed(#[from] EngineError),
    /// Its host has failed in a way that may be temporary: it is loaded again up to three times.
    #[error("{error}")]
    Fetch {
        /// Error of the job if it is the last.
        error: EngineError,
        /// The delay that the host has asked for.
        retry_after: Option<Duration>,
    },
    /// This machine or the storage of uploaded media has failed, for example because a disk is full: it is loaded again
    /// for an hour.
    #[error(transparent)]
    Storage(EngineError),
}

impl From<LoadError> for EngineError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Failed(error)
            | LoadError::Fetch { error, .. }
            | LoadError::Storage(error) => error,
        }
    }
}

/// Future of a recording.
pub type RecordingFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Recording, LoadError>> + Send + 'a>>;

/// Future of the channels of a recording.
pub type ChannelsFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<Recording>, LoadError>> + Send + 'a>>;

/// Future of the duration of a recording.
pub type DurationFuture<'a> = Pin<Box<dyn Future<Output = Option<Duration>> + Send + 'a>>;

/// Loads recordings from `media://` URLs of a team and from http(s) URLs.
pub trait AudioSource: Send + Sync + 'static {
    /// Loads the recording at `url`. Fails if it is longer than `max_seconds`, if that is given.
    fn recording<'a>(
        &'a self,
        team: &'a str,
        url: &'a str,
        max_seconds: Option<f64>,
    ) -> RecordingFuture<'a>;

    /// Returns the approximate duration of a recording, if that takes much less time than loading it. Jobs with long
    /// recordings can then let others go first. `None` unless implemented.
    fn duration<'a>(&'a self, team: &'a str, url: &'a str) -> DurationFuture<'a> {
        let _ = (team, url);
        Box::pin(async { None })
    }

    /// Loads each channel of a recording alone. Unless implemented, the only channel is that of
    /// [`recording`](Self::recording).
    fn channels<'a>(
        &'a self,
        team: &'a str,
        url: &'a str,
        max_seconds: Option<f64>,
    ) -> ChannelsFuture<'a> {
        Box::pin(async move { Ok(vec![self.recording(team, url, max_seconds).await?]) })
    }
}
