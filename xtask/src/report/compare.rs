//! Two specifications, compared.
//!
//! Whether a change breaks callers depends on the direction: what they send may be allowed more but not less, what
//! they receive may be promised more but not less. A schema that goes both ways is held to both.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Map, Value};

use super::{Change, Impact, Report};
use crate::document::{self, Operation};

/// Compares the specification `old` with `new`.
pub fn compare(old: &Value, new: &Value) -> Result<Report> {
    let mut comparison = Comparison::default();
    for key in ["servers", "security"] {
        if old.get(key) != new.get(key) {
            comparison.add(key, "changed", Impact::Breaking);
        }
    }
    for key in ["info", "tags", "externalDocs"] {
        if old.get(key) != new.get(key) {
            comparison.add(key, "changed", Impact::Wording);
        }
    }
    comparison.operations(&document::operations(old)?, &document::operations(new)?);
    comparison.schemas(old, new)?;
    let components = |document: &Value| {
        let map = document.get("components").and_then(Value::as_object);
        map.cloned().unwrap_or_default()
    };
    let (before, after) = (components(old), components(new));
    let kinds: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for kind in kinds.into_iter().filter(|kind| *kind != "schemas") {
        if before.get(kind) != after.get(kind) {
            comparison.add(&format!("components.{kind}"), "changed", Impact::Breaking);
        }
    }
    Ok(Report {
        changes: comparison.changes,
    })
}

/// Which way a schema goes.
#[derive(Clone, Copy, Debug, Default)]
struct Direction {
    sent: bool,
    received: bool,
}

impl Direction {
    const SENT: Self = Self {
        sent: true,
        received: false,
    };
    const RECEIVED: Self = Self {
        sent: false,
        received: true,
    };

    /// The impact of a change that asks more of what callers send and promises more of what they receive.
    fn narrower(self) -> Impact {
        if self.sent {
            Impact::Breaking
        } else {
            Impact::Compatible
        }
    }

    /// The impact of a change that asks less of what callers send and promises less of what they receive.
    fn wider(self) -> Impact {
        if self.received {
            Impact::Breaking
        } else {
            Impact::Compatible
        }
    }

    fn in_words(self) -> &'static str {
        match (self.sent, self.received) {
            (true, true) => "request and response",
            (true, false) => "request",
            (false, true) => "response",
            (false, false) => "unused",
        }
    }
}

#[derive(Default)]
struct Comparison {
    changes: Vec<Change>,
}

impl Comparison {
    fn add(&mut self, place: &str, what: impl Into<String>, impact: Impact) {
        self.changes.push(Change {
            place: place.to_owned(),
            what: what.into(),
            impact,
        });
    }

    fn operations(&mut self, old: &[Operation<'_>], new: &[Operation<'_>]) {
        let find = |operations: &[Operation<'_>], wanted: &Operation<'_>| {
            operations
                .iter()
                .position(|other| (other.path, other.method) == (wanted.path, wanted.method))
        };
        for operation in old {
            match find(new, operation).and_then(|index| new.get(index)) {
                None => self.add(
                    &operation.to_string(),
                    "operation removed",
                    Impact::Breaking,
                ),
                Some(after) => self.operation(operation, after),
            }
        }
        for operation in new
            .iter()
            .filter(|operation| find(old, operation).is_none())
        {
            self.add(
                &operation.to_string(),
                "operation added",
                Impact::Compatible,
            );
        }
    }

    fn operation(&mut self, old: &Operation<'_>, new: &Operation<'_>) {
        let place = old.to_string();
        let text = |operation: &Operation<'_>, key| operation.value.get(key).cloned();
        if text(old, "operationId") != text(new, "operationId") {
            let name = new.id().unwrap_or_default();
            self.add(&place, format!("operationId is now {name}"), Impact::Types);
        }
        let keys: BTreeSet<&String> = [old, new]
            .into_iter()
            .filter_map(|operation| operation.value.as_object())
            .flat_map(Map::keys)
            .collect();
        for key in keys {
            let impact = match key.as_str() {
                // Compared on their own.
                "operationId" | "parameters" | "requestBody" | "responses" => continue,
                "summary" | "description" | "tags" | "deprecated" | "externalDocs" => {
                    Impact::Wording
                }
                _ => Impact::Breaking,
            };
            if text(old, key) != text(new, key) {
                self.add(&place, format!("{key} changed"), impact);
            }
        }
        self.parameters(&place, old.value, new.value);
        self.request_body(&place, old.value, new.value);
        self.responses(&place, old.value, new.value);
    }

    fn parameters(&mut self, place: &str, old: &Value, new: &Value) {
        let by_name = |operation: &Value| -> Map<String, Value> {
            let list = operation.get("parameters").and_then(Value::as_array);
            list.into_iter()
                .flatten()
                .map(|parameter| {
                    let part = |key| parameter.get(key).and_then(Value::as_str).unwrap_or("?");
                    let name = match parameter.get("$ref").and_then(Value::as_str) {
                        Some(reference) => format!("parameter {reference}"),
                        None => format!("{} parameter {}", part("in"), part("name")),
                    };
                    (name, parameter.clone())
                })
                .collect()
        };
        let is_required = |parameter: &Value| parameter.get("required") == Some(&Value::Bool(true));
        let (old, new) = (by_name(old), by_name(new));
        for (name, before) in &old {
            let place = format!("{place}, {name}");
            let Some(after) = new.get(name) else {
                self.add(&place, "removed (request)", Impact::Breaking);
                continue;
            };
            match (is_required(before), is_required(after)) {
                (false, true) => self.add(&place, "is now required (request)", Impact::Breaking),
                (true, false) => self.add(&place, "is now optional (request)", Impact::Types),
                _ => {}
            }
            if before.get("description") != after.get("description") {
                self.add(&place, "description changed", Impact::Wording);
            }
            let schema = |parameter: &Value| parameter.get("schema").cloned().unwrap_or_default();
            self.schema(&place, &schema(before), &schema(after), Direction::SENT);
        }
        for (name, parameter) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            let (what, impact) = match is_required(parameter) {
                true => ("added and required (request)", Impact::Breaking),
                false => ("added (request)", Impact::Compatible),
            };
            self.add(&format!("{place}, {name}"), what, impact);
        }
    }

