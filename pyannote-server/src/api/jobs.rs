//! Jobs: `GET /v1/jobs/{jobId}` and `GET /v2/jobs`.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::{internal, invalid, refusal};
use super::query::Query;
use super::{App, Team};
use crate::store::{Job, Status};

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Extension(Team(team)): Extension<Team>,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    let not_found = || refusal(StatusCode::NOT_FOUND, "There is no such job");
    // What is no id of a job is the id of no job.
    let Some(id) = id.ok().and_then(|Path(id)| id.parse::<Uuid>().ok()) else {
        return not_found();
    };
    match app.store.get(&team, id).await {
        Ok(Some(job)) => Json(body(&job)).into_response(),
        Ok(None) => not_found(),
        Err(error) => internal(&error),
    }
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(Team(team)): Extension<Team>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = match Query::read(query.as_deref().unwrap_or_default()) {
        Ok(query) => query,
        Err(violations) => return invalid(&violations),
    };
    // One more than asked for tells whether there is another page.
    let more = query.limit.saturating_add(1);
    let status = query.status.as_deref();
    let mut jobs = match app.store.list(&team, more, query.cursor, status).await {
        Ok(jobs) => jobs,
        Err(error) => return internal(&error),
    };
    let is_last = jobs.len() <= query.limit;
    jobs.truncate(query.limit);
    let next = jobs.last().filter(|_| !is_last).map(|job| job.id);
    let items: Vec<Value> = jobs.iter().map(item).collect();
    Json(json!({ "items": items, "nextCursor": next })).into_response()
}

/// A job with its output, where it has ended and has one.
fn body(job: &Job) -> Value {
    let mut body = json!({
        "jobId": job.id,
        "status": job.status.as_str(),
        "createdAt": time(job.created_at),
        "updatedAt": time(job.updated_at),
    });
    let has_ended = matches!(
        job.status,
        Status::Succeeded | Status::Failed | Status::Canceled
    );
    if let (true, Some(output), Some(body)) = (has_ended, &job.output, body.as_object_mut()) {
        body.insert("output".to_owned(), output.clone());
    }
    body
}

fn item(job: &Job) -> Value {
    json!({ "id": job.id, "status": job.status.as_str(), "createdAt": time(job.created_at) })
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
