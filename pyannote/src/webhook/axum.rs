//! An extractor for axum that verifies deliveries.

mod rejection;

#[cfg(test)]
mod tests;

use std::time::SystemTime;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRef, FromRequest, Request};

pub use self::rejection::EventRejection;
use super::{Event, Verifier};

/// The default limit of a body. The scores of 24 h take about 30 MB.
const DEFAULT_LIMIT_BYTES: usize = 64 << 20;

/// A verified event, as an extractor for axum.
///
/// It reads the raw body, verifies it with the [`Verifier`] in the application's state, and responds to rejected
/// deliveries itself:
///
/// | rejected because | response |
/// | --- | --- |
/// | the signature is missing or invalid, or the timestamp is too far from the current time | 401 |
/// | the timestamp is missing or invalid, or the body is not a job event | 400 |
/// | the body is too large | 413 |
/// | it is [`Replayed`](super::VerifyError::Replayed) | 200: it was received before |
///
/// Responses contain no more than that, so that they do not help a forger; the reason is logged as a `tracing` event. A
/// handler that needs the reason takes a `Result<VerifiedEvent, EventRejection>`.
///
/// The default limit of a body is 64 MiB; set [`DefaultBodyLimit`] for another. axum's own default of 2 MB does not
/// apply, because outputs are larger.
///
/// Respond within 10 s, the timeout of the sender: move long work to a background task. If handling an event fails and
/// the verifier has a replay guard, call [`Verifier::forget`] before responding with an error, so that the retry is
/// accepted.
///
/// ```
/// use axum::Router;
/// use axum::routing::post;
/// use pyannote::webhook::{VerifiedEvent, Verifier};
///
/// async fn receive(VerifiedEvent(event): VerifiedEvent) {
///     println!("{} {}", event.job_id(), event.status());
/// }
///
/// let verifier = Verifier::new("whs_secret")?.replay_guard(10_000);
/// let app: Router = Router::new()
///     .route("/webhook", post(receive))
///     .with_state(verifier);
/// # Ok::<(), pyannote::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct VerifiedEvent(pub Event);

impl<S> FromRequest<S> for VerifiedEvent
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = EventRejection;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Self::Rejection> {
        if !has_limit(&request) {
            DefaultBodyLimit::max(DEFAULT_LIMIT_BYTES).apply(&mut request);
        }
        let headers = std::mem::take(request.headers_mut());
        let event = match Bytes::from_request(request, state).await {
            Ok(body) => Verifier::from_ref(state)
                .verify_bytes_at(&headers, body, SystemTime::now())
                .map_err(EventRejection::from),
            Err(rejection) => Err(EventRejection::from(rejection)),
        };
        event.map(Self).inspect_err(EventRejection::log)
    }
}

/// Whether the application set its own limit. axum does not expose it, but stores it as an extension of the request:
/// setting a limit adds an extension only if there was none.
fn has_limit(request: &Request) -> bool {
    let mut copy = Request::new(());
    copy.extensions_mut().clone_from(request.extensions());
    let before = copy.extensions().len();
    DefaultBodyLimit::disable().apply(&mut copy);
    copy.extensions().len() == before
}
