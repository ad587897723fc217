//! Compares schemas.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use super::Impact;
use super::compare::{Comparison, Direction, keys_of, map_at};
use crate::document;

impl Comparison {
    /// Compares the schemas in the components.
    pub(super) fn named_schemas(&mut self, old: &Value, new: &Value) -> Result<()> {
        let (before, after) = (document::schemas(old), document::schemas(new));
        let mut in_requests = BTreeSet::new();
        let mut in_responses = BTreeSet::new();
        for (document, schemas) in [(old, &before), (new, &after)] {
            for operation in document::operations(document)? {
                let part = |key: &str| operation.value.get(key);
                in_requests.extend(document::reachable_schemas(
                    part("requestBody").into_iter().chain(part("parameters")),
                    schemas,
                ));
                in_responses.extend(document::reachable_schemas(part("responses"), schemas));
            }
        }
        for (name, schema) in &before {
            match after.get(name) {
                None => self.add(name, "schema removed", Impact::Types),
                Some(after) => {
                    let direction = Direction {
                        request: in_requests.contains(name),
                        response: in_responses.contains(name),
                    };
                    self.schema(name, schema, after, direction);
                }
            }
        }
        for name in after.keys().filter(|name| !before.contains_key(*name)) {
            self.add(name, "schema added", Impact::Compatible);
        }
        Ok(())
    }

    /// Compares two versions of a schema.
    pub(super) fn schema(
        &mut self,
        location: &str,
        old: &Value,
        new: &Value,
        direction: Direction,
    ) {
        self.reference(location, old, new, direction);
        for key in keys_of(old, new) {
            let (before, after) = (old.get(key), new.get(key));
            match key.as_str() {
                "properties" => self.properties(location, old, new, direction),
                "required" => self.required(location, old, new, direction),
                "items" => {
                    let location = format!("{location}[]");
                    let (before, after) = (
                        before.unwrap_or(&Value::Null),
                        after.unwrap_or(&Value::Null),
                    );
                    self.schema(&location, before, after, direction);
                }
                _ if before != after => {
                    self.keyword(location, key, (old, before), (new, after), direction);
                }
                _ => {}
            }
        }
    }

    fn reference(&mut self, location: &str, old: &Value, new: &Value, direction: Direction) {
        let target = document::referenced_schema;
        if target(old) != target(new) {
            let name = |schema| target(schema).unwrap_or("an inline schema").to_owned();
            let description = format!(
                "type changed from {} to {} ({})",
                name(old),
                name(new),
                direction.label()
            );
            self.add(location, description, Impact::Breaking);
        }
    }

    /// Compares the values of a keyword, which differ. Each side is the schema and the value.
    fn keyword(
        &mut self,
        location: &str,
        key: &str,
        (old, before): (&Value, Option<&Value>),
        (new, after): (&Value, Option<&Value>),
        direction: Direction,
    ) {
        let is_reference = |schema| document::referenced_schema(schema).is_some();
        let changed = || {
            let (before, after) = (display(before), display(after));
            format!(
                "{key} changed from {before} to {after} ({})",
                direction.label()
            )
        };
        match key {
            // Compared in `reference`.
            "$ref" => {}
            "allOf" if is_reference(old) && is_reference(new) => {}
            "allOf" | "anyOf" | "oneOf" => self.variants(location, key, old, new, direction),
            "enum" => self.enum_values(location, before, after, direction),
            "nullable" if is_unset(before) && is_unset(after) => {}
            "nullable" => {
                let (description, impact) = match after == Some(&Value::Bool(true)) {
                    true => ("is now nullable", direction.relaxed()),
                    false => ("is no longer nullable", direction.restricted()),
                };
                self.typed(location, description, impact, direction);
            }
            "minimum" | "minLength" | "minItems" | "minProperties" => {
                self.limit(location, key, before, after, false, direction);
            }
            "maximum" | "maxLength" | "maxItems" | "maxProperties" => {
                self.limit(location, key, before, after, true, direction);
            }
            "default" => {
                // A request that omits the field is now processed differently.
                let impact = match direction.request {
                    true => Impact::Breaking,
                    false => Impact::Compatible,
                };
                self.add(location, changed(), impact);
            }
            "description" | "title" | "example" | "externalDocs" | "deprecated" => {
                self.add(location, format!("{key} changed"), Impact::Documentation);
            }
            _ if key.starts_with("x-") => {
                self.add(location, format!("{key} changed"), Impact::Documentation);
            }
            "format" | "additionalProperties" => self.add(location, changed(), Impact::Types),
            // `type`, `pattern` and unknown keywords are assumed to break callers.
            _ => self.add(location, changed(), Impact::Breaking),
        }
    }

    /// Adds a change that also changes the generated type.
    fn typed(&mut self, location: &str, description: &str, impact: Impact, direction: Direction) {
        let description = format!("{description} ({})", direction.label());
        self.add(location, description, impact.max(Impact::Types));
    }

