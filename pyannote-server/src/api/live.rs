//! Live streams, which this server does not have: `POST /v1/live` and `GET /v1/live/{id}`.

use axum::response::Response;
use http::StatusCode;

use super::error::refusal;

/// What the API answers a team without access.
pub(super) async fn refuse() -> Response {
    refusal(StatusCode::FORBIDDEN, "Streaming is disabled")
}
