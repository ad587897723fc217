//! Parameters that progenitor would send in another form than the specification says.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use crate::document;

/// Checks that all parameters are sent as the specification says.
pub(super) fn check_parameters(document: &Value) -> Result<()> {
    let schemas = document::schemas(document);
    for operation in document::operations(document)? {
        let parameters = operation.value.get("parameters").and_then(Value::as_array);
        for parameter in parameters.into_iter().flatten() {
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or("?");
            check_parameter(parameter, &schemas)
                .with_context(|| format!("in the parameter {name} of {operation}"))?;
        }
    }
    Ok(())
}

fn check_parameter(parameter: &Value, schemas: &Map<String, Value>) -> Result<()> {
    const REMEDY: &str = "support it in xtask/src/lower/parameters.rs";
    let schema = parameter.get("schema").with_context(|| {
        format!("it has no `schema`, and other forms are not supported: {REMEDY}")
    })?;
    let target = document::referenced_schema(schema).and_then(|name| schemas.get(name));
    let schema = target.unwrap_or(schema);
    let kind = schema
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let is_compound =
        kind == "array" || ["object", ""].contains(&kind) && schema.get("enum").is_none();
    match parameter.get("in").and_then(Value::as_str) {
        Some("query") => {
            ensure!(
                kind != "object",
                "an object in a query is not supported: {REMEDY}"
            );
            ensure!(
                !(kind == "array" && parameter.get("explode") == Some(&Value::Bool(false))),
                "an array with `explode: false` is not supported: {REMEDY}"
            );
        }
        Some(place @ ("path" | "header")) => ensure!(
            !is_compound,
            "a value in a {place} must be a string, number or boolean: {REMEDY}"
        ),
        place => bail!(
            "a parameter in {:?} is not supported: {REMEDY}",
            place.unwrap_or_default()
        ),
    }
    Ok(())
}
