//! Jobs: `GET /v1/jobs/{jobId}` and `GET /v2/jobs`.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::{api_error, internal_error, validation_error};
use super::list_query::ListQuery;
use super::{AppState, Team};
use crate::engine::JobOutput;
use crate::store::{Job, ListedJob};

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
    match state.store.get(&team, id).await {
        Ok(Some(job)) => Json(JobBody::from(&job)).into_response(),
        Ok(None) => not_found(),
        Err(error) => internal_error(&error),
    }
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

/// A job, with its output if it has ended and has one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JobBody<'a> {
    job_id: Uuid,
    status: &'static str,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a JobOutput>,
}

impl<'a> From<&'a Job> for JobBody<'a> {
    fn from(job: &'a Job) -> Self {
        Self {
            job_id: job.id,
            status: job.status.as_str(),
            created_at: timestamp(job.created_at),
            updated_at: timestamp(job.updated_at),
            output: job.output.as_ref().filter(|_| job.status.is_final()),
        }
    }
}

fn list_item(job: &ListedJob) -> Value {
    json!({ "id": job.id, "status": job.status.as_str(), "createdAt": timestamp(job.created_at) })
}

pub(super) fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
