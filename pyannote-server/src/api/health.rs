//! For whoever runs the server: `GET /healthz` and `GET /metrics`, without a key.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

use super::App;
use super::error::internal;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn healthz() -> &'static str {
    "OK"
}

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let jobs = match app.store.counts().await {
        Ok(jobs) => jobs,
        Err(error) => return internal(&error),
    };
    match app.metrics.text(&jobs) {
        Ok(text) => ([(CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => internal(&error),
    }
}
