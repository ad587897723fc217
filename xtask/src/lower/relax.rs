//! Removes keywords that would make the generated types stricter than callers want.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::for_each_operation;
use crate::document;

/// Limits. They are removed from responses: one value out of range must not invalidate the whole response.
const LIMITS: [&str; 9] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
];

/// Keywords that progenitor does not check, or that it cannot represent. The service checks them.
const UNCHECKED: [&str; 6] = [
    "multipleOf",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "not",
    // progenitor would name types after it.
    "title",
];

/// Where a schema is used.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Place {
    Parameter,
    Request,
    Response,
}

/// Relaxes all schemas.
pub(super) fn relax(document: &mut Value, request_schemas: &BTreeSet<String>) -> Result<()> {
    let schemas = document
        .pointer_mut(document::SCHEMAS)
        .and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        let place = match request_schemas.contains(name) {
            true => Place::Request,
            false => Place::Response,
        };
        relax_schema(schema, place);
        let has_extra = schema.pointer("/properties/extra").is_some();
        ensure!(
            !has_extra || schema.get("additionalProperties").is_none(),
            "components.schemas.{name} has a property `extra`, which is the name of the map of additional fields: \
             rename one of them in xtask/src/generate.rs, or remove the additional fields in openapi/overlay.yaml"
        );
    }
    for_each_operation(document, |operation| {
        let parameters = operation
            .get_mut("parameters")
            .and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            if let Some(schema) = parameter.get_mut("schema") {
                relax_schema(schema, Place::Parameter);
            }
        }
        for (_, response) in super::bodies::responses(operation, |_| true) {
            if let Some(schema) = super::bodies::json_schema(response) {
                relax_schema(schema, Place::Response);
            }
        }
        Ok(())
    })
}

fn relax_schema(schema: &mut Value, place: Place) {
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    let is_named_object = map.get("properties").is_some_and(|properties| {
        properties
            .as_object()
            .is_some_and(|properties| !properties.is_empty())
    });
    let kind = map.get("type").and_then(Value::as_str);
    let is_number = matches!(kind, Some("number" | "integer" | "boolean"));
    let is_string = kind == Some("string");
    let is_integer = kind == Some("integer");
    let in_request = place != Place::Response;
    map.retain(|key, value| match key.as_str() {
        key if UNCHECKED.contains(&key) => false,
        key if LIMITS.contains(&key) => in_request,
        // Only strings become open enums.
        "enum" => !is_number,
        // A format limits the values and would change the type of a field. Times are worth a type of their own.
        "format" if place == Place::Parameter => true,
        "format" if is_string => *value == "date-time",
        "format" if is_integer => false,
        "format" => in_request,
        // Combinations of fields, which the service checks.
        "anyOf" | "oneOf" => !has_only_requirements(value),
        // Unknown fields are accepted: the service may add some at any time. A map of the unknown fields of a response
        // would make serde buffer all of it.
        "additionalProperties" => *value != Value::Bool(false) && (in_request || !is_named_object),
        _ => true,
    });
    for (key, inner) in map.iter_mut() {
        match (key.as_str(), inner) {
            ("properties", Value::Object(properties)) => {
                for inner in properties.values_mut() {
                    relax_schema(inner, place);
                }
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(parts)) => {
                for inner in parts {
                    relax_schema(inner, place);
                }
            }
            ("items" | "additionalProperties", inner) => relax_schema(inner, place),
            _ => {}
        }
    }
}

/// Whether the variants of a union do not describe values, but only which fields of the object must be present.
fn has_only_requirements(variants: &Value) -> bool {
    let is_requirement = |variant: &Value| {
        variant.as_object().is_some_and(|variant| {
            (variant.contains_key("required") || variant.contains_key("not"))
                && variant.keys().all(|key| {
                    ["required", "not", "type"].contains(&key.as_str()) || document::is_wording(key)
                })
        })
    };
    variants
        .as_array()
        .is_some_and(|variants| !variants.is_empty() && variants.iter().all(is_requirement))
}
