//! Assigns operations to fragments and splits documents accordingly.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::document::{self, Operation};

/// Names of the fragments: the path segments that may follow the version. Add new parts of the API here.
pub const FRAGMENTS: [&str; 7] = [
    "diarize",
    "identify",
    "jobs",
    "live",
    "media",
    "test",
    "voiceprint",
];

/// The file name of the fragment that contains an operation.
fn file_name(operation: &Operation<'_>) -> Result<String> {
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
                "no fragment for {operation}: the path must start with /v<number>/ and one of {}. \
                 If this is a new part of the API, add its name to FRAGMENTS in xtask/src/import/fragments.rs",
                FRAGMENTS.join(", ")
            )
        })
}

/// Splits a document into one document per fragment, each with the schemas that its operations use.
pub(super) fn split(document: &Value) -> Result<BTreeMap<String, Value>> {
    let mut fragments: BTreeMap<String, Vec<Operation<'_>>> = BTreeMap::new();
    for operation in document::operations(document)? {
        let name = file_name(&operation)?;
        fragments.entry(name).or_default().push(operation);
    }
    let is_single = fragments.len() == 1;
    Ok(fragments
        .into_iter()
        .map(|(name, operations)| {
            let part = if is_single {
                document.clone()
            } else {
                subset(document, &operations)
            };
            (name, part)
        })
        .collect())
}

/// Reduces `document` to these operations and the schemas that they use.
#[must_use]
pub(super) fn subset(document: &Value, operations: &[Operation<'_>]) -> Value {
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
    remove_unused_schemas(&mut part);
    part
}

/// A path item without its operations.
fn without_operations(item: &Value) -> Value {
    let entries = item.as_object().into_iter().flatten();
    Value::Object(
        entries
            .filter(|(key, _)| !document::METHODS.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    )
}

fn remove_unused_schemas(document: &mut Value) {
    let mut schemas = document::schemas(document);
    let used = document::reachable_schemas([&document["paths"]], &schemas);
    schemas.retain(|name, _| used.contains(name));
    if let Some(slot) = document.pointer_mut(document::SCHEMAS) {
        *slot = Value::Object(schemas);
    }
}