    fn request_body(&mut self, place: &str, old: &Value, new: &Value) {
        let place = format!("{place}, body");
        match (old.get("requestBody"), new.get("requestBody")) {
            (None, None) => {}
            (None, Some(_)) => self.add(&place, "added (request)", Impact::Breaking),
            (Some(_), None) => self.add(&place, "removed (request)", Impact::Breaking),
            (Some(old), Some(new)) => {
                let is_required = |body: &Value| body.get("required") == Some(&Value::Bool(true));
                match (is_required(old), is_required(new)) {
                    (false, true) => {
                        self.add(&place, "is now required (request)", Impact::Breaking)
                    }
                    (true, false) => self.add(&place, "is now optional (request)", Impact::Types),
                    _ => {}
                }
                self.contents(&place, old, new, Direction::SENT);
            }
        }
    }

    fn responses(&mut self, place: &str, old: &Value, new: &Value) {
        let all = |operation: &Value| {
            let map = operation.get("responses").and_then(Value::as_object);
            map.cloned().unwrap_or_default()
        };
        let (old, new) = (all(old), all(new));
        let impact = |status: &str| match status.starts_with('2') {
            true => Impact::Breaking,
            false => Impact::Compatible,
        };
        for (status, before) in &old {
            let place = format!("{place}, answer {status}");
            match new.get(status) {
                None => self.add(&place, "removed (response)", impact(status)),
                Some(after) => {
                    if before.get("description") != after.get("description") {
                        self.add(&place, "description changed", Impact::Wording);
                    }
                    self.contents(&place, before, after, Direction::RECEIVED);
                }
            }
        }
        for status in new.keys().filter(|status| !old.contains_key(*status)) {
            let place = format!("{place}, answer {status}");
            self.add(&place, "added (response)", impact(status));
        }
    }

    fn contents(&mut self, place: &str, old: &Value, new: &Value, direction: Direction) {
        let content = |body: &Value| {
            let map = body.get("content").and_then(Value::as_object);
            map.cloned().unwrap_or_default()
        };
        let (old, new) = (content(old), content(new));
        let kinds =
            |map: &Map<String, Value>| -> BTreeSet<String> { map.keys().cloned().collect() };
        if kinds(&old) != kinds(&new) {
            self.add(place, "content types changed", Impact::Breaking);
        }
        for (kind, before) in &old {
            if let Some(after) = new.get(kind) {
                let schema = |media: &Value| media.get("schema").cloned().unwrap_or_default();
                self.schema(place, &schema(before), &schema(after), direction);
            }
        }
    }

