//! The check of a body: is it JSON, is it what the schema says, does it keep the rules, and can the engine do it.

use axum::response::Response;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::App;
use super::error::invalid;
use super::rules;
use super::schema::Body;
use crate::violation::Violation;

/// The body, or the refusal that lists everything that is wrong with it. A refusal is large, and rare: it is boxed.
pub(super) fn checked(
    app: &App,
    body: Body,
    headers: &HeaderMap,
    bytes: &[u8],
) -> Result<Map<String, Value>, Box<Response>> {
    if !is_json(headers) {
        let violation = Violation::new("body", "must be application/json");
        return Err(Box::new(invalid(&[violation])));
    }
    let mut value: Value = serde_json::from_slice(bytes).map_err(|error| {
        let violation = Violation::new("body", format!("is not JSON: {error}"));
        Box::new(invalid(&[violation]))
    })?;
    forget_nulls(&mut value);
    let mut violations = app.schemas.check(body, &value);
    let Value::Object(request) = value else {
        return Err(Box::new(invalid(&violations)));
    };
    // What the schema refuses already is not refused twice, nor by the engine what a rule refuses.
    add(&mut violations, rules::check(body, &request));
    if let Some(kind) = body.kind() {
        add(&mut violations, app.engine.check(kind, &request));
    }
    match violations.is_empty() {
        true => Ok(request),
        false => Err(Box::new(invalid(&violations))),
    }
}

/// Adds the violations of fields that have none yet.
fn add(violations: &mut Vec<Violation>, mut more: Vec<Violation>) {
    more.retain(|new| violations.iter().all(|known| known.field != new.field));
    violations.append(&mut more);
}

/// Takes the fields out that are null. The specification lets only some be null, but the provider's own Python SDK sends
/// every option that was not set so, and the service takes it.
fn forget_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(forget_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_nulls),
        _ => {}
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let named = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    named.is_some_and(|named| {
        let essence = named.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    })
}
