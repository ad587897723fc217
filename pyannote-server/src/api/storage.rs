//! Upload to and download from pre-signed URLs. They need a valid signature and no API key.

use std::io;
use std::pin::pin;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use tower_http::services::ServeFile;

use super::body::{BodyError, RequestBody};
use super::error::{api_error, internal_error};
use super::{AppState, body};
use crate::media::{MediaKey, SignedQuery, UploadOutcome};

type TeamAndKey = Result<Path<(String, String)>, PathRejection>;
type Signature = Result<Query<SignedQuery>, QueryRejection>;

pub(super) async fn upload(
    State(state): State<Arc<AppState>>,
    path: TeamAndKey,
    signature: Signature,
    request: Request,
) -> Response {
    let verified = verify(&state, request.method(), path, signature);
    let (parts, body) = request.into_parts();
    let mut body = RequestBody::new(&parts.headers, body);
    let Some((team, key)) = verified else {
        return body.discard(forbidden());
    };
    let max_bytes = state.max_media_bytes;
    let failed = |error| body::error_response(error, max_bytes);
    // A body whose announced length is over the limit is not read at all.
    let announced_bytes = body.announced_bytes();
    if announced_bytes > max_bytes {
        let response = failed(BodyError::TooLarge);
        return body.discard(response);
    }
    let stored = {
        let content = pin!(body.upload(&state.connection_limits));
        let stored = state
            .media
            .store(&team, &key, announced_bytes, max_bytes, content);
        stored.await
    };
    let response = match stored {
        Ok(UploadOutcome::Stored(_)) => return StatusCode::OK.into_response(),
        Ok(UploadOutcome::TooLarge) => failed(BodyError::TooLarge),
        Ok(UploadOutcome::TeamLimit) => api_error(
            StatusCode::INSUFFICIENT_STORAGE,
            "Your team's media take too much space: media are deleted after 48 hours",
        ),
        Ok(UploadOutcome::DiskFull) => internal_error(&io::Error::from(io::ErrorKind::StorageFull)),
        Err(error) => match body_error(&error) {
            Some(error) => failed(error),
            None => internal_error(&error),
        },
    };
    body.discard(response)
}

/// Returns why a body could not be read, if that was why it was not stored.
fn body_error(error: &io::Error) -> Option<BodyError> {
    error.get_ref()?.downcast_ref().copied()
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
