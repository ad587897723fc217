//! Converts OpenAPI 3.1 to 3.0, which is what progenitor reads. Schemas of documents marked as 3.0 are converted too.
//!
//! The schemas of OpenAPI 3.1 are JSON Schema 2020-12. What has an equivalent in OpenAPI 3.0 is converted: lists of
//! types and null, `const`, `examples`, numeric exclusive bounds, keywords beside a `$ref`, `contentEncoding`. Keywords
//! without an equivalent are errors.

use anyhow::{Result, bail, ensure};
use serde_json::{Map, Value, json};

/// Keywords that say nothing about the values of a schema.
const ANNOTATIONS: [&str; 4] = ["$comment", "$schema", "$id", "contentMediaType"];

/// Keywords without an equivalent in OpenAPI 3.0.
const UNSUPPORTED: [&str; 19] = [
    "$anchor",
    "$defs",
    "$dynamicAnchor",
    "$dynamicRef",
    "contains",
    "contentSchema",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "minContains",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "$vocabulary",
];

/// End of the message for a schema that allows only null.
const ALWAYS_NULL: &str = "is always null, which OpenAPI 3.0 cannot express: give it another type as well, or convert \
                           it in xtask/src/document/v3_1.rs";

/// Converts a document.
pub(super) fn convert(document: &mut Value) -> Result<()> {
    document["openapi"] = super::VERSION.into();
    if let Some(map) = document.as_object_mut() {
        map.remove("jsonSchemaDialect");
        // No operation of a client.
        map.remove("webhooks");
        // Empty in OpenAPI 3.1 if there are only webhooks or components.
        map.entry("paths").or_insert_with(|| json!({}));
    }
    if let Some(info) = document.get_mut("info").and_then(Value::as_object_mut) {
        info.remove("summary");
    }
    ensure!(
        document.pointer("/components/pathItems").is_none(),
        "components.pathItems is not supported: move them to `paths`, or support them in xtask/src/document/v3_1.rs"
    );
    convert_schemas(document)
}

/// Converts the schemas of a document.
pub(super) fn convert_schemas(document: &mut Value) -> Result<()> {
    find_schemas(document, "")
}

