//! Rewrites documents so that equivalent ones are equal: without keywords that have their default value, and with the
//! parts of each `allOf` merged.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::document;

/// Names the schema in whose definition a property is, if the property was merged from an `allOf` and its generated
/// type is named after that schema. It exists only while documents are compared.
pub(super) const ORIGIN: &str = "x-origin";

/// The longest chain of `allOf` references that is followed.
const MAX_DEPTH: usize = 64;

/// Normalizes the schemas and parameters of a document.
pub(super) fn normalize(document: &Value) -> Value {
    let mut document = document.clone();
    remove_defaults(&mut document, false);
    let schemas = document::schemas(&document);
    let mut flattener = Flattener {
        schemas: &schemas,
        active: Vec::new(),
        finished: BTreeMap::new(),
    };
    let flattened = schemas
        .keys()
        .map(|name| (name.clone(), flattener.named(name)))
        .collect();
    if let Some(paths) = document.get_mut("paths") {
        flattener.within(paths);
    }
    if let Some(slot) = document.pointer_mut(document::SCHEMAS) {
        *slot = Value::Object(flattened);
    }
    document
}

/// Removes keywords that have no effect. `is_names` is set in maps whose keys are names of the API.
fn remove_defaults(value: &mut Value, is_names: bool) {
    match value {
        Value::Object(map) => {
            if !is_names {
                // The bindings exchange JSON only.
                map.remove("xml");
                let style = map.get("in").and_then(Value::as_str).map(default_style);
                if let Some(style) = style {
                    if map.get("style").is_some_and(|value| value == style) {
                        map.remove("style");
                    }
                    let is_form = style == "form" && !map.contains_key("style");
                    if map.get("explode") == Some(&Value::Bool(is_form)) {
                        map.remove("explode");
                    }
                }
                map.retain(|key, value| !is_default(key, value));
            }
            for (key, inner) in map.iter_mut() {
                let has_names = matches!(
                    key.as_str(),
                    "properties"
                        | "schemas"
                        | "responses"
                        | "headers"
                        | "paths"
                        | "content"
                        | "mapping"
                );
                if is_names || !holds_values(key) {
                    remove_defaults(inner, has_names && !is_names);
                }
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| remove_defaults(item, false)),
        _ => {}
    }
}

/// Whether a keyword contains values instead of schemas.
fn holds_values(key: &str) -> bool {
    document::is_extension(key) || matches!(key, "enum" | "default" | "example" | "examples")
}

/// The style of a parameter that does not state it.
fn default_style(location: &str) -> &'static str {
    match location {
        "query" | "cookie" => "form",
        _ => "simple",
    }
}

/// Whether a keyword of a schema or a parameter means the same as its absence.
fn is_default(key: &str, value: &Value) -> bool {
    match key {
        "nullable" | "deprecated" | "readOnly" | "writeOnly" | "uniqueItems"
        | "exclusiveMinimum" | "exclusiveMaximum" | "allowReserved" | "allowEmptyValue" => {
            *value == Value::Bool(false)
        }
        "minLength" | "minItems" | "minProperties" => value.as_f64() == Some(0.0),
        "required" | "allOf" => value.as_array().is_some_and(Vec::is_empty),
        _ => false,
    }
}

/// Merges the parts of every `allOf`.
struct Flattener<'a> {
    schemas: &'a Map<String, Value>,
    /// The named schemas that are being flattened. A reference to one of them is a cycle and stays as it is.
    active: Vec<String>,
    finished: BTreeMap<String, Value>,
}

