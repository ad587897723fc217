//! Error responses, in the API's two forms: `ValidationErrorResponse` for status 400, `ApiError` for all others.

use std::error::Error;
use std::io;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::error::Chain;
use crate::store::StoreError;
use crate::violation::Violation;

/// Creates an `ApiError` response with a new request id.
pub(crate) fn api_error(status: StatusCode, message: &str) -> Response {
    let body = json!({ "requestId": Uuid::new_v4(), "message": message });
    (status, Json(body)).into_response()
}

/// Maximum number of violations in a response, so that a small request cannot cause a large one.
const MAX_VIOLATIONS: usize = 50;

/// Creates a 400 response with the violations: all of them, unless there are very many.
pub(crate) fn validation_error(violations: &[Violation]) -> Response {
    let (message, violations) = match violations.get(..MAX_VIOLATIONS) {
        Some(first) if violations.len() > MAX_VIOLATIONS => (
            format!("Invalid request: only the first {MAX_VIOLATIONS} errors are listed"),
            first,
        ),
        _ => ("Invalid request".to_owned(), violations),
    };
    let body = json!({ "message": message, "errors": violations });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

/// Creates a 507 response if the disk is full, and a 500 response otherwise. The cause is logged, not sent.
pub(crate) fn internal_error(cause: &(dyn Error + 'static)) -> Response {
    tracing::error!(error = %Chain(cause), "a request failed");
    match is_disk_full(cause) {
        true => api_error(
            StatusCode::INSUFFICIENT_STORAGE,
            "The server's disk is full, so nothing was stored: try again later",
        ),
        false => api_error(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"),
    }
}

fn is_disk_full(error: &(dyn Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return error.is_full();
    }
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    })
}

pub(super) async fn not_found() -> Response {
    api_error(StatusCode::NOT_FOUND, "Endpoint not found")
}

pub(super) async fn method_not_allowed() -> Response {
    api_error(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
}
