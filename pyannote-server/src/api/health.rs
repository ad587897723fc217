//! Health check and metrics for operators: `GET /healthz` and `GET /metrics`, which need no API key.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

use super::AppState;
use super::error::internal_error;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn healthz() -> &'static str {
    "OK"
}

pub(super) async fn metrics(State(state): State<Arc<AppState>>) -> Response {
    let jobs = match state.store.counts().await {
        Ok(jobs) => jobs,
        Err(error) => return internal_error(&error),
    };
    state.lanes.metrics().update(&state.lanes.jobs());
    match state.metrics.encode(&jobs) {
        Ok(text) => ([(CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => internal_error(&error),
    }
}
