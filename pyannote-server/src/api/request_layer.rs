//! Middleware of all requests: reads the body up to the size limit, records the request, and opens a tracing span. The
//! span contains neither the API key nor the query.

use std::sync::Arc;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION};
use http::{HeaderValue, StatusCode};
use tracing::field::Empty;
use tracing::{Instrument, debug, info_span};

use super::AppState;
use super::error::api_error;
use crate::request_log::RecordedRequest;

/// Path prefix of pre-signed URLs, whose bodies are streamed instead of read into memory.
const STORAGE_PREFIX: &str = "/media/";

pub(super) async fn handle(
    State(state): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    let span = info_span!(
        "request",
        method = %request.method(),
        path = request.uri().path(),
        operation = Empty,
        status = Empty,
    );
    async {
        let response = respond(&state, request, next).await;
        tracing::Span::current().record("status", response.status().as_u16());
        debug!("response");
        response
    }
    .instrument(span)
    .await
}

async fn respond(state: &AppState, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with(STORAGE_PREFIX) {
        record(state, &request, Bytes::new());
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    // A body whose announced length is over the limit is not read at all.
    let body = match body.size_hint().lower() <= state.max_body_bytes as u64 {
        true => to_bytes(body, state.max_body_bytes).await.ok(),
        false => None,
    };
    let mut request = Request::from_parts(parts, Body::empty());
    let Some(body) = body else {
        record(state, &request, Bytes::new());
        let mut response = api_error(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!(
                "The body could not be read, or is larger than {} bytes",
                state.max_body_bytes
            ),
        );
        // The unread rest of the body makes the connection unusable for another request.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
        return response;
    };
    record(state, &request, body.clone());
    *request.body_mut() = Body::from(body);
    next.run(request).await
}

/// Adds the request to the request log.
fn record(state: &AppState, request: &Request, body: Bytes) {
    let authorization = request.headers().get(AUTHORIZATION);
    let authorized = authorization.map(|header| state.keys.find(Some(header)).is_some());
    let mut headers = request.headers().clone();
    headers.remove(AUTHORIZATION);
    state.request_log.push(RecordedRequest {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        headers,
        authorized,
        body,
    });
}
