//! An OpenAPI document as a JSON value, in the order in which it was written.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

/// The methods of a path item that are operations.
pub const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// The place of the schemas in a document.
pub const SCHEMAS: &str = "/components/schemas";
/// What a reference to a schema starts with.
pub const SCHEMA_REF: &str = "#/components/schemas/";

/// Reads YAML or JSON (which is YAML, too) and checks that it is an OpenAPI 3.0 document.
pub fn parse(text: &str) -> Result<Value> {
    let value: Value = yaml_serde::from_str(text).context("neither YAML nor JSON")?;
    let version = value
        .get("openapi")
        .and_then(Value::as_str)
        .context("not an OpenAPI document: it has no `openapi` version")?;
    ensure!(
        version.starts_with("3.0."),
        "OpenAPI {version}, but only 3.0 can be read"
    );
    for operation in operations(&value)? {
        operation.id()?;
    }
    for place in ["/components", SCHEMAS] {
        if let Some(part) = value.pointer(place) {
            ensure!(part.is_object(), "{place} is not a map");
        }
    }
    Ok(value)
}

/// Writes a document as YAML.
pub fn to_yaml(document: &Value) -> Result<String> {
    Ok(yaml_serde::to_string(document)?)
}

/// An operation of a document.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// Its path, such as `/v1/jobs/{jobId}`.
    pub path: &'a str,
    /// Its method, in lower case.
    pub method: &'a str,
    /// What is declared there.
    pub value: &'a Value,
}

impl Operation<'_> {
    /// Its `operationId`, which the bindings are named after.
    pub fn id(&self) -> Result<&str> {
        self.value
            .get("operationId")
            .and_then(Value::as_str)
            .with_context(|| format!("{self} has no operationId"))
    }
}

impl std::fmt::Display for Operation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method.to_uppercase(), self.path)
    }
}

/// The operations of a document, in its order.
pub fn operations(document: &Value) -> Result<Vec<Operation<'_>>> {
    let paths = document
        .get("paths")
        .and_then(Value::as_object)
        .context("not an OpenAPI document: it has no map of `paths`")?;
    let mut found = Vec::new();
    for (path, item) in paths {
        let item = item
            .as_object()
            .with_context(|| format!("the path {path} is not a map"))?;
        for (method, value) in item {
            if METHODS.contains(&method.as_str()) {
                ensure!(value.is_object(), "{method} of {path} is not a map");
                found.push(Operation {
                    path,
                    method,
                    value,
                });
            } else if ["$ref", "parameters", "servers"].contains(&method.as_str()) {
                bail!(
                    "the path {path} has `{method}` for all its operations, which is not supported"
                );
            }
        }
    }
    Ok(found)
}

/// The schemas of a document; none is an empty map.
#[must_use]
pub fn schemas(document: &Value) -> Map<String, Value> {
    document
        .pointer(SCHEMAS)
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

/// The name of the schema that `schema` refers to: by `$ref`, or by an `allOf` of one `$ref`, which OpenAPI 3.0 needs
/// to put a description beside a reference.
#[must_use]
pub fn referred(schema: &Value) -> Option<&str> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return reference.strip_prefix(SCHEMA_REF);
    }
    match schema.get("allOf").and_then(Value::as_array)?.as_slice() {
        [only] => referred(only),
        _ => None,
    }
}

/// Calls `visit` with the name of each schema that is referred to anywhere in `value`.
pub fn each_reference<'a>(value: &'a Value, visit: &mut impl FnMut(&'a str)) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                match (key.as_str(), inner) {
                    ("$ref", Value::String(reference)) => {
                        if let Some(name) = reference.strip_prefix(SCHEMA_REF) {
                            visit(name);
                        }
                    }
                    _ => each_reference(inner, visit),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each_reference(item, visit)),
        _ => {}
    }
}

/// The names of the schemas that `roots` refer to, directly or through other schemas of `schemas`, in the order of
/// `schemas`.
#[must_use]
pub fn reachable<'a>(
    roots: impl IntoIterator<Item = &'a Value>,
    schemas: &Map<String, Value>,
) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    let mut open = Vec::new();
    for root in roots {
        each_reference(root, &mut |name| open.push(name.to_owned()));
    }
    while let Some(name) = open.pop() {
        if let Some(schema) = schemas.get(&name)
            && seen.insert(name)
        {
            each_reference(schema, &mut |next| open.push(next.to_owned()));
        }
    }
    schemas
        .keys()
        .filter(|name| seen.contains(*name))
        .cloned()
        .collect()
}
