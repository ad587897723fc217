//! Job submissions: `POST /v1/diarize`, `/v1/identify` and `/v1/voiceprint`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value, json};

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
    let warnings = [
        state.engine.warning(kind, &request),
        webhook_warning(&state, &request),
    ];
    let warning = warnings
        .into_iter()
        .flatten()
        .reduce(|all, warning| all + "; " + &warning);
    match state.store.create(&team, kind, request).await {
        Ok(job) => {
            state.metrics.count_accepted_job(kind);
            tracing::info!(job = %job.id, kind = kind.as_str(), team, "the job was accepted");
            let mut created = json!({ "jobId": job.id, "status": job.status.as_str() });
            if let Some(warning) = warning {
                created["warning"] = warning.into();
            }
            Json(created).into_response()
        }
        Err(error) => internal_error(&error),
    }
}

/// The warning that the webhook of a request will not be sent.
fn webhook_warning(state: &AppState, request: &Map<String, Value>) -> Option<String> {
    let is_lost = state.drops_webhooks && request.get("webhook").is_some_and(Value::is_string);
    is_lost.then(|| {
        "no webhook is sent, since this server has no secret to sign webhooks with".to_owned()
    })
}
