//! Compares two specifications.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Map, Value};

use super::normalize::normalize;
use super::{Change, Impact, Report};
use crate::{document, lower};

/// Compares the specification `old` with `new`.
///
/// Schemas are compared after references are resolved and each `allOf` is merged: a reference and the same schema
/// inline do not differ, except for the type that is generated. Keywords with their default value are ignored. Whether
/// a change breaks callers depends on its direction: requests may become less restrictive, and responses more
/// restrictive. Both rules apply to a schema that occurs in requests and responses. Extensions never break callers.
pub fn compare(old: &Value, new: &Value) -> Result<Report> {
    let optional = lower::optional_schemas(new);
    let (old, new) = (&normalize(old), &normalize(new));
    let mut comparison = Comparison {
        changes: Vec::new(),
        schemas: (document::schemas(old), document::schemas(new)),
        optional,
        pairs: Vec::new(),
    };
    for key in keys_of(old, new) {
        let (before, after) = (old.get(key), new.get(key));
        if before == after || ["paths", "components"].contains(&key.as_str()) {
            continue;
        }
        let impact = match key.as_str() {
            "security" if !inherits_security(old)? && !inherits_security(new)? => {
                Impact::Compatible
            }
            "security" if only_adds_security(before, after) => Impact::Compatible,
            "servers" if only_adds_servers(before, after) => Impact::Compatible,
            _ => Impact::Breaking,
        };
        comparison.other("", key, before, after, impact);
    }
    comparison.operations(&document::operations(old)?, &document::operations(new)?);
    comparison.named_schemas(old, new)?;
    let (before, after) = (map_at(old, "components"), map_at(new, "components"));
    let kinds: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for kind in kinds.into_iter().filter(|kind| *kind != "schemas") {
        if kind == "securitySchemes" {
            comparison.security_schemes(old, new)?;
            continue;
        }
        let impact = match kind.as_str() {
            // The bindings do not use them.
            "callbacks" | "headers" | "links" => Impact::Compatible,
            _ => Impact::Breaking,
        };
        comparison.other(
            "components.",
            kind,
            before.get(kind),
            after.get(kind),
            impact,
        );
    }
    Ok(Report {
        changes: comparison.changes,
        notes: Vec::new(),
    })
}

/// Whether a schema occurs in requests, in responses, or in both.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Direction {
    pub(super) request: bool,
    pub(super) response: bool,
}

impl Direction {
    pub(super) const REQUEST: Self = Self {
        request: true,
        response: false,
    };
    pub(super) const RESPONSE: Self = Self {
        request: false,
        response: true,
    };

    /// The impact of making a schema more restrictive.
    pub(super) fn restricted(self) -> Impact {
        match self.request {
            true => Impact::Breaking,
            false => Impact::Compatible,
        }
    }

    /// The impact of making a schema less restrictive.
    pub(super) fn relaxed(self) -> Impact {
        match self.response {
            true => Impact::Breaking,
            false => Impact::Compatible,
        }
    }

    pub(super) fn label(self) -> &'static str {
        match (self.request, self.response) {
            (true, true) => "request and response",
            (true, false) => "request",
            (false, true) => "response",
            (false, false) => "unused",
        }
    }
}

/// The changes found so far. The comparisons are in `operations.rs` and `schemas.rs`.
pub(super) struct Comparison {
    pub(super) changes: Vec<Change>,
    /// The named schemas of both versions.
    pub(super) schemas: (Map<String, Value>, Map<String, Value>),
    /// The names of the schemas whose properties are all optional in the bindings.
    pub(super) optional: BTreeSet<String>,
    /// The names of the schemas that are being compared because a reference changed from one to the other.
    pub(super) pairs: Vec<(Option<String>, Option<String>)>,
}

impl Comparison {
    pub(super) fn add(&mut self, location: &str, description: impl Into<String>, impact: Impact) {
        self.changes.push(Change {
            location: location.to_owned(),
            description: description.into(),
            impact,
        });
    }

