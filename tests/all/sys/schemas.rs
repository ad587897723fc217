//! The generated types against the schemas of the bundle: property names, required properties, types, nullability, enum
//! values, formats and limits.
//!
//! Both are converted to a [`Shape`] and compared. The differences must be exactly those in `differences.yaml`, which
//! gives a reason for each.

use std::collections::{BTreeMap, BTreeSet};

use pyannote_tests::bundle;
use serde::Deserialize;
use serde_json::{Map, Value};
use xtask::document;

use super::registry::generated;

/// A schema, in a form common to OpenAPI and `schemars`.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shape {
    /// The name of the bundle's schema that `$ref` names.
    reference: Option<String>,
    kind: Option<String>,
    nullable: bool,
    format: Option<String>,
    values: Option<Vec<String>>,
    /// Whether other values than `values` are allowed.
    open: bool,
    properties: BTreeMap<String, Shape>,
    required: BTreeSet<String>,
    items: Option<Box<Shape>>,
    /// The schema of additional properties, if there is one.
    others: Option<Box<Shape>>,
    limits: BTreeMap<String, String>,
}

const LIMITS: [&str; 7] = [
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
];

impl Shape {
    /// The parts that OpenAPI and `schemars` write in the same way.
    fn common(schema: &Map<String, Value>) -> Self {
        let text = |key: &str| schema.get(key).and_then(Value::as_str).map(str::to_owned);
        let strings = |value: &Value| -> Vec<String> {
            let list = value.as_array().into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            kind: text("type"),
            format: text("format"),
            values: schema.get("enum").map(strings),
            required: schema
                .get("required")
                .map(strings)
                .unwrap_or_default()
                .into_iter()
                .collect(),
            limits: LIMITS
                .iter()
                .filter_map(|limit| {
                    let value = schema.get(*limit)?;
                    let text = match value.as_f64() {
                        Some(number) => number.to_string(),
                        None => value.to_string(),
                    };
                    Some(((*limit).to_owned(), text))
                })
                .collect(),
            ..Self::default()
        }
    }

    /// The shape of a schema of the specification.
    fn of_specification(schema: &Value) -> Self {
        let map = schema.as_object().unwrap();
        let nullable = map.get("nullable") == Some(&Value::Bool(true));
        if let Some(name) = document::referenced_schema(schema) {
            return Self {
                reference: Some(name.to_owned()),
                nullable,
                ..Self::default()
            };
        }
        let mut shape = Self::common(map);
        shape.nullable = nullable;
        shape.inner(map, &Self::of_specification);
        shape
    }

