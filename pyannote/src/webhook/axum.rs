//! An extractor for axum that verifies deliveries.

mod rejection;

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use axum::body::{Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, FromRef, FromRequest, Request};

pub use self::rejection::EventRejection;
use super::{Event, Verifier};

/// The default limit of a body. The scores of 24 h take about 30 MB.
const DEFAULT_LIMIT_BYTES: usize = 64 << 20;

/// The default of [`Verifier::read_timeout`]. The sender gives up after 10 s.
pub(super) const DEFAULT_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// A verified event, as an extractor for axum.
///
/// It checks the headers, reads the raw body, verifies it with the [`Verifier`] in the application's state, and responds
/// to rejected deliveries itself:
///
/// | rejected because | response |
/// | --- | --- |
/// | the signature is missing or invalid, or the timestamp is too far from the current time | 401 |
/// | the timestamp is missing or invalid, or the body is not a job event | 400 |
/// | the body did not arrive in time | 408 |
/// | the body is too large | 413 |
/// | it is [`Replayed`](super::VerifyError::Replayed) | 200: it was received before |
///
/// Responses contain no more than that, so that they do not help a forger; the reason is logged as a `tracing` event. A
/// handler that needs the reason takes a `Result<VerifiedEvent, EventRejection>`.
///
/// Nothing of the body is read if the signature is missing or has no known form, or if the timestamp is not a recent one.
/// Otherwise, a body may have 64 MiB; set [`DefaultBodyLimit`] for another limit. axum's own default of 2 MB does not
/// apply, because outputs are larger. It must arrive within 10 s; set [`Verifier::read_timeout`] for another time. The
/// web server limits the time for the headers and the number of connections.
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

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let event = receive(&Verifier::from_ref(state), request, state).await;
        event.map(Self).inspect_err(EventRejection::log)
    }
}

async fn receive<S: Send + Sync>(
    verifier: &Verifier,
    mut request: Request,
    state: &S,
) -> Result<Event, EventRejection> {
    verifier.check_headers(request.headers(), SystemTime::now())?;
    if !has_limit(&request) {
        if request.body().size_hint().lower() > DEFAULT_LIMIT_BYTES as u64 {
            return Err(EventRejection::TooLarge);
        }
        DefaultBodyLimit::max(DEFAULT_LIMIT_BYTES).apply(&mut request);
    }
    let headers = std::mem::take(request.headers_mut());
    let body = Bytes::from_request(request, state);
    let body = tokio::time::timeout(verifier.read_timeout, body).await;
    let body = body.map_err(|_| EventRejection::Timeout)??;
    Ok(verifier.verify_bytes_at(&headers, body, SystemTime::now())?)
}

impl Verifier {
    /// Sets how long [`VerifiedEvent`] waits for the whole body of a delivery. The default is 10 s, after which the
    /// sender gives up.
    #[must_use]
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = timeout;
        self
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