    /// Compares the security schemes, of which only those that operations use affect callers.
    fn security_schemes(&mut self, old: &Value, new: &Value) -> Result<()> {
        let schemes = |document: &Value| {
            map_at(
                &Value::Object(map_at(document, "components")),
                "securitySchemes",
            )
        };
        let (before, after) = (schemes(old), schemes(new));
        let used = used_security_schemes(old)?;
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let location = format!("components.securitySchemes.{name}");
            let impact = match used.contains(name) {
                true => Impact::Breaking,
                false => Impact::Compatible,
            };
            match (before.get(name), after.get(name)) {
                (None, _) => self.add(&location, "added", Impact::Compatible),
                (_, None) => self.add(&location, "removed", impact),
                (before, after) => {
                    self.other("components.securitySchemes.", name, before, after, impact)
                }
            }
        }
        Ok(())
    }

    /// Compares a value that is not a schema. `impact` is that of a change of its structure. The name of the key is
    /// appended to `prefix` if that is a path, and part of the description if it is the location of an operation.
    pub(super) fn other(
        &mut self,
        prefix: &str,
        key: &str,
        before: Option<&Value>,
        after: Option<&Value>,
        impact: Impact,
    ) {
        if before == after {
            return;
        }
        let is_part = prefix.is_empty() || prefix.ends_with('.');
        let (location, what) = match is_part {
            true => (format!("{prefix}{key}"), String::new()),
            false => (prefix.to_owned(), format!("{key} ")),
        };
        if document::is_extension(key) {
            let description = format!("{what}{}", change_of_value(before, after));
            self.add(&location, description, Impact::Compatible);
            return;
        }
        // In a whole document, an empty list or map means the same as none.
        let is_unset = |value: Option<&Value>| value.is_none_or(is_empty);
        if (prefix.is_empty() || document::is_wording(key)) && is_unset(before) && is_unset(after) {
            return;
        }
        let structure = |value: Option<&Value>| value.map(document::without_wording);
        let impact = match document::is_wording(key) || structure(before) == structure(after) {
            true => Impact::Wording,
            false => impact,
        };
        self.add(&location, format!("{what}changed"), impact);
    }
}

/// Whether the requirements at the root of a document apply to an operation.
fn inherits_security(document: &Value) -> Result<bool> {
    let operations = document::operations(document)?;
    Ok(operations
        .iter()
        .any(|operation| operation.value.get("security").is_none()))
}

/// Whether `after` has all alternatives of `before`, so that callers stay authorized.
pub(super) fn only_adds_security(before: Option<&Value>, after: Option<&Value>) -> bool {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let (before, after) = (list(before), list(after));
    !before.is_empty() && before.iter().all(|alternative| after.contains(alternative))
}

/// Whether `after` has all servers of `before`, with the same default.
fn only_adds_servers(before: Option<&Value>, after: Option<&Value>) -> bool {
    let list = |value: Option<&Value>| {
        let value = value.map(document::without_wording);
        value
            .and_then(|value| value.as_array().cloned())
            .unwrap_or_default()
    };
    let (before, after) = (list(before), list(after));
    !before.is_empty()
        && before.first() == after.first()
        && before.iter().all(|server| after.contains(server))
}

/// The names of the security schemes that a document requires.
fn used_security_schemes(document: &Value) -> Result<BTreeSet<String>> {
    let operations = document::operations(document)?;
    let own = operations.iter().map(|operation| operation.value);
    Ok(std::iter::once(document)
        .chain(own)
        .filter_map(|value| value.get("security")?.as_array())
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(Map::keys)
        .cloned()
        .collect())
}

/// How a value changed, such as `added: ["jobs:read"]`.
pub(super) fn change_of_value(before: Option<&Value>, after: Option<&Value>) -> String {
    match (before, after) {
        (None, Some(after)) => format!("added: {after}"),
        (Some(_), None) => "removed".to_owned(),
        _ => format!("changed from {} to {}", display(before), display(after)),
    }
}

pub(super) fn display(value: Option<&Value>) -> String {
    value.map_or_else(|| "none".to_owned(), Value::to_string)
}

/// Whether a value is an empty list, map or text.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// The map at `key`, empty if there is none.
pub(super) fn map_at(value: &Value, key: &str) -> Map<String, Value> {
    let map = value.get(key).and_then(Value::as_object);
    map.cloned().unwrap_or_default()
}

/// The keys of two maps, sorted and without duplicates.
pub(super) fn keys_of<'a>(old: &'a Value, new: &'a Value) -> BTreeSet<&'a String> {
    [old, new]
        .into_iter()
        .filter_map(Value::as_object)
        .flat_map(Map::keys)
        .collect()
}
