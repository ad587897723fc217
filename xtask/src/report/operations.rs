//! Compares operations: parameters, request bodies and responses.

use serde_json::{Map, Value};

use super::Impact;
use super::compare::{Comparison, Direction, keys_of, map_at, only_adds_security};
use super::schemas::{required, resolve};
use crate::document::Operation;

impl Comparison {
    pub(super) fn operations(&mut self, old: &[Operation<'_>], new: &[Operation<'_>]) {
        fn find<'a, 'b>(
            operations: &'a [Operation<'b>],
            wanted: &Operation<'_>,
        ) -> Option<&'a Operation<'b>> {
            operations
                .iter()
                .find(|other| (other.path, other.method) == (wanted.path, wanted.method))
        }
        for operation in old {
            match find(new, operation) {
                None => self.add(
                    &operation.to_string(),
                    "operation removed",
                    Impact::Breaking,
                ),
                Some(after) => self.operation(operation, after),
            }
        }
        for operation in new {
            if find(old, operation).is_none() {
                self.add(
                    &operation.to_string(),
                    "operation added",
                    Impact::Compatible,
                );
            }
        }
    }

    fn operation(&mut self, old: &Operation<'_>, new: &Operation<'_>) {
        let location = old.to_string();
        let is_changed = |key: &str| old.value.get(key) != new.value.get(key);
        if is_changed("operationId") {
            let id = new.id().unwrap_or_default();
            self.add(
                &location,
                format!("operationId changed to {id}"),
                Impact::Types,
            );
        }
        for key in keys_of(old.value, new.value) {
            let (before, after) = (old.value.get(key), new.value.get(key));
            let impact = match key.as_str() {
                // Compared above or below.
                "operationId" | "parameters" | "requestBody" | "responses" => continue,
                // The bindings use neither.
                "deprecated" | "callbacks" => Impact::Compatible,
                "security" if only_adds_security(before, after) => Impact::Compatible,
                _ => Impact::Breaking,
            };
            self.other(&location, key, before, after, impact);
        }
        self.parameters(&location, old.value, new.value);
        self.request_body(&location, old.value, new.value);
        self.responses(&location, old.value, new.value);
    }

    fn parameters(&mut self, location: &str, old: &Value, new: &Value) {
        let (old, new) = (parameters_by_name(old), parameters_by_name(new));
        for (name, before) in &old {
            let location = format!("{location}, {name}");
            let Some(after) = new.get(name) else {
                self.add(&location, "removed (request)", Impact::Breaking);
                continue;
            };
            self.is_required(&location, before, after);
            for key in keys_of(before, after) {
                if !["name", "in", "required", "schema"].contains(&key.as_str()) {
                    let impact = match key.as_str() {
                        "deprecated" => Impact::Compatible,
                        _ => Impact::Breaking,
                    };
                    self.other(&location, key, before.get(key), after.get(key), impact);
                }
            }
            self.content_schema(&location, before, after, Direction::REQUEST);
        }
        for (name, parameter) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            let (description, impact) = match is_required(parameter) {
                true => ("added and required (request)", Impact::Breaking),
                false => ("added (request)", Impact::Compatible),
            };
            self.add(&format!("{location}, {name}"), description, impact);
        }
    }

    fn request_body(&mut self, location: &str, old: &Value, new: &Value) {
        let location = format!("{location}, body");
        match (old.get("requestBody"), new.get("requestBody")) {
            (None, None) => {}
            (None, Some(new)) if is_required(new) => {
                self.add(&location, "added and required (request)", Impact::Breaking);
            }
            (None, Some(new)) if self.has_required_properties(new) => {
                // The service accepts requests without it, but progenitor sends every body that an operation has.
                let description = "added, and the bindings always send it (request)";
                self.add(&location, description, Impact::Types);
            }
            (None, Some(_)) => self.add(&location, "added (request)", Impact::Compatible),
            (Some(_), None) => self.add(&location, "removed (request)", Impact::Breaking),
            (Some(old), Some(new)) => {
                self.is_required(&location, old, new);
                self.annotations(&location, old, new);
                self.contents(&location, old, new, Direction::REQUEST);
            }
        }
    }

    /// Whether a new body must have properties.
    fn has_required_properties(&self, body: &Value) -> bool {
        map_at(body, "content").values().any(|content| {
            let schema = content.get("schema").cloned().unwrap_or_default();
            !required(&resolve(&schema, &self.schemas.1)).is_empty()
        })
    }

    /// Compares the `required` flags of a parameter or a body.
    fn is_required(&mut self, location: &str, old: &Value, new: &Value) {
        match (is_required(old), is_required(new)) {
            (false, true) => self.add(location, "is now required (request)", Impact::Breaking),
            (true, false) => self.add(location, "is now optional (request)", Impact::Types),
            _ => {}
        }
    }

    fn responses(&mut self, location: &str, old: &Value, new: &Value) {
        let (old, new) = (map_at(old, "responses"), map_at(new, "responses"));
        let impact = |status: &str| match status.starts_with('2') {
            true => Impact::Breaking,
            false => Impact::Compatible,
        };
        for (status, before) in &old {
            let location = format!("{location}, status {status}");
            match new.get(status) {
                None => self.add(&location, "removed (response)", impact(status)),
                Some(after) => {
                    self.annotations(&location, before, after);
                    self.contents(&location, before, after, Direction::RESPONSE);
                }
            }
        }
        for status in new.keys().filter(|status| !old.contains_key(*status)) {
            let location = format!("{location}, status {status}");
            self.add(&location, "added (response)", impact(status));
        }
    }

    /// Compares everything in a body or a response but its content.
    fn annotations(&mut self, location: &str, old: &Value, new: &Value) {
        for key in keys_of(old, new) {
            if !["content", "required"].contains(&key.as_str()) {
                // The bindings use neither headers nor links.
                self.other(
                    location,
                    key,
                    old.get(key),
                    new.get(key),
                    Impact::Compatible,
                );
            }
        }
    }

    /// Compares the content types of a body and their schemas.
    fn contents(&mut self, location: &str, old: &Value, new: &Value, direction: Direction) {
        let (old, new) = (map_at(old, "content"), map_at(new, "content"));
        for kind in old.keys().filter(|kind| !new.contains_key(*kind)) {
            self.add(
                location,
                format!("content type {kind} removed"),
                Impact::Breaking,
            );
        }
        for kind in new.keys().filter(|kind| !old.contains_key(*kind)) {
            // Callers do not ask for another content type.
            let impact = match old.is_empty() {
                true => Impact::Breaking,
                false => Impact::Compatible,
            };
            self.add(location, format!("content type {kind} added"), impact);
        }
        for (kind, before) in &old {
            if let Some(after) = new.get(kind) {
                self.content_schema(location, before, after, direction);
            }
        }
    }

    /// Compares the `schema` of a parameter or of a content type.
    fn content_schema(&mut self, location: &str, old: &Value, new: &Value, direction: Direction) {
        let schema = |value: &Value| value.get("schema").cloned().unwrap_or_default();
        self.schema(location, &schema(old), &schema(new), direction);
    }
}

fn parameters_by_name(operation: &Value) -> Map<String, Value> {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    parameters
        .into_iter()
        .flatten()
        .map(|parameter| {
            let text = |key| parameter.get(key).and_then(Value::as_str);
            let name = match text("$ref") {
                Some(reference) => format!("parameter {reference}"),
                None => format!(
                    "{} parameter {}",
                    text("in").unwrap_or("?"),
                    text("name").unwrap_or("?")
                ),
            };
            (name, parameter.clone())
        })
        .collect()
}

fn is_required(value: &Value) -> bool {
    value.get("required") == Some(&Value::Bool(true))
}
