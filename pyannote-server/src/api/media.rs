//! Pre-signed URLs: `POST /v1/media/input` and `/v1/media/output`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::check::checked;
use super::error::{invalid, refusal};
use super::schema::Body;
use super::{App, Team};
use crate::media::MediaKey;
use crate::violation::Violation;

type Parts = (State<Arc<App>>, Extension<Team>);

pub(super) async fn input(
    (State(app), Extension(Team(team))): Parts,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match key(&app, &headers, &body) {
        Ok(key) => grant(&app, &Method::PUT, &team, &key),
        Err(refusal) => *refusal,
    }
}

pub(super) async fn output(
    (State(app), Extension(Team(team))): Parts,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match key(&app, &headers, &body) {
        Ok(key) if app.media.find(&team, &key).is_some() => grant(&app, &Method::GET, &team, &key),
        Ok(_) => refusal(StatusCode::NOT_FOUND, "There is no such medium"),
        Err(refusal) => *refusal,
    }
}

fn key(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<MediaKey, Box<Response>> {
    let request = checked(app, Body::Media, headers, body)?;
    let url = request.get("url").and_then(Value::as_str);
    // The check has been through it already.
    MediaKey::from_url(url.unwrap_or_default())
        .map_err(|message| Box::new(invalid(&[Violation::new("url", message)])))
}

fn grant(app: &App, method: &Method, team: &str, key: &MediaKey) -> Response {
    let expires = chrono::Utc::now() + app.presigned_for;
    let path = app.signer.path(method, team, key, expires);
    let body = json!({ "url": format!("{}{path}", app.origin) });
    (StatusCode::CREATED, Json(body)).into_response()
}
