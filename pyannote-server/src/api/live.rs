//! Live streams: `POST /v1/live`, `GET /v1/live/{id}`, and the connection to the WebSocket URL of a stream.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use uuid::Uuid;

use super::error::{api_error, internal_error};
use super::jobs::timestamp;
use super::parse_request::parse_request;
use super::schema::RequestKind;
use super::{AppState, Team};
use crate::live::{Rejected, Token};

/// Query of a stream's URL. It has no `Debug`: the token is a secret.
#[derive(serde::Deserialize)]
pub(super) struct TokenQuery {
    token: Token,
}

pub(super) async fn create(
    State(state): State<Arc<AppState>>,
    Extension(Team(team)): Extension<Team>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !state.live.is_enabled() {
        return disabled();
    }
    if let Err(response) = parse_request(&state, RequestKind::Stream, &headers, body).await {
        return *response;
    }
    match state.live.create(&team).await {
        Ok(Some(stream)) => {
            // An origin starts with http: or https:, so that this is ws: or wss:.
            let origin = state.origin.replacen("http", "ws", 1);
            let url = format!(
                "{origin}/live/{}?token={}",
                stream.id,
                stream.token.expose()
            );
            Json(json!({ "id": stream.id, "url": url })).into_response()
        }
        Ok(None) => api_error(
            StatusCode::TOO_MANY_REQUESTS,
            "The team has the maximum number of live streams: try again when one has ended",
        ),
        Err(error) => internal_error(&error),
    }
}

pub(super) async fn get(
    State(state): State<Arc<AppState>>,
    Extension(Team(team)): Extension<Team>,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    if !state.live.is_enabled() {
        return disabled();
    }
    let not_found = || api_error(StatusCode::NOT_FOUND, "Stream not found");
    let Some(id) = parse_id(id) else {
        return not_found();
    };
    match state.store.stream(&team, id).await {
        Ok(Some(stream)) => Json(json!({
            "id": stream.id,
            "status": stream.status.as_str(),
            "startedAt": stream.started_at.map(timestamp),
            "completedAt": stream.completed_at.map(timestamp),
            "input": {},
        }))
        .into_response(),
        Ok(None) => not_found(),
        Err(error) => internal_error(&error),
    }
}

/// Upgrades the connection, if the request has a token that is valid and was not used.
pub(super) async fn connect(
    State(state): State<Arc<AppState>>,
    id: Result<Path<String>, PathRejection>,
    query: Result<Query<TokenQuery>, QueryRejection>,
    mut request: Request,
) -> Response {
    if !state.live.is_enabled() {
        return disabled();
    }
    // Before the token is used up.
    let Ok(switching_protocols) = create_response_with_body(&request, Body::empty) else {
        return upgrade_required();
    };
    let (Some(id), Ok(Query(TokenQuery { token }))) = (parse_id(id), query) else {
        return invalid_token();
    };
    let upgrade = hyper::upgrade::on(&mut request);
    match state.live.connect(id, token, upgrade).await {
        Ok(()) => switching_protocols,
        Err(Rejected::InvalidToken) => invalid_token(),
        Err(Rejected::TooManyStreams) => api_error(
            StatusCode::SERVICE_UNAVAILABLE,
            "The server has the maximum number of live streams: try again when one has ended",
        ),
        Err(Rejected::ShuttingDown) => {
            api_error(StatusCode::SERVICE_UNAVAILABLE, "The server is stopping")
        }
        Err(Rejected::Store(error)) => internal_error(&error),
        Err(Rejected::Engine(error)) => internal_error(&error),
    }
}

/// No stream has an id that is not a UUID.
fn parse_id(id: Result<Path<String>, PathRejection>) -> Option<Uuid> {
    id.ok().and_then(|Path(id)| id.parse().ok())
}

/// As the API responds to a team without access.
fn disabled() -> Response {
    api_error(StatusCode::FORBIDDEN, "Streaming is disabled")
}

fn invalid_token() -> Response {
    api_error(
        StatusCode::FORBIDDEN,
        "The token of the stream is invalid, has expired, or was used",
    )
}

fn upgrade_required() -> Response {
    let message = "This URL is for WebSocket connections";
    let mut response = api_error(StatusCode::UPGRADE_REQUIRED, message);
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response
}
