//! What each operation passes before its handler, in this order: planned faults, the key (401), the limit (429), the
//! scope (403), the credit (402).

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::error::{internal, refusal};
use super::{App, Team};
use crate::faults::Fault;
use crate::limits::Standing;
use crate::operation::Operation;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// How long the start of a cut body has to get out before the connection is closed.
const FLUSH: Duration = Duration::from_millis(50);

pub(super) async fn pass(
    app: Arc<App>,
    operation: Operation,
    request: Request,
    next: Next,
) -> Response {
    tracing::Span::current().record("operation", operation.as_str());
    let response = match app.faults.take(operation) {
        None => admit(&app, operation, request, next).await,
        Some(Fault::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            admit(&app, operation, request, next).await
        }
        Some(Fault::Status {
            status,
            retry_after,
            body,
        }) => planned(status, retry_after, body),
        Some(Fault::Reset) => reset(),
        Some(Fault::CutBody { after }) => {
            cut(admit(&app, operation, request, next).await, after).await
        }
        Some(Fault::Malformed) => malformed(admit(&app, operation, request, next).await),
    };
    app.metrics.answered(operation, response.status());
    response
}

async fn admit(app: &App, operation: Operation, mut request: Request, next: Next) -> Response {
    if !operation.needs_key() {
        return next.run(request).await;
    }
    let Some(key) = app.keys.find(request.headers().get(AUTHORIZATION)) else {
        let mut response = refusal(
            StatusCode::UNAUTHORIZED,
            "The API key is missing, or is none",
        );
        let scheme = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        return response;
    };
    let team = key.team_name();
    let standing = app.limiter.count(team, operation, Instant::now());
    let mut response = if let Some(over) = standing.filter(|standing| !standing.is_within) {
        let mut response = refusal(StatusCode::TOO_MANY_REQUESTS, "Too many requests");
        let seconds = HeaderValue::from(over.reset);
        response.headers_mut().insert(RETRY_AFTER, seconds);
        response
    } else if let Some(scope) = operation.scope().filter(|scope| !key.may(*scope)) {
        let message = format!("The API key lacks the scope {}", scope.as_str());
        refusal(StatusCode::FORBIDDEN, &message)
    } else if operation.needs_credit() && !key.has_credit() {
        refusal(
            StatusCode::PAYMENT_REQUIRED,
            "Insufficient credits and no active subscription",
        )
    } else {
        request.extensions_mut().insert(Team(team.to_owned()));
        next.run(request).await
    };
    if let Some(standing) = standing {
        say(response.headers_mut(), standing);
    }
    response
}

fn say(headers: &mut HeaderMap, standing: Standing) {
    headers.insert(LIMIT, HeaderValue::from(standing.limit));
    headers.insert(REMAINING, HeaderValue::from(standing.remaining));
    headers.insert(RESET, HeaderValue::from(standing.reset));
}

fn planned(
    status: StatusCode,
    retry_after: Option<u64>,
    body: Option<serde_json::Value>,
) -> Response {
    let mut response = match body {
        Some(body) => (status, Json(body)).into_response(),
        None => refusal(status, status.canonical_reason().unwrap_or("A fault")),
    };
    if let Some(seconds) = retry_after {
        let seconds = HeaderValue::from(seconds);
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

/// An answer whose body fails before anything of it was sent: the connection is closed, and not a byte gets out.
fn reset() -> Response {
    let failing = stream::iter([Err::<Bytes, _>(broken())]);
    Response::new(Body::from_stream(failing))
}

async fn cut(response: Response, after: usize) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = match to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        Err(error) => return internal(&error),
    };
    // The whole length is announced, so that it is noticed.
    let length = HeaderValue::from(bytes.len());
    parts.headers.insert(CONTENT_LENGTH, length);
    let start = bytes.slice(..after.min(bytes.len()));
    let parts_of_body = stream::unfold(Some(start), |start| async {
        match start {
            Some(start) if !start.is_empty() => Some((Ok(start), Some(Bytes::new()))),
            Some(_) => {
                tokio::time::sleep(FLUSH).await;
                Some((Err(broken()), None))
            }
            None => None,
        }
    });
    Response::from_parts(parts, Body::from_stream(parts_of_body))
}

fn malformed(response: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from("{\"status\": \"OK\", \"jobId\": <"))
}

fn broken() -> std::io::Error {
    std::io::Error::other("a planned fault")
}
