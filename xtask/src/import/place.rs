//! Which operation belongs into which fragment.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::document::{self, Operation};

/// The fragments, by the part of a path behind its version. A new part of the API gets its name here.
pub const FRAGMENTS: [&str; 7] = [
    "diarize",
    "identify",
    "jobs",
    "live",
    "media",
    "test",
    "voiceprint",
];

/// The file name of the fragment that an operation belongs into.
pub(super) fn fragment_of(operation: &Operation<'_>) -> Result<String> {
    let mut segments = operation.path.split('/').skip(1);
    let version = segments.next().unwrap_or_default();
    let is_version = version.strip_prefix('v').is_some_and(|number| {
        !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit())
    });
    segments
        .next()
        .filter(|name| is_version && FRAGMENTS.contains(name))
        .map(|name| format!("{name}.yaml"))
        .with_context(|| {
            format!(
                "cannot place {operation}: its path is not /v<number>/ and one of {}. \
                 If it is a new part of the API, add its name to FRAGMENTS in xtask/src/import/place.rs",
                FRAGMENTS.join(", ")
            )
        })
}

/// Splits a document into a document a fragment, each with the schemas that its operations need.
pub(super) fn split(document: &Value) -> Result<BTreeMap<String, Value>> {
    let mut parts: BTreeMap<String, Vec<Operation<'_>>> = BTreeMap::new();
    for operation in document::operations(document)? {
        let fragment = fragment_of(&operation)?;
        parts.entry(fragment).or_default().push(operation);
    }
    let is_one = parts.len() == 1;
    Ok(parts
        .into_iter()
        .map(|(fragment, operations)| {
            let part = if is_one {
                document.clone()
            } else {
                only(document, &operations)
            };
            (fragment, part)
        })
        .collect())
}

/// `document` with only these of its operations, and only the schemas that they need.
#[must_use]
pub(super) fn only(document: &Value, operations: &[Operation<'_>]) -> Value {
    let mut paths = Map::new();
    for operation in operations {
        let whole = &document["paths"][operation.path];
        let item = paths
            .entry(operation.path)
            .or_insert_with(|| without_operations(whole));
        item[operation.method] = operation.value.clone();
    }
    let mut part = document.clone();
    part["paths"] = Value::Object(paths);
    prune(&mut part);
    part
}

/// A path item without its operations: what is declared for all of them.
fn without_operations(item: &Value) -> Value {
    let shared = item.as_object().into_iter().flatten();
    Value::Object(
        shared
            .filter(|(key, _)| !document::METHODS.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    )
}

/// Takes the schemas out of `document` that nothing in its paths needs.
pub(super) fn prune(document: &mut Value) {
    let mut schemas = document::schemas(document);
    let needed = document::reachable([&document["paths"]], &schemas);
    schemas.retain(|name, _| needed.contains(name));
    if let Some(slot) = document.pointer_mut(document::SCHEMAS) {
        *slot = Value::Object(schemas);
    }
}
