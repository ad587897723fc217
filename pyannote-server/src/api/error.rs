//! Refusals, in the API's own two forms: `ValidationErrorResponse` for a 400, `ApiError` for all others.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::violation::Violation;

/// A refusal that is no 400. Each has an id of its own.
pub(crate) fn refusal(status: StatusCode, message: &str) -> Response {
    let body = json!({ "requestId": Uuid::new_v4(), "message": message });
    (status, Json(body)).into_response()
}

/// A 400 with every rule that is broken.
pub(crate) fn invalid(violations: &[Violation]) -> Response {
    let body = json!({ "message": "Invalid request", "errors": violations });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

/// A 500 that says nothing of its cause, which is in the log.
pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Response {
    tracing::error!(%cause, "a request failed");
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
}

pub(super) async fn not_found() -> Response {
    refusal(StatusCode::NOT_FOUND, "There is no such endpoint")
}

pub(super) async fn method_not_allowed() -> Response {
    refusal(
        StatusCode::METHOD_NOT_ALLOWED,
        "The endpoint does not take this method",
    )
}
