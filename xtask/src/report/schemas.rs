//! Compares schemas.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Map, Value};

use super::Impact;
use super::compare::{Comparison, Direction, change_of_value, display, keys_of, map_at};
use super::normalize::ORIGIN;
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

    /// Compares two versions of a schema, after resolving references.
    pub(super) fn schema(
        &mut self,
        location: &str,
        old: &Value,
        new: &Value,
        direction: Direction,
    ) {
        let target = |schema| document::referenced_schema(schema).map(str::to_owned);
        let pair = (target(old), target(new));
        match pair {
            (None, None) => {
                // Both types are named after their location.
                self.keywords(location, old, new, direction);
            }
            (Some(before), Some(after)) if before == after => {
                // The target is compared once, in `named_schemas`.
                self.keywords(location, &own_keywords(old), &own_keywords(new), direction);
            }
            _ => self.other_target(location, old, new, pair, direction),
        }
    }

    /// Compares schemas of which at least one is a reference, to another schema than the other one.
    fn other_target(
        &mut self,
        location: &str,
        old: &Value,
        new: &Value,
        pair: (Option<String>, Option<String>),
        direction: Direction,
    ) {
        if self.pairs.contains(&pair) {
            return;
        }
        let (before, after) = (
            type_name(old, &self.schemas.0),
            type_name(new, &self.schemas.1),
        );
        if before != after {
            let name = |name: Option<String>| name.unwrap_or_else(|| "an inline schema".to_owned());
            let description = format!(
                "type changed from {} to {} ({})",
                name(before),
                name(after),
                direction.label()
            );
            self.add(location, description, Impact::Types);
        }
        let old = resolve(old, &self.schemas.0);
        let new = resolve(new, &self.schemas.1);
        self.pairs.push(pair);
        self.keywords(location, &old, &new, direction);
        self.pairs.pop();
    }

    /// Compares the keywords of two schemas without references.
    fn keywords(&mut self, location: &str, old: &Value, new: &Value, direction: Direction) {
        for key in keys_of(old, new) {
            let (before, after) = (old.get(key), new.get(key));
            match key.as_str() {
                "properties" => self.properties(location, old, new, direction),
                "required" => self.required(location, old, new, direction),
                "items" | "additionalProperties"
                    if [before, after]
                        .iter()
                        .all(|schema| schema.is_some_and(Value::is_object)) =>
                {
                    let suffix = if key == "items" { "[]" } else { "{}" };
                    let location = format!("{location}{suffix}");
                    let (before, after) = (before.cloned(), after.cloned());
                    self.schema(
                        &location,
                        &before.unwrap_or_default(),
                        &after.unwrap_or_default(),
                        direction,
                    );
                }
                _ if before != after => {
                    self.keyword(location, key, (old, before), (new, after), direction);
                }
                _ => {}
            }
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
        let changed = || {
            let (before, after) = (display(before), display(after));
            format!(
                "{key} changed from {before} to {after} ({})",
                direction.label()
            )
        };
        match key {
            "allOf" | "anyOf" | "oneOf" => self.variants(location, key, old, new, direction),
            "enum" => self.enum_values(location, before, after, direction),
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
            "pattern" if before.is_none() || after.is_none() => {
                let (description, impact) = match before.is_none() {
                    true => (
                        format!("pattern {} added", display(after)),
                        direction.restricted(),
                    ),
                    false => ("pattern removed".to_owned(), direction.relaxed()),
                };
                self.limited(location, &description, impact, direction);
            }
            // The bindings do not check them.
            "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" | "uniqueItems"
                if is_unset(before) || is_unset(after) =>
            {
                let impact = match is_unset(after) {
                    true => direction.relaxed(),
                    false => direction.restricted(),
                };
                self.add(location, changed(), impact);
            }
            // The bindings accept additional properties in any case.
            "additionalProperties" if ![before, after].into_iter().any(is_map_schema) => {
                let impact = match after == Some(&Value::Bool(false)) {
                    true => direction.restricted(),
                    false => Impact::Compatible,
                };
                self.add(location, changed(), impact);
            }
            "deprecated" => {
                let description = match is_unset(after) {
                    true => "is no longer deprecated",
                    false => "is now deprecated",
                };
                self.add(location, description, Impact::Compatible);
            }
            // The property is not part of requests.
            "readOnly" => {
                let impact = match direction.request {
                    true => Impact::Breaking,
                    false => Impact::Compatible,
                };
                self.add(location, changed(), impact);
            }
            // The property is not part of responses.
            "writeOnly" => self.add(location, changed(), direction.relaxed()),
            "format" if !changes_type(new, before) && !changes_type(new, after) => {
                self.add(location, changed(), Impact::Compatible);
            }
            ORIGIN => self.origin(location, before, after),
            _ if document::is_wording(key) => {
                self.add(location, format!("{key} changed"), Impact::Wording);
            }
            _ if document::is_extension(key) => {
                let description = format!("{key} {}", change_of_value(before, after));
                self.add(location, description, Impact::Compatible);
            }
            "format" | "additionalProperties" | "discriminator" => {
                self.add(location, changed(), Impact::Types);
            }
            // `type`, `pattern` and unknown keywords are assumed to break callers.
            _ => self.add(location, changed(), Impact::Breaking),
        }
    }

    /// Compares the schemas after which the generated type of a property is named.
    fn origin(&mut self, location: &str, before: Option<&Value>, after: Option<&Value>) {
        let parent = location
            .rsplit_once('.')
            .map_or(location, |(parent, _)| parent);
        let name =
            |origin: Option<&Value>| origin.and_then(Value::as_str).unwrap_or(parent).to_owned();
        let description = format!(
            "type is now named after {} instead of {}",
            name(after),
            name(before)
        );
        self.add(location, description, Impact::Types);
    }

    /// Adds a change that also changes the generated type.
    fn typed(&mut self, location: &str, description: &str, impact: Impact, direction: Direction) {
        let description = format!("{description} ({})", direction.label());
        self.add(location, description, impact.max(Impact::Types));
    }

    /// Adds a limit or its removal, which changes the generated type in requests. Types of responses have no limits.
    fn limited(&mut self, location: &str, description: &str, impact: Impact, direction: Direction) {
        match direction.request {
            true => self.typed(location, description, impact, direction),
            false => {
                let description = format!("{description} ({})", direction.label());
                self.add(location, description, impact);
            }
        }
    }

    fn properties(&mut self, location: &str, old: &Value, new: &Value, direction: Direction) {
        let label = direction.label();
        let (before, after) = (map_at(old, "properties"), map_at(new, "properties"));
        for (name, schema) in &before {
            let path = format!("{location}.{name}");
            match after.get(name) {
                None => self.add(&path, format!("removed ({label})"), Impact::Breaking),
                Some(after) => {
                    let is_optional = self.optional.contains(location)
                        || [old, new]
                            .iter()
                            .all(|schema| !required(schema).contains(name.as_str()));
                    match is_optional && self.becomes_nullable(&path, schema, after, direction) {
                        true => self.schema(&path, schema, &without_nullable(after), direction),
                        false => self.schema(&path, schema, after, direction),
                    }
                }
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

    /// Reports an optional property that becomes nullable: its type is an `Option`, which reads null already, unless it
    /// is an array or a map.
    fn becomes_nullable(
        &mut self,
        location: &str,
        old: &Value,
        new: &Value,
        direction: Direction,
    ) -> bool {
        let has_option = !matches!(
            new.get("type").and_then(Value::as_str),
            Some("array" | "object")
        );
        let is_change = is_unset(old.get("nullable")) && !is_unset(new.get("nullable"));
        if is_change && has_option {
            let description = format!("is now nullable ({})", direction.label());
            self.add(location, description, Impact::Compatible);
        }
        is_change && has_option
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
                let path = format!("{location}.{name}");
                let impact = direction.restricted();
                match self.optional.contains(location) {
                    true => {
                        let description = format!("is now required ({})", direction.label());
                        self.add(&path, description, impact);
                    }
                    false => self.typed(&path, "is now required", impact, direction),
                }
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
            self.add(location, "order of values changed", Impact::Compatible);
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
                self.limited(location, &description, direction.restricted(), direction);
            }
            (_, None) => {
                let description = format!("{key} {} removed", display(old));
                self.limited(location, &description, direction.relaxed(), direction);
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
            None => document::without_wording(variant).to_string(),
        };
        let contains = |variants: &[Value], wanted: &Value| {
            variants.iter().any(|variant| name(variant) == name(wanted))
        };
        // Another alternative relaxes a schema. Another part of an `allOf`, or the first alternatives, restrict it.
        let (removed, added) = match key == "allOf" || old.is_empty() || new.is_empty() {
            true => (direction.relaxed(), direction.restricted()),
            false => (direction.restricted(), direction.relaxed()),
        };
        for variant in old.iter().filter(|variant| !contains(&new, variant)) {
            let description = format!("{} removed from {key}", name(variant));
            self.typed(location, &description, removed, direction);
        }
        for variant in new.iter().filter(|variant| !contains(&old, variant)) {
            let description = format!("{} added to {key}", name(variant));
            self.typed(location, &description, added, direction);
        }
    }
}

pub(super) fn required(schema: &Value) -> BTreeSet<&str> {
    let list = schema.get("required").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// Whether additional properties have a type.
fn is_map_schema(value: Option<&Value>) -> bool {
    value
        .and_then(Value::as_object)
        .is_some_and(|schema| !schema.is_empty())
}

fn without_nullable(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(map) = schema.as_object_mut() {
        map.remove("nullable");
    }
    schema
}

/// Whether a format selects the generated type of a schema.
fn changes_type(schema: &Value, format: Option<&Value>) -> bool {
    let strings = ["uuid", "date", "date-time", "ip", "ipv4", "ipv6", "binary"];
    let is_string = schema.get("type").is_some_and(|kind| kind == "string");
    match format.and_then(Value::as_str) {
        Some(format) => !is_string || strings.contains(&format),
        None => false,
    }
}

/// Whether a flag is missing or `false`.
fn is_unset(flag: Option<&Value>) -> bool {
    flag.is_none_or(|flag| *flag == Value::Bool(false))
}

/// The keywords beside a reference.
fn own_keywords(schema: &Value) -> Value {
    let mut own = schema.clone();
    if let Some(map) = own.as_object_mut() {
        map.remove("$ref");
        map.remove("allOf");
    }
    own
}

/// Replaces a reference by its target, with the keywords beside the reference.
pub(super) fn resolve(schema: &Value, schemas: &Map<String, Value>) -> Value {
    let mut resolved = schema.clone();
    // A chain of references that is longer than this is a cycle.
    for _ in 0..16 {
        let target = document::referenced_schema(&resolved).and_then(|name| schemas.get(name));
        let Some(target) = target else {
            break;
        };
        let own = own_keywords(&resolved);
        resolved = target.clone();
        overwrite(&mut resolved, own);
    }
    resolved
}

fn overwrite(schema: &mut Value, keywords: Value) {
    if let (Some(map), Value::Object(keywords)) = (schema.as_object_mut(), keywords) {
        map.extend(keywords);
    }
}

/// The name of the type that is generated for a schema, or `None` if it is named after its location.
fn type_name(schema: &Value, schemas: &Map<String, Value>) -> Option<String> {
    if let Some(name) = document::referenced_schema(schema) {
        return Some(name.to_owned());
    }
    // An inline enum has the type of the first named enum with the same values.
    let values = schema.get("enum")?;
    let named = schemas
        .iter()
        .find(|(_, named)| named.get("enum") == Some(values));
    named.map(|(name, _)| name.clone())
}
