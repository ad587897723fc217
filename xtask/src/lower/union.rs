//! Merges the strings of unions, and finds unions whose variants cannot be distinguished.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

use super::ERROR_BODY;
use crate::document;

/// References that are followed within a variant.
const MAX_DEPTH: usize = 16;

/// Merges all variants of a union that are strings or enums of strings into one: an open enum accepts every string, so
/// that no later variant would be tried.
pub(super) fn merge_strings(document: &mut Value) {
    let originals = document::schemas(document);
    let schemas = document
        .pointer_mut(document::SCHEMAS)
        .and_then(Value::as_object_mut);
    for (_, schema) in schemas.into_iter().flatten() {
        merge_strings_in(schema, &originals);
    }
}

fn merge_strings_in(schema: &mut Value, schemas: &Map<String, Value>) {
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    for (key, inner) in map.iter_mut() {
        match (key.as_str(), inner) {
            ("properties", Value::Object(properties)) => properties
                .values_mut()
                .for_each(|inner| merge_strings_in(inner, schemas)),
            ("allOf" | "anyOf" | "oneOf", Value::Array(parts)) => parts
                .iter_mut()
                .for_each(|inner| merge_strings_in(inner, schemas)),
            ("items" | "additionalProperties", inner) => merge_strings_in(inner, schemas),
            _ => {}
        }
    }
    for key in ["anyOf", "oneOf"] {
        let Some(variants) = map.get_mut(key).and_then(Value::as_array_mut) else {
            continue;
        };
        let strings: Vec<usize> = (0..variants.len())
            .filter(|index| {
                variants
                    .get(*index)
                    .is_some_and(|variant| is_plain_string(resolved(variant, schemas)))
            })
            .collect();
        let [first, _, ..] = strings[..] else {
            continue;
        };
        let mut values: Vec<Value> = Vec::new();
        let mut is_nullable = false;
        for variant in strings.iter().filter_map(|index| variants.get(*index)) {
            let target = resolved(variant, schemas);
            is_nullable |= [variant, target]
                .iter()
                .any(|part| part.get("nullable") == Some(&Value::Bool(true)));
            let listed = target.get("enum").and_then(Value::as_array);
            for value in listed.into_iter().flatten() {
                if !values.contains(value) {
                    values.push(value.clone());
                }
            }
        }
        let mut merged = json!({ "type": "string" });
        if !values.is_empty() {
            merged["enum"] = values.into();
        }
        let mut index = 0;
        variants.retain(|_| {
            index += 1;
            index - 1 == first || !strings.contains(&(index - 1))
        });
        if variants.len() > 1 {
            if let Some(variant) = variants.get_mut(first) {
                *variant = merged;
            }
        } else {
            map.remove(key);
            for (key, value) in merged.as_object().into_iter().flatten() {
                map.insert(key.clone(), value.clone());
            }
        }
        if is_nullable {
            map.insert("nullable".to_owned(), true.into());
        }
    }
}

/// Whether a schema is a string or an enum of strings that needs no type of its own.
fn is_plain_string(schema: &Value) -> bool {
    if schema.get("x-secret").is_some() || schema.get("format").is_some() {
        return false;
    }
    match (schema.get("type"), schema.get("enum")) {
        (Some(kind), _) => kind == "string",
        (None, Some(Value::Array(values))) => {
            values.iter().any(Value::is_string)
                && values
                    .iter()
                    .all(|value| value.is_string() || value.is_null())
        }
        _ => false,
    }
}

/// The schema itself, or the one it refers to.
fn resolved<'a>(schema: &'a Value, schemas: &'a Map<String, Value>) -> &'a Value {
    let mut schema = schema;
    for _ in 0..MAX_DEPTH {
        match document::referenced_schema(schema).and_then(|name| schemas.get(name)) {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

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
    for (index, first) in variants.iter().enumerate() {
        for (later, second) in variants.iter().enumerate().skip(index + 1) {
            ensure!(
                !accepts(first, second, schemas, MAX_DEPTH),
                "{location}: the variant {index} accepts the bodies of the variant {later}, because it requires no \
                 field that the other does not have: distinguish them in xtask/src/lower/union.rs, with a handwritten \
                 type as in pyannote-api-sys/src/job.rs"
            );
        }
    }
    Ok(())
}

/// Whether the type of `first` may accept values of `second`.
fn accepts(first: &Value, second: &Value, schemas: &Map<String, Value>, depth: usize) -> bool {
    let (first, second) = (resolved(first, schemas), resolved(second, schemas));
    let Some(depth) = depth.checked_sub(1) else {
        return true;
    };
    if let Some(variants) = variants(first) {
        return variants
            .iter()
            .any(|first| accepts(first, second, schemas, depth));
    }
    if let Some(variants) = variants(second) {
        return variants
            .iter()
            .any(|second| accepts(first, second, schemas, depth));
    }
    match (kind(first), kind(second)) {
        (Some("object"), Some("object")) => {
            let (mut required, mut properties) = (BTreeSet::new(), BTreeSet::new());
            collect_fields(first, schemas, &mut required, &mut BTreeSet::new(), depth);
            collect_fields(
                second,
                schemas,
                &mut BTreeSet::new(),
                &mut properties,
                depth,
            );
            required.is_subset(&properties)
        }
        (Some("array"), Some("array")) => match (first.get("items"), second.get("items")) {
            (Some(first), Some(second)) => accepts(first, second, schemas, depth),
            _ => true,
        },
        // Only times are tried before strings without loss.
        (Some("string"), Some("string")) => first.get("format").is_none() || first == second,
        (Some(first), Some(second)) => first == second,
        // Any value.
        (None, _) => true,
        (Some(_), None) => false,
    }
}

fn variants(schema: &Value) -> Option<&Vec<Value>> {
    let variants = schema.get("anyOf").or_else(|| schema.get("oneOf"))?;
    variants
        .as_array()
        .filter(|_| schema.get("properties").is_none())
}

/// The type of the values of a schema, or `None` if it is not known.
fn kind(schema: &Value) -> Option<&str> {
    if let Some(kind) = schema.get("type") {
        return kind.as_str();
    }
    if is_plain_string(schema) {
        return Some("string");
    }
    let has = |key: &str| schema.get(key).is_some();
    ["properties", "allOf", "required", "additionalProperties"]
        .into_iter()
        .any(has)
        .then_some("object")
}

/// The required fields and the properties of an object, including those of the parts of an `allOf`.
fn collect_fields<'a>(
    schema: &'a Value,
    schemas: &'a Map<String, Value>,
    required: &mut BTreeSet<&'a str>,
    properties: &mut BTreeSet<&'a str>,
    depth: usize,
) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    let schema = resolved(schema, schemas);
    let names = schema.get("required").and_then(Value::as_array);
    required.extend(names.into_iter().flatten().filter_map(Value::as_str));
    let names = schema.get("properties").and_then(Value::as_object);
    properties.extend(names.into_iter().flatten().map(|(name, _)| name.as_str()));
    let parts = schema.get("allOf").and_then(Value::as_array);
    for part in parts.into_iter().flatten() {
        collect_fields(part, schemas, required, properties, depth);
    }
}
