//! Job submissions: `POST /v1/diarize`, `/v1/identify` and `/v1/voiceprint`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::json;

use super::error::internal_error;
use super::parse_request::parse_request;
use super::schema::RequestKind;
use super::{AppState, Team};
use crate::engine::JobKind;

type Context = (State<Arc<AppState>>, Extension<Team>);

pub(super) async fn diarize(context: Context, headers: HeaderMap, body: Bytes) -> Response {
    submit(JobKind::Diarize, context, &headers, body).await
}

pub(super) async fn identify(context: Context, headers: HeaderMap, body: Bytes) -> Response {
    submit(JobKind::Identify, context, &headers, body).await
}

pub(super) async fn voiceprint(context: Context, headers: HeaderMap, body: Bytes) -> Response {
    submit(JobKind::Voiceprint, context, &headers, body).await
}

async fn submit(
    kind: JobKind,
    (State(state), Extension(Team(team))): Context,
    headers: &HeaderMap,
    body: Bytes,
) -> Response {
    let request = match parse_request(&state, RequestKind::Job(kind), headers, body).await {
        Ok(request) => request,
        Err(response) => return *response,
    };
    let warning = state.engine.warning(kind, &request);
    match state.store.create(&team, kind, request).await {
        Ok(job) => {
            state.metrics.count_accepted_job(kind);
            let mut created = json!({ "jobId": job.id, "status": job.status.as_str() });
            if let Some(warning) = warning {
                created["warning"] = warning.into();
            }
            Json(created).into_response()
        }
        Err(error) => internal_error(&error),
    }
}