    /// The shape of a schema that `schemars` derived. References to schemas that are not in the bundle are inlined.
    fn of_type(schema: &Value, definitions: &Map<String, Value>, named: &BTreeSet<String>) -> Self {
        let recurse = |schema: &Value| Self::of_type(schema, definitions, named);
        let Some(map) = schema.as_object() else {
            return Self::default(); // `true`: anything
        };
        if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
            let name = reference.strip_prefix("#/$defs/").unwrap();
            if named.contains(name) {
                return Self {
                    reference: Some(name.to_owned()),
                    ..Self::default()
                };
            }
            return recurse(&definitions[name]);
        }
        if let Some(variants) = map.get("anyOf").and_then(Value::as_array) {
            let is_null = |variant: &Value| variant["type"] == "null";
            let others: Vec<&Value> = variants
                .iter()
                .filter(|variant| !is_null(variant))
                .collect();
            let mut shape = recurse(others[0]);
            match others.as_slice() {
                [_] => shape.nullable = true,
                [listed, any]
                    if listed["enum"].is_array()
                        && **any == serde_json::json!({"type": "string"}) =>
                {
                    shape.open = true;
                }
                _ => panic!("unexpected form of anyOf: {schema}"),
            }
            return shape;
        }
        let mut shape = Self::common(map);
        if let Some(kinds) = map.get("type").and_then(Value::as_array) {
            let (null, kinds): (Vec<&str>, Vec<&str>) = kinds
                .iter()
                .filter_map(Value::as_str)
                .partition(|kind| *kind == "null");
            shape.nullable = !null.is_empty();
            assert_eq!(kinds.len(), 1, "{schema}");
            shape.kind = kinds.first().map(|kind| (*kind).to_owned());
        }
        shape.inner(map, &recurse);
        shape
    }

    fn inner(&mut self, map: &Map<String, Value>, of: &dyn Fn(&Value) -> Self) {
        let properties = map.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            self.properties.insert(name.clone(), of(schema));
        }
        self.items = map.get("items").map(|items| Box::new(of(items)));
        self.others = match map.get("additionalProperties") {
            None | Some(Value::Bool(true)) => None,
            Some(others) => Some(Box::new(of(others))),
        };
        // `{}` is the same as `true`.
        if self.others.as_deref() == Some(&Self::default()) {
            self.others = None;
        }
    }

    /// Describes the differences of `other`, each with its path.
    fn differences(&self, other: &Self, path: &str, found: &mut BTreeSet<String>) {
        let mut differ = |what: &str, a: &dyn std::fmt::Debug, b: &dyn std::fmt::Debug| {
            let (a, b) = (format!("{a:?}"), format!("{b:?}"));
            if a != b {
                found.insert(format!(
                    "{path}: {what} is {a} in the specification, {b} in the type"
                ));
            }
        };
        differ("reference", &self.reference, &other.reference);
        differ("type", &self.kind, &other.kind);
        differ("nullable", &self.nullable, &other.nullable);
        differ("format", &self.format, &other.format);
        differ("enum", &self.values, &other.values);
        differ("open", &self.open, &other.open);
        for limit in LIMITS {
            differ(limit, &self.limits.get(limit), &other.limits.get(limit));
        }
        let names =
            |shape: &Self| -> BTreeSet<String> { shape.properties.keys().cloned().collect() };
        differ("properties", &names(self), &names(other));
        for (name, property) in &self.properties {
            if let Some(its) = other.properties.get(name) {
                let path = format!("{path}.{name}");
                let (a, b) = (self.required.contains(name), other.required.contains(name));
                if a != b {
                    found.insert(format!(
                        "{path}: required is {a} in the specification, {b} in the type"
                    ));
                }
                property.differences(its, &path, found);
            }
        }
        for (suffix, a, b) in [
            ("[]", &self.items, &other.items),
            ("{}", &self.others, &other.others),
        ] {
            let path = format!("{path}{suffix}");
            match (a, b) {
                (Some(a), Some(b)) => a.differences(b, &path, found),
                (None, None) => {}
                (a, _) => {
                    let only = if a.is_some() { "specification" } else { "type" };
                    found.insert(format!("{path}: only in the {only}"));
                }
            }
        }
    }
}

/// A group of differences with one reason.
#[derive(Deserialize)]
struct Group {
    reason: String,
    differences: Vec<String>,
}

fn listed() -> BTreeSet<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/all/sys/differences.yaml");
    let groups: Vec<Group> = yaml_serde::from_str(&fs_err::read_to_string(file).unwrap()).unwrap();
    let mut all = BTreeSet::new();
    for group in groups {
        assert!(!group.reason.trim().is_empty(), "a group has no reason");
        for difference in group.differences {
            assert!(all.insert(difference.clone()), "listed twice: {difference}");
        }
    }
    all
}

#[test]
fn types_match_the_specification() {
    let schemas = document::schemas(&bundle());
    let types: BTreeMap<&str, _> = generated().into_iter().collect();
    let named: BTreeSet<String> = schemas.keys().cloned().collect();
    assert_eq!(
        named,
        types.keys().map(|name| (*name).to_owned()).collect(),
        "the types in registry.rs are those of the bundle"
    );

    let mut found = BTreeSet::new();
    for (name, schema) in &schemas {
        let written = serde_json::to_value(&types[name.as_str()]).unwrap();
        let none = Map::new();
        let definitions = written
            .get("$defs")
            .and_then(Value::as_object)
            .unwrap_or(&none);
        // The type itself must not be resolved to a reference to itself.
        let of_type = Shape::of_type(&written, definitions, &named);
        Shape::of_specification(schema).differences(&of_type, name, &mut found);
    }

    let listed = listed();
    let new: Vec<&String> = found.difference(&listed).collect();
    let gone: Vec<&String> = listed.difference(&found).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "not listed in differences.yaml:\n{new:#?}\nlisted, but gone:\n{gone:#?}"
    );
}
