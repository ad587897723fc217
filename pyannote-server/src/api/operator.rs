//! Operation for operators, which needs the operator's key: `POST /operator/jobs/{id}/cancel`. It is not part of the API,
//! and only exists if there is such a key.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::AppState;
use super::authorize::unauthorized;
use super::error::{api_error, internal_error};
use crate::store::Cancellation;

pub(super) async fn cancel(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    if state
        .operator_keys
        .find(headers.get(AUTHORIZATION))
        .is_none()
    {
        return unauthorized();
    }
    let not_found = || api_error(StatusCode::NOT_FOUND, "Job not found");
    let Some(id) = id.ok().and_then(|Path(id)| id.parse::<Uuid>().ok()) else {
        return not_found();
    };
    tracing::info!(job = %id, "the operator cancels a job");
    match state.store.cancel_of_any_team(id).await {
        Ok(Cancellation::Canceled) => {
            Json(json!({ "jobId": id, "status": "canceled" })).into_response()
        }
        Ok(Cancellation::AlreadyEnded(status)) => {
            let message = format!("The job has already ended: {}", status.as_str());
            api_error(StatusCode::CONFLICT, &message)
        }
        Ok(Cancellation::NotFound) => not_found(),
        Err(error) => internal_error(&error),
    }
}
