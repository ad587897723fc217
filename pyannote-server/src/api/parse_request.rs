//! Parsing and validation of a request body: JSON, the schema, the API's other rules, and what the engine supports.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::AppState;
use super::error::{internal_error, validation_error};
use super::rules;
use super::schema::RequestKind;
use crate::violation::Violation;

/// Maximum size of a body that is parsed on the thread that received it, in bytes. Parsing a larger one takes so long that
/// other requests would notice.
const MAX_INLINE_BYTES: usize = 16 << 10;

/// Parses and validates a request body, or returns a response with the violations. The response is boxed because it is
/// large and rare.
///
/// A large body is parsed on a thread for blocking work, with a permit: as a tree of values, it takes up to 50 times its
/// size.
pub(super) async fn parse_request(
    state: &Arc<AppState>,
    kind: RequestKind,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Map<String, Value>, Box<Response>> {
    if !is_json(headers) {
        let violation = Violation::new("body", "must be application/json");
        return Err(Box::new(validation_error(&[violation])));
    }
    let parsed = if body.len() <= MAX_INLINE_BYTES {
        parse(state, kind, &body)
    } else {
        let state = Arc::clone(state);
        // The semaphore is never closed.
        let permit = Arc::clone(&state.large_bodies).acquire_owned().await;
        let parsing = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            parse(&state, kind, &body)
        });
        parsing
            .await
            .map_err(|error| Box::new(internal_error(&error)))?
    };
    parsed.map_err(|violations| Box::new(validation_error(&violations)))
}

/// Parses and validates a request body, or returns the violations.
fn parse(
    state: &AppState,
    kind: RequestKind,
    body: &[u8],
) -> Result<Map<String, Value>, Vec<Violation>> {
    let mut value: Value = serde_json::from_slice(body).map_err(|error| {
        let message = format!("is not valid JSON: {error}");
        vec![Violation::new("body", message)]
    })?;
    remove_nulls(&mut value);
    let mut violations = state.schemas.validate(kind, &mut value);
    let Value::Object(request) = value else {
        return Err(violations);
    };
    let by_rules = rules::check(kind, &request, state.allow_private_networks);
    add_new_fields(&mut violations, by_rules);
    if let RequestKind::Job(kind) = kind {
        add_new_fields(&mut violations, state.engine.check(kind, &request));
    }
    match violations.is_empty() {
        true => Ok(request),
        false => Err(violations),
    }
}

/// Adds the violations of fields that have none yet, so that a field that the schema rejects is not reported again.
fn add_new_fields(violations: &mut Vec<Violation>, mut more: Vec<Violation>) {
    more.retain(|new| violations.iter().all(|known| known.field != new.field));
    violations.append(&mut more);
}

/// Removes all fields that are null. The specification allows null for some fields only, but pyannoteAI's Python SDK
/// sends every unset option as null, and the API accepts that.
fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(remove_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    content_type.is_some_and(|content_type| {
        let essence = content_type
            .split_once(';')
            .map_or(content_type, |(essence, _)| essence);
        essence.trim().eq_ignore_ascii_case("application/json")
    })
}
