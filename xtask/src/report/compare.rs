//! Compares two specifications.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Map, Value};

use super::{Change, Impact, Report};
use crate::document;

/// Compares the specification `old` with `new`.
///
/// Whether a change breaks callers depends on its direction: requests may become less restrictive, and responses more
/// restrictive. Both rules apply to a schema that occurs in requests and responses.
pub fn compare(old: &Value, new: &Value) -> Result<Report> {
    let mut comparison = Comparison::default();
    for (keys, impact) in [
        (["servers", "security"].as_slice(), Impact::Breaking),
        (&["info", "tags", "externalDocs"], Impact::Documentation),
    ] {
        for key in keys {
            if old.get(key) != new.get(key) {
                comparison.add(key, "changed", impact);
            }
        }
    }
    comparison.operations(&document::operations(old)?, &document::operations(new)?);
    comparison.named_schemas(old, new)?;
    let (before, after) = (map_at(old, "components"), map_at(new, "components"));
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
#[derive(Default)]
pub(super) struct Comparison {
    changes: Vec<Change>,
}

impl Comparison {
    pub(super) fn add(&mut self, location: &str, description: impl Into<String>, impact: Impact) {
        self.changes.push(Change {
            location: location.to_owned(),
            description: description.into(),
            impact,
        });
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