/// Converts the schemas of everything that is not a schema itself.
fn find_schemas(value: &mut Value, location: &str) -> Result<()> {
    let is_components = location == ".components";
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                let location = format!("{location}.{key}");
                match key.as_str() {
                    "example" | "examples" => {}
                    "schema" => convert_schema(inner, &location)?,
                    "schemas" if is_components => {
                        for (name, schema) in inner.as_object_mut().into_iter().flatten() {
                            convert_schema(schema, &format!("{location}.{name}"))?;
                        }
                    }
                    key if super::is_extension(key) => {}
                    _ => find_schemas(inner, &location)?,
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                find_schemas(item, &format!("{location}.{index}"))?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Converts a schema and the schemas in it.
fn convert_schema(schema: &mut Value, location: &str) -> Result<()> {
    let place = location.trim_start_matches('.').to_owned();
    if *schema == Value::Bool(true) {
        *schema = json!({});
    }
    let Some(map) = schema.as_object_mut() else {
        bail!(
            "{place} is {schema}, which is not supported: write an object, or support it in xtask/src/document/v3_1.rs"
        );
    };
    for key in ANNOTATIONS {
        map.remove(key);
    }
    for key in UNSUPPORTED {
        ensure!(
            !map.contains_key(key),
            "{place} uses `{key}`, which OpenAPI 3.0 does not have: express it with other keywords, or convert it in \
             xtask/src/document/v3_1.rs"
        );
    }
    remove_null_variants(map);
    for (key, inner) in map.iter_mut() {
        let location = format!("{location}.{key}");
        match key.as_str() {
            "properties" => {
                for (name, inner) in inner.as_object_mut().into_iter().flatten() {
                    convert_schema(inner, &format!("{location}.{name}"))?;
                }
            }
            "allOf" | "anyOf" | "oneOf" => {
                for (index, inner) in inner.as_array_mut().into_iter().flatten().enumerate() {
                    convert_schema(inner, &format!("{location}.{index}"))?;
                }
            }
            // Boolean in OpenAPI 3.0 too.
            "additionalProperties" if inner.is_boolean() => {}
            "items" | "additionalProperties" | "not" => convert_schema(inner, &location)?,
            _ => {}
        }
    }
    convert_annotations(map);
    exclusive_bound(map, "exclusiveMinimum", "minimum", f64::gt);
    exclusive_bound(map, "exclusiveMaximum", "maximum", f64::lt);
    convert_types(map, &place)?;
    ensure!(
        !["enum", "anyOf", "oneOf"].iter().any(|key| {
            let values = map.get(*key).and_then(Value::as_array);
            values.is_some_and(|values| values.iter().all(Value::is_null))
        }),
        "{place} {ALWAYS_NULL}"
    );
    reference_with_siblings(map);
    Ok(())
}

fn convert_annotations(map: &mut Map<String, Value>) {
    if let Some(Value::Array(examples)) = map.remove("examples")
        && let Some(first) = examples.into_iter().next()
    {
        map.entry("example").or_insert(first);
    }
    if let Some(value) = map.remove("const") {
        if !map.contains_key("type")
            && let Some(kind) = type_name(&value)
        {
            map.insert("type".to_owned(), kind.into());
        }
        map.insert("enum".to_owned(), json!([value]));
    }
    if let Some(encoding) = map.remove("contentEncoding") {
        map.entry("format").or_insert(encoding);
    }
}

/// The type of a constant.
fn type_name(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(_) => Some("string"),
        Value::Bool(_) => Some("boolean"),
        Value::Number(number) if number.is_f64() => Some("number"),
        Value::Number(_) => Some("integer"),
        _ => None,
    }
}

/// Converts a numeric exclusive bound to a bound and a flag.
fn exclusive_bound(
    map: &mut Map<String, Value>,
    exclusive: &str,
    inclusive: &str,
    is_stricter: fn(&f64, &f64) -> bool,
) {
    let Some(bound) = map
        .get(exclusive)
        .filter(|bound| bound.is_number())
        .cloned()
    else {
        return;
    };
    let is_needed = match (bound.as_f64(), map.get(inclusive).and_then(Value::as_f64)) {
        (Some(bound), Some(other)) => !is_stricter(&other, &bound),
        _ => true,
    };
    match is_needed {
        true => {
            map.insert(inclusive.to_owned(), bound);
            map.insert(exclusive.to_owned(), true.into());
        }
        false => {
            map.remove(exclusive);
        }
    }
}

/// Converts a list of types: null becomes `nullable`, several others become `oneOf`.
fn convert_types(map: &mut Map<String, Value>, place: &str) -> Result<()> {
    let types = match map.get("type") {
        Some(Value::Array(types)) => types.clone(),
        Some(Value::String(only)) => vec![only.clone().into()],
        _ => return Ok(()),
    };
    let mut others = types.clone();
    others.retain(|kind| kind != "null");
    if others.len() < types.len() {
        map.insert("nullable".to_owned(), true.into());
    }
    match others.as_slice() {
        [] => bail!("{place} {ALWAYS_NULL}"),
        [only] => {
            map.insert("type".to_owned(), only.clone());
        }
        several => {
            let known = [
                "type",
                "nullable",
                "description",
                "default",
                "example",
                "title",
                "deprecated",
            ];
            if let Some(key) = map.keys().find(|key| !known.contains(&key.as_str())) {
                bail!(
                    "{place} has several types and `{key}`: write one schema per type with `oneOf`, or convert it in \
                     xtask/src/document/v3_1.rs"
                );
            }
            let variants: Vec<Value> = several.iter().map(|kind| json!({ "type": kind })).collect();
            map.remove("type");
            map.insert("oneOf".to_owned(), variants.into());
        }
    }
    Ok(())
}

/// Converts a null variant of `anyOf` and `oneOf` to `nullable`.
fn remove_null_variants(map: &mut Map<String, Value>) {
    for key in ["anyOf", "oneOf"] {
        let Some(variants) = map.get_mut(key).and_then(Value::as_array_mut) else {
            continue;
        };
        let count = variants.len();
        variants.retain(|variant| variant.get("type") != Some(&json!("null")));
        if variants.len() == count {
            continue;
        }
        let only = match variants.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        };
        map.insert("nullable".to_owned(), true.into());
        if let Some(only) = only {
            map.remove(key);
            match only.as_object() {
                Some(inner) if !inner.contains_key("$ref") => {
                    for (key, value) in inner {
                        map.entry(key.clone()).or_insert_with(|| value.clone());
                    }
                }
                _ => {
                    map.insert("allOf".to_owned(), json!([only]));
                }
            }
        }
    }
}

/// Moves a reference with other keywords beside it into an `allOf`: OpenAPI 3.0 ignores those keywords.
fn reference_with_siblings(map: &mut Map<String, Value>) {
    if map.len() < 2 {
        return;
    }
    if let Some(reference) = map.remove("$ref") {
        let mut parts = vec![json!({ "$ref": reference })];
        if let Some(Value::Array(others)) = map.remove("allOf") {
            parts.extend(others);
        }
        map.insert("allOf".to_owned(), parts.into());
    }
}
