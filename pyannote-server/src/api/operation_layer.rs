//! Middleware of each operation: injected faults, authorization and metrics.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use super::AppState;
use super::authorize::authorize;
use super::error::{api_error, internal_error};
use crate::faults::Fault;
use crate::operation::Operation;

/// How long the first part of a truncated body may take to be sent before the connection is closed.
const FLUSH_TIME: Duration = Duration::from_millis(50);

/// Handles a request of `operation`: with the next injected fault, if there is one.
pub(super) async fn handle(
    state: Arc<AppState>,
    operation: Operation,
    request: Request,
    next: Next,
) -> Response {
    tracing::Span::current().record("operation", operation.as_str());
    let response = match state.faults.take(operation) {
        None => authorize(&state, operation, request, next).await,
        Some(Fault::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            authorize(&state, operation, request, next).await
        }
        Some(Fault::Status {
            status,
            retry_after,
            body,
        }) => status_response(status, retry_after, body),
        Some(Fault::Reset) => reset(),
        Some(Fault::TruncateBody { after_bytes }) => {
            let response = authorize(&state, operation, request, next).await;
            truncate(response, after_bytes).await
        }
        Some(Fault::MalformedJson) => {
            malformed_json(authorize(&state, operation, request, next).await)
        }
    };
    state.metrics.count_response(operation, response.status());
    response
}

fn status_response(status: StatusCode, retry_after: Option<u64>, body: Option<Value>) -> Response {
    let mut response = match body {
        Some(body) => (status, Json(body)).into_response(),
        None => api_error(
            status,
            status.canonical_reason().unwrap_or("Injected fault"),
        ),
    };
    if let Some(seconds) = retry_after {
        let seconds = HeaderValue::from(seconds);
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

/// Creates a response whose body fails before its first byte: the connection is closed, and nothing is sent.
fn reset() -> Response {
    let body = stream::iter([Err::<Bytes, _>(body_error())]);
    Response::new(Body::from_stream(body))
}

/// Sends only the first `after_bytes` of the body, then closes the connection.
async fn truncate(response: Response, after_bytes: usize) -> Response {
    let (mut parts, body) = response.into_parts();
    let body = match to_bytes(body, usize::MAX).await {
        Ok(body) => body,
        Err(error) => return internal_error(&error),
    };
    // Announces the full length, so that the client notices.
    let length = HeaderValue::from(body.len());
    parts.headers.insert(CONTENT_LENGTH, length);
    let start = body.slice(..after_bytes.min(body.len()));
    let truncated = stream::unfold(Some(start), |start| async {
        match start {
            Some(start) if !start.is_empty() => Some((Ok(start), Some(Bytes::new()))),
            Some(_) => {
                tokio::time::sleep(FLUSH_TIME).await;
                Some((Err(body_error()), None))
            }
            None => None,
        }
    });
    Response::from_parts(parts, Body::from_stream(truncated))
}

fn malformed_json(response: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from("{\"status\": \"OK\", \"jobId\": <"))
}

fn body_error() -> std::io::Error {
    std::io::Error::other("injected fault")
}
