//! Upload to and download from pre-signed URLs. They need a valid signature and no API key.

use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::CONNECTION;
use http::{HeaderValue, Method, StatusCode};
use tower_http::services::ServeFile;

use super::AppState;
use super::error::{api_error, internal_error};
use crate::media::{MediaKey, SignedQuery, UploadOutcome};

type TeamAndKey = Result<Path<(String, String)>, PathRejection>;
type Signature = Result<Query<SignedQuery>, QueryRejection>;

pub(super) async fn upload(
    State(state): State<Arc<AppState>>,
    path: TeamAndKey,
    signature: Signature,
    request: Request,
) -> Response {
    let Some((team, key)) = verify(&state, request.method(), path, signature) else {
        return close_connection(forbidden());
    };
    let body = request.into_body();
    // A body whose announced length is over the limit is not read at all.
    if body.size_hint().lower() > state.max_media_bytes {
        return too_large(&state);
    }
    let body = body.into_data_stream();
    let max_bytes = state.max_media_bytes;
    match state.media.store(&team, &key, max_bytes, body).await {
        Ok(UploadOutcome::Stored(_)) => StatusCode::OK.into_response(),
        Ok(UploadOutcome::TooLarge) => too_large(&state),
        Err(error) => close_connection(internal_error(&error)),
    }
}

pub(super) async fn download(
    State(state): State<Arc<AppState>>,
    path: TeamAndKey,
    signature: Signature,
    request: Request,
) -> Response {
    let Some((team, key)) = verify(&state, request.method(), path, signature) else {
        return forbidden();
    };
    let file = match state.media.find(&team, &key).await {
        Ok(Some(file)) => file,
        Ok(None) => return api_error(StatusCode::NOT_FOUND, "Media not found"),
        Err(error) => return internal_error(&error),
    };
    match ServeFile::new(file.path()).try_call(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => internal_error(&error),
    }
}

/// Returns the team and key of the URL, if its signature is valid for `method` now.
fn verify(
    state: &AppState,
    method: &Method,
    path: TeamAndKey,
    signature: Signature,
) -> Option<(String, MediaKey)> {
    let Path((team, key)) = path.ok()?;
    let Query(query) = signature.ok()?;
    let key = MediaKey::new(&key).ok()?;
    let now = chrono::Utc::now();
    state
        .url_signer
        .verify(method, &team, &key, &query, now)
        .then_some((team, key))
}

fn forbidden() -> Response {
    api_error(
        StatusCode::FORBIDDEN,
        "The pre-signed URL is invalid or has expired",
    )
}

fn too_large(state: &AppState) -> Response {
    let message = format!("The media are larger than {} bytes", state.max_media_bytes);
    close_connection(api_error(StatusCode::PAYLOAD_TOO_LARGE, &message))
}

/// Closes the connection after the response: the unread rest of the body makes it unusable for another request.
fn close_connection(mut response: Response) -> Response {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}
