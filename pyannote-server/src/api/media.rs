//! Pre-signed URLs: `POST /v1/media/input` and `/v1/media/output`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::error::{api_error, validation_error};
use super::parse_request::parse_request;
use super::schema::RequestKind;
use super::{AppState, Team};
use crate::media::{MediaKey, MediaKeyError};
use crate::violation::Violation;

pub(super) async fn input(
    State(state): State<Arc<AppState>>,
    Extension(Team(team)): Extension<Team>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match parse_key(&state, &headers, &body) {
        Ok(key) => presigned_url(&state, &Method::PUT, &team, &key),
        Err(response) => *response,
    }
}

pub(super) async fn output(
    State(state): State<Arc<AppState>>,
    Extension(Team(team)): Extension<Team>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match parse_key(&state, &headers, &body) {
        Ok(key) if state.media.find(&team, &key).is_some() => {
            presigned_url(&state, &Method::GET, &team, &key)
        }
        Ok(_) => api_error(StatusCode::NOT_FOUND, "Media not found"),
        Err(response) => *response,
    }
}

/// Reads the media key of a request, or returns an error response.
fn parse_key(
    state: &AppState,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<MediaKey, Box<Response>> {
    let request = parse_request(state, RequestKind::Media, headers, body)?;
    let url = request.get("url").and_then(Value::as_str);
    url.ok_or(MediaKeyError::MissingScheme)
        .and_then(MediaKey::from_url)
        .map_err(|error| {
            let violation = Violation::new("url", error.to_string());
            Box::new(validation_error(&[violation]))
        })
}

fn presigned_url(state: &AppState, method: &Method, team: &str, key: &MediaKey) -> Response {
    let expires = chrono::Utc::now() + state.presigned_url_lifetime;
    let path = state.url_signer.sign(method, team, key, expires);
    let body = json!({ "url": format!("{}{path}", state.origin) });
    (StatusCode::CREATED, Json(body)).into_response()
}