    /// Compares the named schemas, each once.
    fn schemas(&mut self, old: &Value, new: &Value) -> Result<()> {
        let (before, after) = (document::schemas(old), document::schemas(new));
        let mut sent = BTreeSet::new();
        let mut received = BTreeSet::new();
        for (document, schemas) in [(old, &before), (new, &after)] {
            for operation in document::operations(document)? {
                let of = |key: &str| operation.value.get(key);
                sent.extend(document::reachable(
                    of("requestBody").into_iter().chain(of("parameters")),
                    schemas,
                ));
                received.extend(document::reachable(of("responses"), schemas));
            }
        }
        for (name, schema) in &before {
            match after.get(name) {
                None => self.add(name, "schema removed", Impact::Types),
                Some(after) => {
                    let direction = Direction {
                        sent: sent.contains(name),
                        received: received.contains(name),
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

    fn schema(&mut self, place: &str, old: &Value, new: &Value, direction: Direction) {
        let way = direction.in_words();
        let keys: BTreeSet<&String> = [old, new]
            .into_iter()
            .filter_map(Value::as_object)
            .flat_map(Map::keys)
            .collect();
        if document::referred(old) != document::referred(new) {
            let of = |schema| match document::referred(schema) {
                Some(name) => name.to_owned(),
                None => "a schema of its own".to_owned(),
            };
            let what = format!("was {}, is {} ({way})", of(old), of(new));
            self.add(place, what, Impact::Breaking);
        }
        for key in keys {
            let (before, after) = (old.get(key), new.get(key));
            match key.as_str() {
                "properties" => self.properties(place, old, new, direction),
                "required" => self.required(place, old, new, direction),
                "items" => {
                    let none = Value::Null;
                    let place = format!("{place}[]");
                    let (before, after) = (before.unwrap_or(&none), after.unwrap_or(&none));
                    self.schema(&place, before, after, direction);
                }
                _ if before == after => {}
                // Compared by name above.
                "$ref" => {}
                "allOf"
                    if document::referred(old).is_some() && document::referred(new).is_some() => {}
                "allOf" | "anyOf" | "oneOf" => self.variants(place, key, old, new, direction),
                "enum" => self.values(place, before, after, direction),
                "nullable" if is_false(before) && is_false(after) => {}
                "nullable" => {
                    let (what, impact) = match after == Some(&Value::Bool(true)) {
                        true => ("may be null now", direction.wider()),
                        false => ("may not be null any more", direction.narrower()),
                    };
                    self.add(place, format!("{what} ({way})"), impact.max(Impact::Types));
                }
                "minimum" | "minLength" | "minItems" | "minProperties" => {
                    self.limit(place, key, before, after, false, direction);
                }
                "maximum" | "maxLength" | "maxItems" | "maxProperties" => {
                    self.limit(place, key, before, after, true, direction);
                }
                "default" => {
                    let what = format!("default was {}, is {}", shown(before), shown(after));
                    // Who leaves the field out gets something else than before.
                    let impact = match direction.sent {
                        true => Impact::Breaking,
                        false => Impact::Compatible,
                    };
                    self.add(place, format!("{what} ({way})"), impact);
                }
                "description" | "title" | "example" | "externalDocs" | "deprecated" => {
                    self.add(place, format!("{key} changed"), Impact::Wording);
                }
                _ if key.starts_with("x-") => {
                    self.add(place, format!("{key} changed"), Impact::Wording);
                }
                "format" | "additionalProperties" => {
                    let what = format!("{key} was {}, is {}", shown(before), shown(after));
                    self.add(place, format!("{what} ({way})"), Impact::Types);
                }
                // `type`, `pattern` and all that is not known here: to be on the safe side.
                _ => {
                    let what = format!("{key} was {}, is {}", shown(before), shown(after));
                    self.add(place, format!("{what} ({way})"), Impact::Breaking);
                }
            }
        }
    }

    fn properties(&mut self, place: &str, old: &Value, new: &Value, direction: Direction) {
        let way = direction.in_words();
        let all = |schema: &Value| {
            let map = schema.get("properties").and_then(Value::as_object);
            map.cloned().unwrap_or_default()
        };
        let (before, after) = (all(old), all(new));
        for (name, schema) in &before {
            let place = format!("{place}.{name}");
            match after.get(name) {
                None => self.add(&place, format!("removed ({way})"), Impact::Breaking),
                Some(after) => self.schema(&place, schema, after, direction),
            }
        }
        let required = required(new);
        for name in after.keys().filter(|name| !before.contains_key(*name)) {
            let place = format!("{place}.{name}");
            if required.contains(name.as_str()) && direction.sent {
                self.add(
                    &place,
                    format!("added and required ({way})"),
                    Impact::Breaking,
                );
            } else {
                self.add(&place, format!("added ({way})"), Impact::Compatible);
            }
        }
    }

    /// What became required or optional, of the properties that are in both.
    fn required(&mut self, place: &str, old: &Value, new: &Value, direction: Direction) {
        let way = direction.in_words();
        let has = |schema: &Value, name: &str| {
            schema
                .get("properties")
                .is_some_and(|properties| properties.get(name).is_some())
        };
        let (before, after) = (required(old), required(new));
        for name in after.difference(&before).filter(|name| has(old, name)) {
            self.add(
                &format!("{place}.{name}"),
                format!("is now required ({way})"),
                direction.narrower().max(Impact::Types),
            );
        }
        for name in before.difference(&after).filter(|name| has(new, name)) {
            self.add(
                &format!("{place}.{name}"),
                format!("is now optional ({way})"),
                direction.wider().max(Impact::Types),
            );
        }
    }

    fn values(
        &mut self,
        place: &str,
        old: Option<&Value>,
        new: Option<&Value>,
        direction: Direction,
    ) {
        let way = direction.in_words();
        let (Some(old), Some(new)) = (old.and_then(Value::as_array), new.and_then(Value::as_array))
        else {
            let (what, impact) = match new.is_some() {
                true => ("is limited to a list of values now", direction.narrower()),
                false => (
                    "is not limited to a list of values any more",
                    direction.wider(),
                ),
            };
            self.add(place, format!("{what} ({way})"), impact.max(Impact::Types));
            return;
        };
        for value in old.iter().filter(|value| !new.contains(value)) {
            let what = format!("value {value} removed ({way})");
            self.add(place, what, direction.narrower().max(Impact::Types));
        }
        for value in new.iter().filter(|value| !old.contains(value)) {
            // The generated enums are open: callers met such a value before.
            let what = format!("value {value} added ({way})");
            self.add(place, what, Impact::Compatible);
        }
        let same_values = old.len() == new.len() && old.iter().all(|value| new.contains(value));
        if same_values {
            self.add(place, "order of the values changed", Impact::Wording);
        }
    }

    fn limit(
        &mut self,
        place: &str,
        key: &str,
        old: Option<&Value>,
        new: Option<&Value>,
        is_upper: bool,
        direction: Direction,
    ) {
        let way = direction.in_words();
        let number = |value: Option<&Value>| value.and_then(Value::as_f64);
        let is_narrower = match (number(old), number(new)) {
            (None, _) => true,
            (_, None) => false,
            (Some(old), Some(new)) => (new < old) == is_upper,
        };
        let (what, impact) = match (old, new) {
            // A limit that comes or goes gives a field another type.
            (None, _) => (
                format!("limit {key} {} added", shown(new)),
                direction.narrower().max(Impact::Types),
            ),
            (_, None) => (
                format!("limit {key} {} removed", shown(old)),
                direction.wider().max(Impact::Types),
            ),
            _ => (
                format!("limit {key} was {}, is {}", shown(old), shown(new)),
                if is_narrower {
                    direction.narrower()
                } else {
                    direction.wider()
                },
            ),
        };
        self.add(place, format!("{what} ({way})"), impact);
    }

    fn variants(&mut self, place: &str, key: &str, old: &Value, new: &Value, direction: Direction) {
        let way = direction.in_words();
        let all = |schema: &Value| {
            let list = schema.get(key).and_then(Value::as_array);
            list.cloned().unwrap_or_default()
        };
        let (old, new) = (all(old), all(new));
        let name = |variant: &Value| match document::referred(variant) {
            Some(name) => name.to_owned(),
            None => variant.to_string(),
        };
        // A further choice allows more; a further part of `allOf`, or a choice where there was none, allows less.
        let (gone, come) = match key == "allOf" || old.is_empty() || new.is_empty() {
            true => (direction.wider(), direction.narrower()),
            false => (direction.narrower(), direction.wider()),
        };
        for variant in old.iter().filter(|variant| !new.contains(variant)) {
            let what = format!("{key}: {} removed ({way})", name(variant));
            self.add(place, what, gone.max(Impact::Types));
        }
        for variant in new.iter().filter(|variant| !old.contains(variant)) {
            let what = format!("{key}: {} added ({way})", name(variant));
            self.add(place, what, come.max(Impact::Types));
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

/// Whether a flag is not there or off, which is the same.
fn is_false(flag: Option<&Value>) -> bool {
    flag.is_none_or(|flag| *flag == Value::Bool(false))
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "not there".to_owned(), Value::to_string)
}
