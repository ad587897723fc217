//! OpenAPI documents as JSON values whose keys keep their order.

mod normalize;
mod unique;
mod v3_1;
mod wording;

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

pub use wording::{is_extension, is_wording, without_wording};

/// Keys of a path item that are operations.
pub const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// The OpenAPI version of every parsed document.
const VERSION: &str = "3.0.0";

/// JSON pointer of the schemas of a document.
pub const SCHEMAS: &str = "/components/schemas";
/// Prefix of a `$ref` to a schema.
pub const SCHEMA_REF: &str = "#/components/schemas/";

/// Parses an OpenAPI 3.0 or 3.1 document from YAML or JSON (a subset of YAML).
///
/// The result is in the form that the other steps expect: OpenAPI 3.0, with the parameters of path items moved into
/// their operations, and references to parameters, request bodies and responses replaced by their targets.
///
/// # Errors
///
/// If the text is neither YAML nor JSON, is not OpenAPI 3.0 or 3.1, has an operation without an `operationId`, or uses
/// something that cannot be converted. The message names the location, and the file that would have to support it.
pub fn parse(text: &str) -> Result<Value> {
    let unique::Unique(mut value) = yaml_serde::from_str(text).context("invalid YAML or JSON")?;
    let version = value
        .get("openapi")
        .and_then(Value::as_str)
        .context("missing `openapi` version")?
        .to_owned();
    match version.split('.').take(2).collect::<Vec<_>>()[..] {
        // The patch version does not matter, and must not keep fragments from being merged.
        ["3", "0"] => {
            value["openapi"] = VERSION.into();
            // Documents marked as 3.0 use what only 3.1 has, too.
            v3_1::convert_schemas(&mut value)?;
        }
        ["3", "1"] => v3_1::convert(&mut value)?,
        _ => bail!(
            "unsupported OpenAPI version {version}: only 3.0 and 3.1 are supported; convert it in xtask/src/document/"
        ),
    }
    normalize::normalize(&mut value)?;
    check_cycles(&schemas(&value))?;
    for operation in operations(&value)? {
        operation.id()?;
    }
    for pointer in ["/components", SCHEMAS] {
        if let Some(part) = value.pointer(pointer) {
            ensure!(part.is_object(), "{pointer} must be a map");
        }
    }
    Ok(value)
}

/// Checks that no schema consists only of references that lead back to itself.
fn check_cycles(schemas: &Map<String, Value>) -> Result<()> {
    /// The schemas that `schema` is made of: those of its properties and items are separate values.
    fn parts<'a>(schema: &'a Value, names: &mut Vec<&'a str>) {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            names.extend(reference.strip_prefix(SCHEMA_REF));
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            let inner = schema.get(key).and_then(Value::as_array);
            inner
                .into_iter()
                .flatten()
                .for_each(|inner| parts(inner, names));
        }
    }
    for (name, schema) in schemas {
        let mut pending = Vec::new();
        parts(schema, &mut pending);
        let mut seen = BTreeSet::new();
        while let Some(next) = pending.pop() {
            ensure!(
                next != name,
                "components.schemas.{name} is made of a reference to itself: correct it in the source"
            );
            if seen.insert(next)
                && let Some(schema) = schemas.get(next)
            {
                parts(schema, &mut pending);
            }
        }
    }
    Ok(())
}

/// Formats a document as YAML.
pub fn to_yaml(document: &Value) -> Result<String> {
    Ok(yaml_serde::to_string(document)?)
}

/// An operation of a document.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// Path, such as `/v1/jobs/{jobId}`.
    pub path: &'a str,
    /// HTTP method, in lower case.
    pub method: &'a str,
    /// The operation object.
    pub value: &'a Value,
}

impl Operation<'_> {
    /// The `operationId`, after which the generated method is named.
    pub fn id(&self) -> Result<&str> {
        self.value
            .get("operationId")
            .and_then(Value::as_str)
            .with_context(|| {
                format!(
                    "{self} has no `operationId`, after which its method is named: add one to the source, or derive it \
                     in xtask/src/document/normalize.rs"
                )
            })
    }
}

impl std::fmt::Display for Operation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method.to_uppercase(), self.path)
    }
}

/// The operations of a document, in document order.
///
/// # Errors
///
/// If `paths` or one of its entries is not a map, or a path item has settings that apply to all its operations.
pub fn operations(document: &Value) -> Result<Vec<Operation<'_>>> {
    let paths = document
        .get("paths")
        .and_then(Value::as_object)
        .context("missing or invalid `paths`: must be a map")?;
    let mut operations = Vec::new();
    for (path, item) in paths {
        let item = item
            .as_object()
            .with_context(|| format!("the path item of {path} must be a map"))?;
        for (method, value) in item {
            if METHODS.contains(&method.as_str()) {
                ensure!(value.is_object(), "`{method}` of {path} must be a map");
                operations.push(Operation {
                    path,
                    method,
                    value,
                });
            } else if ["$ref", "servers"].contains(&method.as_str()) {
                bail!(
                    "`{method}` of the path item {path} is not supported: move it into the operations, or support it \
                     in xtask/src/document/normalize.rs"
                );
            }
        }
    }
    Ok(operations)
}

/// The schemas of a document, by name. Empty if the document has none.
#[must_use]
pub fn schemas(document: &Value) -> Map<String, Value> {
    document
        .pointer(SCHEMAS)
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

/// The name of the schema that `schema` refers to, by `$ref` or by an `allOf` with a single `$ref`.
///
/// OpenAPI 3.0 needs the latter to add a description to a reference.
#[must_use]
pub fn referenced_schema(schema: &Value) -> Option<&str> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return reference.strip_prefix(SCHEMA_REF);
    }
    match schema.get("allOf").and_then(Value::as_array)?.as_slice() {
        [only] => referenced_schema(only),
        _ => None,
    }
}

/// Calls `visit` with the schema name of every `$ref` in `value`.
pub fn visit_references<'a>(value: &'a Value, visit: &mut impl FnMut(&'a str)) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                match (key.as_str(), inner) {
                    ("$ref", Value::String(reference)) => {
                        if let Some(name) = reference.strip_prefix(SCHEMA_REF) {
                            visit(name);
                        }
                    }
                    _ => visit_references(inner, visit),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| visit_references(item, visit)),
        _ => {}
    }
}

/// The names of the schemas that `roots` refer to, directly or through other schemas, in the order of `schemas`.
#[must_use]
pub fn reachable_schemas<'a>(
    roots: impl IntoIterator<Item = &'a Value>,
    schemas: &Map<String, Value>,
) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut pending = Vec::new();
    for root in roots {
        visit_references(root, &mut |name| pending.push(name.to_owned()));
    }
    while let Some(name) = pending.pop() {
        if let Some(schema) = schemas.get(&name)
            && seen.insert(name)
        {
            visit_references(schema, &mut |next| pending.push(next.to_owned()));
        }
    }
    schemas
        .keys()
        .filter(|name| seen.contains(*name))
        .cloned()
        .collect()
}
