//! Separates the structure of a specification from its wording: texts and examples, which do not affect any program.

use serde_json::Value;

/// Whether `key` of an OpenAPI object other than a map of names holds wording.
#[must_use]
pub fn is_wording(key: &str) -> bool {
    matches!(
        key,
        "description"
            | "summary"
            | "title"
            | "example"
            | "examples"
            | "externalDocs"
            | "tags"
            | "contact"
            | "license"
            | "termsOfService"
            | "info"
    )
}

/// Whether `key` is a specification extension.
#[must_use]
pub fn is_extension(key: &str) -> bool {
    key.starts_with("x-")
}

/// Removes the wording of a document, or of a part of it.
///
/// Empty lists of parameters, and of the security requirements of a whole document, are removed too: they mean the same
/// as none.
///
/// ```
/// use serde_json::json;
/// use xtask::document::without_wording;
///
/// let schema = json!({"description": "A text.", "properties": {"description": {"type": "string", "title": "Text"}}});
/// assert_eq!(without_wording(&schema), json!({"properties": {"description": {"type": "string"}}}));
/// ```
#[must_use]
pub fn without_wording(value: &Value) -> Value {
    let mut structure = structure(value, false);
    if let Some(map) = structure.as_object_mut()
        && map.contains_key("openapi")
    {
        map.retain(|key, value| key != "security" || !is_empty_list(value));
    }
    structure
}

fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

/// `is_names` is set in maps whose keys are names of the API instead of keywords.
fn structure(value: &Value, is_names: bool) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, value)| {
                is_names || !(is_wording(key) || *key == "parameters" && is_empty_list(value))
            });
            let structures = kept.map(|(key, value)| {
                let value = match key.as_str() {
                    "enum" | "default" | "required" | "const" if !is_names => value.clone(),
                    "properties" | "schemas" | "securitySchemes" | "responses" | "parameters"
                    | "requestBodies" | "headers" | "paths" | "content"
                        if !is_names =>
                    {
                        structure(value, true)
                    }
                    _ => structure(value, false),
                };
                (key.clone(), value)
            });
            Value::Object(structures.collect())
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| structure(item, false)).collect())
        }
        other => other.clone(),
    }
}
