//! Resolves what OpenAPI can share between operations, so that every operation is complete in itself.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use super::{METHODS, SCHEMA_REF};

/// The kinds of component that are copied to where they are used.
const COPIED: [&str; 3] = ["parameters", "requestBodies", "responses"];

/// Moves the parameters of path items into their operations, and replaces references to components other than schemas
/// by their targets.
pub(super) fn normalize(document: &mut Value) -> Result<()> {
    let components = document.get("components").cloned().unwrap_or_default();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        let Some(item) = item.as_object_mut() else {
            continue;
        };
        let shared = item.remove("parameters");
        for method in METHODS {
            if let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) {
                normalize_operation(operation, shared.as_ref(), &components)
                    .with_context(|| format!("in {} {path}", method.to_uppercase()))?;
            }
        }
    }
    if let Some(components) = document
        .get_mut("components")
        .and_then(Value::as_object_mut)
    {
        for kind in COPIED {
            components.remove(kind);
        }
    }
    check_references(document, "")
}

fn normalize_operation(
    operation: &mut Map<String, Value>,
    shared: Option<&Value>,
    components: &Value,
) -> Result<()> {
    if let Some(body) = operation.get_mut("requestBody") {
        resolve(body, components)?;
    }
    let responses = operation
        .get_mut("responses")
        .and_then(Value::as_object_mut);
    for (_, response) in responses.into_iter().flatten() {
        resolve(response, components)?;
    }
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        resolve(parameter, components)?;
    }
    let Some(shared) = shared else {
        return Ok(());
    };
    let shared = shared
        .as_array()
        .context("`parameters` of the path item must be a list")?;
    let own = operation
        .entry("parameters")
        .or_insert_with(|| Value::Array(Vec::new()))
        .as_array_mut()
        .context("`parameters` must be a list")?;
    for parameter in shared {
        let mut parameter = parameter.clone();
        resolve(&mut parameter, components)?;
        // A parameter of the operation overrides the one of the path item.
        let same = |other: &Value| {
            ["name", "in"]
                .iter()
                .all(|key| other.get(key) == parameter.get(key))
        };
        if !own.iter().any(same) {
            own.push(parameter);
        }
    }
    Ok(())
}

/// Replaces a reference to a component by its target.
fn resolve(value: &mut Value, components: &Value) -> Result<()> {
    // A chain of references that is longer than this is a cycle.
    for _ in 0..16 {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
            return Ok(());
        };
        let target = reference
            .strip_prefix("#/components")
            .and_then(|pointer| components.pointer(pointer))
            .with_context(|| format!("the target of the reference {reference} is missing"))?;
        *value = target.clone();
    }
    bail!("a reference refers to itself: {value}")
}

/// Checks that all remaining references are to schemas.
fn check_references(value: &Value, location: &str) -> Result<()> {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                match (key.as_str(), inner) {
                    ("$ref", Value::String(reference)) => ensure!(
                        reference.starts_with(SCHEMA_REF) || reference.starts_with("#/components/"),
                        "{} refers to {reference}, which is not a component: move the target to {SCHEMA_REF}, or \
                         support such references in xtask/src/document/normalize.rs",
                        location.trim_start_matches('.')
                    ),
                    ("example" | "examples" | "default" | "enum", _) => {}
                    _ if super::is_extension(key) => {}
                    _ => check_references(inner, &format!("{location}.{key}"))?,
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check_references(item, &format!("{location}.{index}"))?;
            }
        }
        _ => {}
    }
    Ok(())
}
