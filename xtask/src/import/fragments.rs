//! Assigns operations to fragments and splits documents accordingly.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::document::{self, Operation};
use crate::workspace::{BUNDLE, OVERLAY};

/// The file name of the fragment that contains an operation: the first segment of its path after the version.
fn file_name(operation: &Operation<'_>) -> Result<String> {
    let is_version = |segment: &str| {
        segment.strip_prefix('v').is_some_and(|number| {
            !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit())
        })
    };
    let is_name = |segment: &str| {
        !segment.is_empty()
            && segment.chars().all(|char| {
                char.is_ascii_lowercase() || char.is_ascii_digit() || "-_".contains(char)
            })
    };
    let mut segments = operation.path.split('/').skip(1);
    segments
        .find(|segment| !is_version(segment))
        .filter(|name| is_name(name))
        .map(|name| format!("{name}.yaml"))
        .filter(|name| ![OVERLAY, BUNDLE].contains(&name.as_str()))
        .with_context(|| {
            format!(
                "no fragment for {operation}: the path must start with a version and the name of a part of the API, \
                 such as /v1/jobs, and the name must not be that of another file in openapi/. Name a file for it in \
                 `file_name` in xtask/src/import/fragments.rs"
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
