//! An extractor for axum: a handler that takes a [`VerifiedEvent`] sees genuine events only.

mod rejection;

#[cfg(test)]
mod tests;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRef, FromRequest, Request};

pub use self::rejection::EventRejection;
use super::{Event, Verifier};

/// The largest body that is read unless the application says otherwise, in bytes. The scores of 24 h are about 30 MB.
const LIMIT: usize = 64 << 20;

/// An event, verified. As an extractor for axum it reads the raw body, verifies it with the [`Verifier`] of the state,
/// and answers refused deliveries itself.
///
/// | refused | answer |
/// | --- | --- |
/// | no signature, a wrong one, or one too far from now | 401 |
/// | a timestamp that is missing or none, a body that is no event | 400 |
/// | a body that is too large | 413 |
/// | [`Replayed`](super::VerifyError::Replayed) | 200: it was received before |
/// | [`NoSecret`](super::VerifyError::NoSecret) | 500: the verifier was made with a blank secret |
///
/// The answers do not say more than that, so that they are of no help to a forger; the reason is logged as a `tracing`
/// event. A handler that wants the reason takes a `Result<VerifiedEvent, EventRejection>`.
///
/// A body may have 64 MiB, unless [`DefaultBodyLimit`] sets another limit for the route. axum's own default of 2 MB does
/// not apply: an output is larger.
///
/// Answer within 10 s, which is how long the sender waits: leave long work to a task. Where an event cannot be handled
/// and the verifier has a replay guard, call [`Verifier::forget`] before answering with an error, and the retry is
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
/// let verifier = Verifier::new("whs_secret").replay_guard(10_000);
/// let app: Router = Router::new()
///     .route("/webhook", post(receive))
///     .with_state(verifier);
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
            DefaultBodyLimit::max(LIMIT).apply(&mut request);
        }
        let headers = std::mem::take(request.headers_mut());
        let event = match Bytes::from_request(request, state).await {
            Ok(body) => Verifier::from_ref(state)
                .verify_bytes(&headers, body)
                .map_err(EventRejection::from),
            Err(rejection) => Err(EventRejection::from(rejection)),
        };
        event.map(Self).inspect_err(EventRejection::log)
    }
}

/// Whether the application set a limit of its own. axum does not tell, but a limit is an extension of the request:
/// setting one adds an extension only where there was none.
fn has_limit(request: &Request) -> bool {
    let mut probe = Request::new(());
    probe.extensions_mut().clone_from(request.extensions());
    let before = probe.extensions().len();
    DefaultBodyLimit::disable().apply(&mut probe);
    probe.extensions().len() == before
}
