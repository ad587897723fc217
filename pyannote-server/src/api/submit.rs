//! Submissions: `POST /v1/diarize`, `/v1/identify` and `/v1/voiceprint`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::json;

use super::check::checked;
use super::error::internal;
use super::schema::Body;
use super::{App, Team};
use crate::engine::JobKind;

type Parts = (State<Arc<App>>, Extension<Team>);

pub(super) async fn diarize(parts: Parts, headers: HeaderMap, body: Bytes) -> Response {
    submit(JobKind::Diarize, Body::Diarize, parts, &headers, &body).await
}

pub(super) async fn identify(parts: Parts, headers: HeaderMap, body: Bytes) -> Response {
    submit(JobKind::Identify, Body::Identify, parts, &headers, &body).await
}

pub(super) async fn voiceprint(parts: Parts, headers: HeaderMap, body: Bytes) -> Response {
    submit(
        JobKind::Voiceprint,
        Body::Voiceprint,
        parts,
        &headers,
        &body,
    )
    .await
}

async fn submit(
    kind: JobKind,
    schema: Body,
    (State(app), Extension(Team(team))): Parts,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let request = match checked(&app, schema, headers, body) {
        Ok(request) => request,
        Err(refusal) => return *refusal,
    };
    let warning = app.engine.warning(kind, &request);
    match app.store.create(&team, kind, request).await {
        Ok(job) => {
            app.metrics.accepted(kind);
            let mut created = json!({ "jobId": job.id, "status": job.status.as_str() });
            if let (Some(warning), Some(created)) = (warning, created.as_object_mut()) {
                created.insert("warning".to_owned(), warning.into());
            }
            Json(created).into_response()
        }
        Err(error) => internal(&error),
    }
}