    fn properties(&mut self, location: &str, old: &Value, new: &Value, direction: Direction) {
        let label = direction.label();
        let (before, after) = (map_at(old, "properties"), map_at(new, "properties"));
        for (name, schema) in &before {
            let location = format!("{location}.{name}");
            match after.get(name) {
                None => self.add(&location, format!("removed ({label})"), Impact::Breaking),
                Some(after) => self.schema(&location, schema, after, direction),
            }
        }
        let required = required(new);
        for name in after.keys().filter(|name| !before.contains_key(*name)) {
            let location = format!("{location}.{name}");
            if required.contains(name.as_str()) && direction.request {
                let description = format!("added and required ({label})");
                self.add(&location, description, Impact::Breaking);
            } else {
                self.add(&location, format!("added ({label})"), Impact::Compatible);
            }
        }
    }

    /// Compares which properties are required, among those that exist in both versions.
    fn required(&mut self, location: &str, old: &Value, new: &Value, direction: Direction) {
        let has_property = |schema: &Value, name: &str| {
            schema
                .get("properties")
                .is_some_and(|properties| properties.get(name).is_some())
        };
        let (before, after) = (required(old), required(new));
        for name in after.difference(&before) {
            if has_property(old, name) {
                let location = format!("{location}.{name}");
                let impact = direction.restricted();
                self.typed(&location, "is now required", impact, direction);
            }
        }
        for name in before.difference(&after) {
            if has_property(new, name) {
                let location = format!("{location}.{name}");
                let impact = direction.relaxed();
                self.typed(&location, "is now optional", impact, direction);
            }
        }
    }

    fn enum_values(
        &mut self,
        location: &str,
        old: Option<&Value>,
        new: Option<&Value>,
        direction: Direction,
    ) {
        let (Some(old), Some(new)) = (old.and_then(Value::as_array), new.and_then(Value::as_array))
        else {
            let (description, impact) = match new.is_some() {
                true => ("is now an enum", direction.restricted()),
                false => ("is no longer an enum", direction.relaxed()),
            };
            self.typed(location, description, impact, direction);
            return;
        };
        for value in old.iter().filter(|value| !new.contains(value)) {
            let description = format!("value {value} removed");
            self.typed(location, &description, direction.restricted(), direction);
        }
        for value in new.iter().filter(|value| !old.contains(value)) {
            // Compatible even in responses, since the generated enums are open.
            let description = format!("value {value} added ({})", direction.label());
            self.add(location, description, Impact::Compatible);
        }
        let same_values = old.len() == new.len() && old.iter().all(|value| new.contains(value));
        if same_values {
            self.add(location, "order of values changed", Impact::Documentation);
        }
    }

    fn limit(
        &mut self,
        location: &str,
        key: &str,
        old: Option<&Value>,
        new: Option<&Value>,
        is_upper: bool,
        direction: Direction,
    ) {
        let number = |value: Option<&Value>| value.and_then(Value::as_f64);
        match (old, new) {
            // A field with a limit has another generated type than one without.
            (None, _) => {
                let description = format!("{key} {} added", display(new));
                self.typed(location, &description, direction.restricted(), direction);
            }
            (_, None) => {
                let description = format!("{key} {} removed", display(old));
                self.typed(location, &description, direction.relaxed(), direction);
            }
            _ => {
                let is_restricted = match (number(old), number(new)) {
                    (None, _) => true,
                    (_, None) => false,
                    (Some(old), Some(new)) => (new < old) == is_upper,
                };
                let impact = match is_restricted {
                    true => direction.restricted(),
                    false => direction.relaxed(),
                };
                let description = format!(
                    "{key} changed from {} to {} ({})",
                    display(old),
                    display(new),
                    direction.label()
                );
                self.add(location, description, impact);
            }
        }
    }

    fn variants(
        &mut self,
        location: &str,
        key: &str,
        old: &Value,
        new: &Value,
        direction: Direction,
    ) {
        let variants = |schema: &Value| {
            let list = schema.get(key).and_then(Value::as_array);
            list.cloned().unwrap_or_default()
        };
        let (old, new) = (variants(old), variants(new));
        let name = |variant: &Value| match document::referenced_schema(variant) {
            Some(name) => name.to_owned(),
            None => variant.to_string(),
        };
        // Another alternative relaxes a schema. Another part of an `allOf`, or the first alternatives, restrict it.
        let (removed, added) = match key == "allOf" || old.is_empty() || new.is_empty() {
            true => (direction.relaxed(), direction.restricted()),
            false => (direction.restricted(), direction.relaxed()),
        };
        for variant in old.iter().filter(|variant| !new.contains(variant)) {
            let description = format!("{} removed from {key}", name(variant));
            self.typed(location, &description, removed, direction);
        }
        for variant in new.iter().filter(|variant| !old.contains(variant)) {
            let description = format!("{} added to {key}", name(variant));
            self.typed(location, &description, added, direction);
        }
    }
}

fn required(schema: &Value) -> BTreeSet<&str> {
    let list = schema.get("required").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// Whether a flag is missing or `false`.
fn is_unset(flag: Option<&Value>) -> bool {
    flag.is_none_or(|flag| *flag == Value::Bool(false))
}

fn display(value: Option<&Value>) -> String {
    value.map_or_else(|| "none".to_owned(), Value::to_string)
}
