//! Jobs: `GET /v1/jobs/{jobId}` and `GET /v2/jobs`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::{api_error, internal_error, validation_error};
use super::list_query::ListQuery;
use super::{AppState, Team};
use crate::error::Chain;
use crate::store::{JobResult, ListedJob, json_before_output};

pub(super) async fn get(
    State(state): State<Arc<AppState>>,
    Extension(Team(team)): Extension<Team>,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    let not_found = || api_error(StatusCode::NOT_FOUND, "Job not found");
    // No job has an id that is not a UUID.
    let Some(id) = id.ok().and_then(|Path(id)| id.parse::<Uuid>().ok()) else {
        return not_found();
    };
    match state.store.result(&team, id).await {
        Ok(Some(job)) => body(job),
        Ok(None) => not_found(),
        Err(error) => internal_error(&error),
    }
}

/// Responds with a job. Its output is sent as it is stored, and read while it is sent.
fn body(job: JobResult) -> Response {
    let head = JobBody::from(&job);
    let Some(output) = job.output else {
        return Json(head).into_response();
    };
    let head = match json_before_output(&head) {
        Ok(head) => head,
        Err(error) => return internal_error(&error),
    };
    let length = head.len() as u64 + output.bytes() + 1;
    let part = |text| stream::iter([Ok(text)]);
    let end = part(Bytes::from_static(b"}"));
    let body = part(Bytes::from(head))
        .chain(output.into_stream())
        .chain(end);
    let body = body.inspect_err(|error| {
        tracing::warn!(error = %Chain(error), "failed to read an output while it was sent");
    });
    let content_type = HeaderValue::from_static("application/json");
    let headers = [
        (CONTENT_TYPE, content_type),
        (CONTENT_LENGTH, HeaderValue::from(length)),
    ];
    (headers, Body::from_stream(body)).into_response()
}

pub(super) async fn list(
    State(state): State<Arc<AppState>>,
    Extension(Team(team)): Extension<Team>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = match ListQuery::parse(query.as_deref().unwrap_or("")) {
        Ok(query) => query,
        Err(violations) => return validation_error(&violations),
    };
    // Requests one job more than a page holds, to learn whether there is another page.
    let status = query.status.as_deref();
    let listed = state
        .store
        .list(&team, query.limit + 1, query.cursor, status)
        .await;
    let mut jobs = match listed {
        Ok(jobs) => jobs,
        Err(error) => return internal_error(&error),
    };
    let is_last_page = jobs.len() <= query.limit;
    jobs.truncate(query.limit);
    let next_cursor = jobs.last().filter(|_| !is_last_page).map(|job| job.id);
    let items: Vec<Value> = jobs.iter().map(list_item).collect();
    Json(json!({ "items": items, "nextCursor": next_cursor })).into_response()
}

/// A job without its output, which follows if the job has ended and has one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JobBody {
    job_id: Uuid,
    status: &'static str,
    created_at: String,
    updated_at: String,
}

impl From<&JobResult> for JobBody {
    fn from(job: &JobResult) -> Self {
        Self {
            job_id: job.id,
            status: job.status.as_str(),
            created_at: timestamp(job.created_at),
            updated_at: timestamp(job.updated_at),
        }
    }
}

fn list_item(job: &ListedJob) -> Value {
    json!({ "id": job.id, "status": job.status.as_str(), "createdAt": timestamp(job.created_at) })
}

pub(super) fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
