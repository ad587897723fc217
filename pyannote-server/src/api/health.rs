//! Health check and metrics for operators: `GET /healthz` and `GET /metrics`, which need no API key.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;

use super::AppState;
use super::error::{internal_error, method_not_allowed, not_found};
use crate::metrics::JobMetrics;
use crate::store::{Store, StoreError};
use crate::worker::Lanes;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn healthz() -> &'static str {
    "OK"
}

pub(super) async fn metrics(State(state): State<Arc<AppState>>) -> Response {
    respond(state.metrics.jobs(), &state.store, &state.lanes).await
}

/// Creates the router of workers without a server: health and metrics, and nothing else.
pub(crate) fn worker_router(store: Store, lanes: Lanes) -> Router {
    let metrics = JobMetrics::new(lanes.metrics(), store.ended_jobs());
    let state = Arc::new((metrics, store, lanes));
    let metrics = async |State(state): State<Arc<(JobMetrics, Store, Lanes)>>| {
        respond(&state.0, &state.1, &state.2).await
    };
    Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(state)
}

async fn respond(metrics: &JobMetrics, store: &Store, lanes: &Lanes) -> Response {
    let read = async { Ok::<_, StoreError>((store.counts().await?, store.queue_ages().await?)) };
    let (jobs, queue_ages) = match read.await {
        Ok(read) => read,
        Err(error) => return internal_error(&error),
    };
    lanes.metrics().update(&lanes.jobs());
    match metrics.encode(&jobs, queue_ages) {
        Ok(text) => ([(CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => internal_error(&error),
    }
}
