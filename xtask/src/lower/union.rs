//! Finds unions whose variants cannot be distinguished.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::{Map, Value};

use super::ERROR_BODY;
use crate::document;

/// Checks that the variants of all unions in responses can be distinguished.
///
/// The generated types try the variants in order. A variant without required fields of its own accepts the bodies of a
/// later one, whose fields would silently be lost.
pub(super) fn check_unions(document: &Value, request_schemas: &BTreeSet<String>) -> Result<()> {
    let schemas = document::schemas(document);
    for (name, schema) in &schemas {
        let is_response = !request_schemas.contains(name);
        // Whoever needs the details of an error reads its body.
        if is_response && ![ERROR_BODY, super::JOB_BODY].contains(&name.as_str()) {
            check_schema(schema, &format!("components.schemas.{name}"), &schemas)?;
        }
    }
    Ok(())
}

fn check_schema(schema: &Value, location: &str, schemas: &Map<String, Value>) -> Result<()> {
    let Some(map) = schema.as_object() else {
        return Ok(());
    };
    for (key, inner) in map {
        let location = format!("{location}.{key}");
        match (key.as_str(), inner) {
            ("properties", Value::Object(properties)) => {
                for (name, inner) in properties {
                    check_schema(inner, &format!("{location}.{name}"), schemas)?;
                }
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(parts)) => {
                if key != "allOf" {
                    check_variants(parts, &location, schemas)?;
                }
                for (index, inner) in parts.iter().enumerate() {
                    check_schema(inner, &format!("{location}.{index}"), schemas)?;
                }
            }
            ("items" | "additionalProperties", inner) => check_schema(inner, &location, schemas)?,
            _ => {}
        }
    }
    Ok(())
}

fn check_variants(variants: &[Value], location: &str, schemas: &Map<String, Value>) -> Result<()> {
    let objects: Vec<Option<&Map<String, Value>>> = variants
        .iter()
        .map(|variant| {
            let target = document::referenced_schema(variant).and_then(|name| schemas.get(name));
            let object = target.unwrap_or(variant).as_object()?;
            (object.contains_key("properties") || object.get("type")? == "object").then_some(object)
        })
        .collect();
    for (index, first) in objects.iter().enumerate() {
        let Some(first) = first else {
            continue;
        };
        for (later, second) in objects.iter().enumerate().skip(index + 1) {
            let Some(properties) =
                second.map(|second| second.get("properties").and_then(Value::as_object))
            else {
                continue;
            };
            let required = first.get("required").and_then(Value::as_array);
            let is_distinct = required
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .any(|name| !properties.is_some_and(|properties| properties.contains_key(name)));
            ensure!(
                is_distinct,
                "{location}: the variant {index} accepts the bodies of the variant {later}, because it requires no \
                 field that the other does not have: distinguish them in xtask/src/lower/union.rs, with a handwritten \
                 type as in pyannote-api-sys/src/job.rs"
            );
        }
    }
    Ok(())
}
