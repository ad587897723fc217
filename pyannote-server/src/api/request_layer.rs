//! Middleware of all requests: reads the body, records the request, and opens a tracing span. The span contains neither
//! the API key nor the query. Without a valid API key, the body is not read: it would only take memory.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use tracing::field::Empty;
use tracing::{Instrument, debug, info_span};

use super::body::RequestBody;
use super::{AppState, body};
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
    let mut body = RequestBody::new(&parts.headers, body);
    let mut request = Request::from_parts(parts, Body::empty());
    let authorization = request.headers().get(AUTHORIZATION);
    if state.keys.find(authorization).is_none() {
        record(state, &request, Bytes::new());
        let response = next.run(request).await;
        return body.discard(response);
    }
    let read = body.read(state.max_body_bytes, &state.connection_limits);
    match read.await {
        Ok(bytes) => {
            record(state, &request, bytes.clone());
            *request.body_mut() = Body::from(bytes);
            next.run(request).await
        }
        Err(error) => {
            record(state, &request, Bytes::new());
            let response = body::error_response(error, state.max_body_bytes as u64);
            body.discard(response)
        }
    }
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
