//! Where recordings come from.

use std::pin::Pin;

use crate::engine::EngineError;

/// The samples of a recording, on their way.
pub type SamplesFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<f32>, EngineError>> + Send + 'a>>;

/// Where recordings come from: a `media://` URL of a team, or an http(s) URL.
pub trait AudioSource: Send + Sync + 'static {
    /// The recording at `url`, as samples of one channel at 16 kHz, from -1 to 1. One of more than `max_seconds` is
    /// refused, where that is given.
    fn samples<'a>(
        &'a self,
        team: &'a str,
        url: &'a str,
        max_seconds: Option<f64>,
    ) -> SamplesFuture<'a>;
}
