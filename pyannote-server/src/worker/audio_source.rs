//! Source of recordings.

use std::pin::Pin;
use std::time::Duration;

use crate::engine::{EngineError, Recording};

/// Future of a recording.
pub type RecordingFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Recording, EngineError>> + Send + 'a>>;

/// Future of the channels of a recording.
pub type ChannelsFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<Recording>, EngineError>> + Send + 'a>>;

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
