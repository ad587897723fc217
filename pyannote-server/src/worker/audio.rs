//! Where recordings come from.

use std::pin::Pin;

use crate::engine::{EngineError, Recording};

/// A recording on its way.
pub type RecordingFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Recording, EngineError>> + Send + 'a>>;

/// Where recordings come from: a `media://` URL of a team, or an http(s) URL.
pub trait AudioSource: Send + Sync + 'static {
    /// The recording at `url`. One of more than `max_seconds` is refused, where that is given.
    fn recording<'a>(
        &'a self,
        team: &'a str,
        url: &'a str,
        max_seconds: Option<f64>,
    ) -> RecordingFuture<'a>;
}
