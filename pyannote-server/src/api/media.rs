//! Pre-signed URLs: `POST /v1/media/input` and `/v1/media/output`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::error::{api_error, internal_error, validation_error};
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
    match parse_key(&state, &headers, body).await {
        Ok(key) => presigned_url(&state, &Method::PUT, &team, &key).await,
        Err(response) => *response,
    }
}

pub(super) async fn output(
    State(state): State<Arc<AppState>>,
    Extension(Team(team)): Extension<Team>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = match parse_key(&state, &headers, body).await {
        Ok(key) => key,
        Err(response) => return *response,
    };
    match state.media.contains(&team, &key).await {
        Ok(true) => presigned_url(&state, &Method::GET, &team, &key).await,
        Ok(false) => api_error(StatusCode::NOT_FOUND, "Media not found"),
        Err(error) => internal_error(&error),
    }
}

/// Reads the media key of a request, or returns an error response.
async fn parse_key(
    state: &Arc<AppState>,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<MediaKey, Box<Response>> {
    let request = parse_request(state, RequestKind::Media, headers, body).await?;
    let url = request.get("url").and_then(Value::as_str);
    url.ok_or(MediaKeyError::MissingScheme)
        .and_then(MediaKey::from_url)
        .map_err(|error| {
            let violation = Violation::new("url", error.to_string());
            Box::new(validation_error(&[violation]))
        })
}

/// Responds with a URL of the storage, or else with one of this server.
async fn presigned_url(state: &AppState, method: &Method, team: &str, key: &MediaKey) -> Response {
    let lifetime = state.presigned_url_lifetime;
    let url = match state.media.presigned_url(method, team, key, lifetime).await {
        Ok(Some(url)) => url,
        Ok(None) => {
            let expires = chrono::Utc::now() + lifetime;
            let path = state.url_signer.sign(method, team, key, expires);
            format!("{}{path}", state.origin)
        }
        Err(error) => return internal_error(&error),
    };
    (StatusCode::CREATED, Json(json!({ "url": url }))).into_response()
}
