//! The storage behind pre-signed URLs. It asks for no key: the signature is all.

use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::CONNECTION;
use http::{HeaderValue, Method, StatusCode};
use tower_http::services::ServeFile;

use super::App;
use super::error::{internal, refusal};
use crate::media::{MediaKey, Signed, Stored};

type Place = Result<Path<(String, String)>, PathRejection>;
type Signature = Result<Query<Signed>, QueryRejection>;

pub(super) async fn upload(
    State(app): State<Arc<App>>,
    place: Place,
    signature: Signature,
    request: Request,
) -> Response {
    let Some((team, key)) = allowed(&app, request.method(), place, signature) else {
        return closing(not_allowed());
    };
    let body = request.into_body();
    // Whoever announces too much need not send it.
    if body.size_hint().lower() > app.largest_medium {
        return too_large(&app);
    }
    let bytes = body.into_data_stream();
    match app
        .media
        .store(&team, &key, app.largest_medium, bytes)
        .await
    {
        Ok(Stored::Whole(_)) => StatusCode::OK.into_response(),
        Ok(Stored::TooLarge) => too_large(&app),
        Err(error) => closing(internal(&error)),
    }
}

pub(super) async fn download(
    State(app): State<Arc<App>>,
    place: Place,
    signature: Signature,
    request: Request,
) -> Response {
    let Some((team, key)) = allowed(&app, request.method(), place, signature) else {
        return not_allowed();
    };
    let Some(path) = app.media.find(&team, &key) else {
        return refusal(StatusCode::NOT_FOUND, "There is no such medium");
    };
    match ServeFile::new(path).try_call(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => internal(&error),
    }
}

/// Whose medium it is, if the URL allows this method on it now.
fn allowed(
    app: &App,
    method: &Method,
    place: Place,
    signature: Signature,
) -> Option<(String, MediaKey)> {
    let Path((team, key)) = place.ok()?;
    let Query(signed) = signature.ok()?;
    let key = MediaKey::new(&key).ok()?;
    let now = chrono::Utc::now();
    app.signer
        .allows(method, &team, &key, &signed, now)
        .then_some((team, key))
}

fn not_allowed() -> Response {
    refusal(
        StatusCode::FORBIDDEN,
        "The pre-signed URL has expired, or was not made for this",
    )
}

fn too_large(app: &App) -> Response {
    let message = format!("The medium is larger than {} bytes", app.largest_medium);
    closing(refusal(StatusCode::PAYLOAD_TOO_LARGE, &message))
}

/// What is left of the body is not read, so nothing else can come on the connection.
fn closing(mut response: Response) -> Response {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}