impl Flattener<'_> {
    /// The flattened schema `name`.
    fn named(&mut self, name: &str) -> Value {
        if let Some(schema) = self.finished.get(name) {
            return schema.clone();
        }
        let mut schema = self.schemas.get(name).cloned().unwrap_or_default();
        self.active.push(name.to_owned());
        self.within(&mut schema);
        self.active.pop();
        self.finished.insert(name.to_owned(), schema.clone());
        schema
    }

    /// Flattens `value` and everything in it.
    fn within(&mut self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                for (key, inner) in map.iter_mut() {
                    if !holds_values(key) {
                        self.within(inner);
                    }
                }
                if !is_reference(value) {
                    self.flatten(value);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.within(item)),
            _ => {}
        }
    }

    fn is_unresolvable(&self, name: &str) -> bool {
        self.active.len() >= MAX_DEPTH
            || self.active.iter().any(|active| active == name)
            || !self.schemas.contains_key(name)
    }

    /// Marks the properties of the schema `name` whose types are named after it.
    fn mark_origin(&self, schema: &mut Value, name: &str) {
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        for (_, property) in properties.into_iter().flatten() {
            if self.has_own_type(property)
                && let Some(map) = property.as_object_mut()
            {
                map.entry(ORIGIN).or_insert_with(|| name.into());
            }
        }
    }

    /// Whether the bindings define a type for an inline schema that is named after its location.
    fn has_own_type(&self, schema: &Value) -> bool {
        let keys = [
            "minimum",
            "maximum",
            "minLength",
            "maxLength",
            "pattern",
            "minItems",
            "maxItems",
            "x-secret",
        ];
        let is_unnamed_enum = schema.get("enum").is_some_and(|values| {
            !self
                .schemas
                .values()
                .any(|named| named.get("enum") == Some(values))
        });
        document::referenced_schema(schema).is_none()
            && (is_unnamed_enum
                || keys.iter().any(|key| schema.get(key).is_some())
                || ["items", "additionalProperties"].iter().any(|key| {
                    schema
                        .get(key)
                        .is_some_and(|inner| self.has_own_type(inner))
                })
                || schema
                    .get("properties")
                    .and_then(Value::as_object)
                    .is_some_and(|properties| {
                        properties.values().any(|inner| self.has_own_type(inner))
                    }))
    }

    /// Merges the parts of the `allOf` of one schema, whose parts are flattened.
    fn flatten(&mut self, schema: &mut Value) {
        let Some(own) = schema.as_object_mut() else {
            return;
        };
        let Some(parts) = own.get("allOf").and_then(Value::as_array).cloned() else {
            return;
        };
        own.remove("allOf");
        let mut merged = Map::new();
        let mut is_nullable = true;
        for part in parts {
            let target = document::referenced_schema(&part).map(str::to_owned);
            let part = match target {
                Some(name) if self.is_unresolvable(&name) => {
                    is_nullable = false;
                    conflict(&mut merged, part);
                    continue;
                }
                Some(name) => {
                    let mut beside = part;
                    let mut target = self.named(&name);
                    self.mark_origin(&mut target, &name);
                    if let (Some(target), Some(beside)) =
                        (target.as_object_mut(), beside.as_object_mut())
                    {
                        beside.remove("$ref");
                        beside.remove("allOf");
                        merge(target, std::mem::take(beside));
                    }
                    target
                }
                None => part,
            };
            if let Value::Object(mut part) = part {
                is_nullable &= part.remove("nullable") == Some(Value::Bool(true));
                merge(&mut merged, part);
            }
        }
        if is_nullable {
            own.insert("nullable".to_owned(), true.into());
        }
        merge(&mut merged, std::mem::take(own));
        *own = merged;
    }
}

/// Whether a schema is a reference, possibly as an `allOf` with a single reference and annotations beside it.
fn is_reference(schema: &Value) -> bool {
    let is_annotation = |key: &str| {
        document::is_wording(key)
            || document::is_extension(key)
            || matches!(
                key,
                "$ref"
                    | "allOf"
                    | "type"
                    | "nullable"
                    | "default"
                    | "deprecated"
                    | "readOnly"
                    | "writeOnly"
            )
    };
    document::referenced_schema(schema).is_some()
        && schema
            .as_object()
            .is_some_and(|map| map.keys().all(|key| is_annotation(key)))
}

/// Adds the keywords of `from` to `into`, so that the result accepts what both accept. The texts and defaults of `from`
/// take precedence.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        let Some(existing) = into.get_mut(&key) else {
            into.insert(key, value);
            continue;
        };
        if *existing == value {
            continue;
        }
        match (key.as_str(), existing, value) {
            ("properties", Value::Object(existing), Value::Object(properties)) => {
                for (name, property) in properties {
                    match existing.get_mut(&name) {
                        Some(existing) => merge_schema(existing, property),
                        None => {
                            existing.insert(name, property);
                        }
                    }
                }
            }
            ("items", existing @ Value::Object(_), items @ Value::Object(_)) => {
                merge_schema(existing, items)
            }
            ("required", Value::Array(existing), Value::Array(names)) => {
                for name in names {
                    if !existing.contains(&name) {
                        existing.push(name);
                    }
                }
            }
            ("allOf", Value::Array(existing), Value::Array(parts)) => existing.extend(parts),
            ("enum", Value::Array(existing), Value::Array(values)) => {
                existing.retain(|value| values.contains(value))
            }
            ("minimum" | "minLength" | "minItems" | "minProperties", existing, value) => {
                if value.as_f64() > existing.as_f64() {
                    *existing = value;
                }
            }
            ("maximum" | "maxLength" | "maxItems" | "maxProperties", existing, value) => {
                if value.as_f64() < existing.as_f64() {
                    *existing = value;
                }
            }
            ("additionalProperties", existing, value) => {
                if *existing == Value::Bool(true) || value == Value::Bool(false) {
                    *existing = value;
                }
            }
            (key, existing, value)
                if document::is_wording(key)
                    || document::is_extension(key)
                    || ["default", "nullable", "deprecated", "readOnly", "writeOnly"]
                        .contains(&key) =>
            {
                *existing = value;
            }
            (_, _, value) => conflict(into, json!({ key: value })),
        }
    }
}

fn merge_schema(into: &mut Value, from: Value) {
    let has_reference = [&*into, &from]
        .into_iter()
        .any(|schema| schema.get("$ref").is_some() || schema.get("allOf").is_some());
    match (&mut *into, from) {
        (Value::Object(into), Value::Object(from)) if !has_reference => merge(into, from),
        (existing, from) if *existing != from => {
            *existing = json!({ "allOf": [existing.take(), from] });
        }
        _ => {}
    }
}

/// Keeps a part that cannot be merged in the `allOf`.
fn conflict(merged: &mut Map<String, Value>, part: Value) {
    if let Some(parts) = merged
        .entry("allOf")
        .or_insert_with(|| json!([]))
        .as_array_mut()
    {
        parts.push(part);
    }
}
