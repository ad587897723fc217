//! What is done for every request, known or not: its body is read up to the limit, it is recorded, and its span says
//! how it ended. The span holds neither a key nor a query.

use std::sync::Arc;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONNECTION};
use tracing::field::Empty;
use tracing::{Instrument, debug, info_span};

use super::App;
use super::error::refusal;
use crate::record::RecordedRequest;

/// Where the storage is, whose bodies are never held in memory.
const STORAGE: &str = "/media/";

pub(super) async fn receive(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let span = info_span!(
        "request",
        method = %request.method(),
        path = request.uri().path(),
        operation = Empty,
        status = Empty,
    );
    async {
        let response = answer(&app, request, next).await;
        tracing::Span::current().record("status", response.status().as_u16());
        debug!("answered");
        response
    }
    .instrument(span)
    .await
}

async fn answer(app: &App, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with(STORAGE) {
        record(app, &request, Bytes::new());
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    // Whoever announces too much need not send it.
    let is_within = body.size_hint().lower() <= app.largest_body as u64;
    let read = match is_within {
        true => to_bytes(body, app.largest_body).await.ok(),
        false => None,
    };
    let mut request = Request::from_parts(parts, Body::empty());
    let Some(bytes) = read else {
        record(app, &request, Bytes::new());
        let mut response = refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!(
                "The body could not be read, or is larger than {} bytes",
                app.largest_body
            ),
        );
        // What is left of the body is not read, so nothing else can come on this connection.
        let close = http::HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
        return response;
    };
    record(app, &request, bytes.clone());
    *request.body_mut() = Body::from(bytes);
    next.run(request).await
}

fn record(app: &App, request: &Request, body: Bytes) {
    let authorization = request.headers().get(AUTHORIZATION);
    let authorized = authorization.map(|header| app.keys.find(Some(header)).is_some());
    let mut headers = request.headers().clone();
    headers.remove(AUTHORIZATION);
    app.record.add(RecordedRequest {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        headers,
        authorized,
        body,
    });
}
