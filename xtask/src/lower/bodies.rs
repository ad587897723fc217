//! Request, success and error bodies of operations.

use anyhow::{Result, bail, ensure};
use heck::ToUpperCamelCase;
use serde_json::{Map, Value, json};

use super::{ERROR_BODY, add_schema, for_each_operation, reference};
use crate::document;

const JSON: &str = "application/json";
/// JSON pointer of the schema of a body.
const JSON_SCHEMA: &str = "/content/application~1json/schema";

/// Reduces each body to JSON, if that is one of its content types: progenitor supports one content type per body.
pub(super) fn select_content_types(document: &mut Value) -> Result<()> {
    for_each_operation(document, |operation| {
        if let Some(body) = operation.get_mut("requestBody") {
            select_json(body);
            let kinds = body
                .get("content")
                .and_then(Value::as_object)
                .map_or(0, Map::len);
            ensure!(
                kinds <= 1,
                "the request body has {kinds} content types, none of which is application/json: select one in \
                 xtask/src/lower/bodies.rs"
            );
        }
        for (_, response) in responses(operation, |_| true) {
            select_json(response);
        }
        Ok(())
    })
}

fn select_json(body: &mut Value) {
    let Some(content) = body.get_mut("content").and_then(Value::as_object_mut) else {
        return;
    };
    if let Some(json) = content.get_mut(JSON).and_then(Value::as_object_mut) {
        // Any value, if there is no schema.
        let schema = json.remove("schema").unwrap_or_else(|| json!({}));
        *content = Map::from_iter([(JSON.to_owned(), json!({ "schema": schema }))]);
    }
}

/// Moves inline schemas of JSON bodies into components, so that they are treated like all others.
pub(super) fn hoist_inline_bodies(document: &mut Value) -> Result<()> {
    let names = document::schemas(document);
    let mut hoisted = Map::new();
    for_each_operation(document, |operation| {
        let id = operation_id(operation);
        let mut hoist = |role: &str, schema: &mut Value| -> Result<()> {
            if is_plain(schema) {
                return Ok(());
            }
            let name = format!("{id}{role}");
            ensure!(
                !names.contains_key(&name),
                "the name {name} of an inline body is taken by a schema: choose another name in \
                 xtask/src/lower/bodies.rs"
            );
            let original = std::mem::replace(schema, reference(&name));
            match hoisted.get(&name) {
                // Several responses with the same body.
                Some(other) => ensure!(
                    *other == original,
                    "several responses have different inline bodies: support them in xtask/src/lower/bodies.rs"
                ),
                None => {
                    hoisted.insert(name, original);
                }
            }
            Ok(())
        };
        if let Some(schema) = operation
            .get_mut("requestBody")
            .and_then(|body| body.pointer_mut(JSON_SCHEMA))
        {
            hoist("Body", schema)?;
        }
        for (status, response) in responses(operation, |_| true) {
            let role = match status.starts_with('2') {
                true => "Response".to_owned(),
                false => format!("Error{status}"),
            };
            if let Some(schema) = response.pointer_mut(JSON_SCHEMA)
                && !(status.starts_with('2') && super::job::is_union(schema))
            {
                hoist(&role, schema)?;
            }
        }
        Ok(())
    })?;
    for (name, schema) in hoisted {
        add_schema(document, &name, schema)?;
    }
    Ok(())
}

/// Whether progenitor generates no type of its own for a schema.
fn is_plain(schema: &Value) -> bool {
    let kind = schema.get("type").and_then(Value::as_str);
    schema.get("$ref").is_some()
        || *schema == json!({})
        || (matches!(kind, Some("string" | "number" | "integer" | "boolean"))
            && schema.get("enum").is_none())
}

/// Replaces the error bodies of all operations by one schema, the union of all of them.
///
/// Errors without a JSON body are removed: the generated methods return them as unexpected responses.
pub(super) fn unify_error_bodies(document: &mut Value) -> Result<()> {
    let mut bodies: Vec<Value> = Vec::new();
    for_each_operation(document, |operation| {
        let Some(responses) = operation
            .get_mut("responses")
            .and_then(Value::as_object_mut)
        else {
            bail!("there are no responses: add them in openapi/overlay.yaml");
        };
        // Redirects are not followed.
        responses.retain(|status, response| {
            status.starts_with('2')
                || (!status.starts_with(['1', '3']) && response.pointer(JSON_SCHEMA).is_some())
        });
        for (status, response) in responses.iter_mut() {
            if !status.starts_with('2')
                && let Some(schema) = response.pointer_mut(JSON_SCHEMA)
            {
                if !bodies.contains(schema) {
                    bodies.push(schema.clone());
                }
                *response = json!({
                    "description": response.get("description").cloned().unwrap_or_default(),
                    "content": { "application/json": { "schema": reference(ERROR_BODY) } },
                });
            }
        }
        // progenitor takes `default` for a success too.
        if let Some(default) = responses.remove("default") {
            for range in ["4XX", "5XX"] {
                responses.entry(range).or_insert_with(|| default.clone());
            }
        }
        // All errors have the same body, so that the codes in a range are redundant: rustc warns about them.
        for range in ["4XX", "5XX"] {
            if responses.contains_key(range) {
                responses.retain(|status, _| status == range || !status.starts_with(&range[..1]));
            }
        }
        Ok(())
    })?;
    if bodies.is_empty() {
        return Ok(());
    }
    add_schema(
        document,
        ERROR_BODY,
        json!({
            "description": "Error body, in one of the forms that the service uses.",
            "oneOf": bodies,
        }),
    )
}

/// Checks that each operation has one type of success body.
pub(super) fn check_success_bodies(document: &mut Value) -> Result<()> {
    for_each_operation(document, |operation| {
        let mut bodies: Vec<(String, Value)> = Vec::new();
        for (status, response) in responses(operation, |status| status.starts_with('2')) {
            let body = match response.pointer(JSON_SCHEMA) {
                Some(schema) => schema.clone(),
                None => response.get("content").cloned().unwrap_or_default(),
            };
            bodies.push((status.clone(), body));
        }
        let (Some((first, body)), rest) = (bodies.first(), bodies.get(1..).unwrap_or_default())
        else {
            bail!("there is no success response: add it in openapi/overlay.yaml");
        };
        if let Some((other, _)) = rest.iter().find(|(_, other)| other != body) {
            bail!(
                "the responses {first} and {other} have different bodies, but a generated method has one result type: \
                 support them in xtask/src/lower/bodies.rs"
            );
        }
        Ok(())
    })
}

fn operation_id(operation: &Value) -> String {
    let id = operation.get("operationId").and_then(Value::as_str);
    id.unwrap_or_default().to_upper_camel_case()
}

/// The responses of an operation whose status passes the filter.
pub(super) fn responses(
    operation: &mut Value,
    filter: impl Fn(&str) -> bool,
) -> impl Iterator<Item = (&String, &mut Value)> {
    operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
        .filter(move |(status, _)| filter(status))
}

pub(super) fn json_schema(response: &mut Value) -> Option<&mut Value> {
    response.pointer_mut(JSON_SCHEMA)
}
