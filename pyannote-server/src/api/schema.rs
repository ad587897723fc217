//! JSON Schemas of the requests, derived from the API's OpenAPI specification.

use std::collections::HashMap;

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use crate::engine::JobKind;
use crate::parse::non_negative_integer;
use crate::violation::Violation;

/// The specification that the server implements.
pub(super) const SPECIFICATION: &str = include_str!("../../pyannoteai.yaml");

/// A kind of request that has a schema.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum RequestKind {
    Job(JobKind),
    Media,
    Stream,
}

impl RequestKind {
    const ALL: [Self; 5] = [
        Self::Job(JobKind::Diarize),
        Self::Job(JobKind::Identify),
        Self::Job(JobKind::Voiceprint),
        Self::Media,
        Self::Stream,
    ];

    /// Returns the name of the schema in the specification.
    fn schema_name(self) -> &'static str {
        match self {
            Self::Job(JobKind::Diarize) => "DiarizeRequest",
            Self::Job(JobKind::Identify) => "IdentifyRequest",
            Self::Job(JobKind::Voiceprint) => "VoiceprintRequest",
            Self::Media => "GetMediaUploadUrl",
            Self::Stream => "CreateStream",
        }
    }
}

/// Compiled request schemas.
#[derive(Debug)]
pub(crate) struct Schemas(HashMap<RequestKind, Schema>);

#[derive(Debug)]
struct Schema {
    validator: Validator,
    /// Fields that are arrays, with their maximum numbers of items.
    array_limits: Vec<(String, usize)>,
}

impl Schemas {
    /// Compiles the schemas of the specification.
    #[expect(
        clippy::expect_used,
        reason = "the specification is part of the program"
    )]
    pub(crate) fn new() -> Self {
        let mut specification: Value =
            yaml_serde::from_str(SPECIFICATION).expect("the specification is valid YAML");
        let mut schemas = specification
            .pointer_mut("/components/schemas")
            .map(Value::take)
            .expect("the specification has schemas");
        if let Some(schemas) = schemas.as_object_mut() {
            schemas.values_mut().for_each(to_json_schema);
        }
        let compile = |kind: RequestKind| {
            let schema = json!({
                "$ref": format!("#/components/schemas/{}", kind.schema_name()),
                "components": { "schemas": schemas },
            });
            let validator = jsonschema::options()
                .with_draft(Draft::Draft202012)
                .build(&schema)
                .expect("the schemas are valid");
            let array_limits = array_limits(&schemas[kind.schema_name()]);
            let schema = Schema {
                validator,
                array_limits,
            };
            (kind, schema)
        };
        Self(RequestKind::ALL.into_iter().map(compile).collect())
    }

    /// Returns the violations of the schema. Messages never contain submitted values, which may be voiceprints.
    ///
    /// Shortens arrays that are too long, so that neither this function nor later checks report their items: each item
    /// may violate several rules, and a request may have a million of them.
    pub(crate) fn validate(&self, kind: RequestKind, value: &mut Value) -> Vec<Violation> {
        let schema = &self.0[&kind];
        let mut violations = Vec::new();
        for (field, limit) in &schema.array_limits {
            if let Some(items) = value.get_mut(field).and_then(Value::as_array_mut)
                && items.len() > *limit
            {
                items.truncate(*limit);
                let message = format!("has more than {limit} items");
                violations.push(Violation::new(field, message));
            }
        }
        let errors = schema.validator.iter_errors(value);
        violations.extend(errors.map(|error| {
            let mut field = String::new();
            for segment in error.instance_path() {
                match segment {
                    LocationSegment::Property(name) => push_name(&mut field, &name),
                    LocationSegment::Index(index) => field.push_str(&format!("[{index}]")),
                }
            }
            let message = match error.kind() {
                ValidationErrorKind::Required { property } => {
                    push_name(&mut field, property.as_str().unwrap_or("?"));
                    "is missing".to_owned()
                }
                _ => {
                    // "it is not of type …" continues the field's name without the "it".
                    let message = error.masked_with("it").to_string();
                    message.strip_prefix("it ").unwrap_or(&message).to_owned()
                }
            };
            if field.is_empty() {
                field.push_str("body");
            }
            Violation { field, message }
        }));
        violations
    }
}

/// Returns the fields of an object schema that are arrays of a limited length, with their limits.
fn array_limits(schema: &Value) -> Vec<(String, usize)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let limits = properties
        .into_iter()
        .flatten()
        .filter_map(|(name, field)| {
            let limit = non_negative_integer(field.get("maxItems")?)?;
            Some((name.clone(), usize::try_from(limit).ok()?))
        });
    limits.collect()
}

fn push_name(field: &mut String, name: &str) {
    if !field.is_empty() {
        field.push('.');
    }
    field.push_str(name);
}

/// Converts an OpenAPI 3.0 schema to JSON Schema in place: `nullable` becomes the type `null`.
fn to_json_schema(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.remove("nullable") == Some(Value::Bool(true)) {
                allow_null(object);
            }
            // Accepts models that are newer than the specification.
            if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut)
                && let Some(model) = properties.get_mut("model").and_then(Value::as_object_mut)
            {
                model.remove("enum");
            }
            object.values_mut().for_each(to_json_schema);
        }
        Value::Array(list) => list.iter_mut().for_each(to_json_schema),
        _ => {}
    }
}

fn allow_null(object: &mut Map<String, Value>) {
    if let Some(kind) = object.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    if let Some(values) = object.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(kind: RequestKind, mut value: Value) -> Vec<String> {
        let schemas = Schemas::new();
        let found = schemas.validate(kind, &mut value);
        found.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn names_fields_by_their_path() {
        for (value, expected) in [
            (json!({ "url": "a" }), vec![]),
            (json!({ "url": "a", "model": null, "unknown": [1] }), vec![]),
            (json!({ "url": "a", "model": "precision-3" }), vec![]),
            (json!({ "url": "a", "turnLevelConfidence": null }), vec![]),
            (json!({}), vec!["url"]),
            (json!([]), vec!["body"]),
            (json!({ "url": 1 }), vec!["url"]),
            (json!({ "url": "a", "exclusive": null }), vec!["exclusive"]),
            (
                json!({ "url": "a", "numSpeakers": 1.5 }),
                vec!["numSpeakers"],
            ),
            (
                json!({ "url": "a", "transcriptionConfig": { "model": 1 } }),
                vec!["transcriptionConfig.model"],
            ),
        ] {
            assert_eq!(
                fields(RequestKind::Job(JobKind::Diarize), value.clone()),
                expected,
                "{value}"
            );
        }
        let identify =
            json!({ "voiceprints": [{}, { "label": "a".repeat(101), "voiceprint": "" }] });
        assert_eq!(
            fields(RequestKind::Job(JobKind::Identify), identify),
            [
                "voiceprints[0].label",
                "voiceprints[0].voiceprint",
                "voiceprints[1].label"
            ]
        );
        assert_eq!(
            fields(RequestKind::Media, json!({ "url": "media://a b" })),
            ["url"]
        );
    }

    #[test]
    fn messages_do_not_contain_submitted_values() {
        let schemas = Schemas::new();
        let mut value = json!({ "url": "a", "voiceprints": [{ "label": "Ada", "voiceprint": "secret".repeat(4_000) }] });
        let found = schemas.validate(RequestKind::Job(JobKind::Identify), &mut value);
        assert_eq!(found.len(), 1);
        assert!(!found[0].message.contains("secret"), "{found:?}");
    }

    #[test]
    fn items_beyond_the_limit_of_an_array_are_not_validated() {
        let schemas = Schemas::new();
        let mut value = json!({ "url": "a", "voiceprints": vec![json!({}); 100_000] });
        let found = schemas.validate(RequestKind::Job(JobKind::Identify), &mut value);
        assert_eq!(found.len(), 1 + 50 * 2);
        assert_eq!(
            found[0],
            Violation::new("voiceprints", "has more than 50 items")
        );
        assert_eq!(value["voiceprints"].as_array().unwrap().len(), 50);
    }

    /// Otherwise, a request could have any number of violations.
    #[test]
    fn all_arrays_in_requests_have_a_limit() {
        fn arrays(schemas: &Value, schema: &Value, path: &str, found: &mut Vec<String>) {
            if schema.get("items").is_some() {
                found.push(path.to_owned());
            }
            match schema {
                Value::Object(object) => {
                    for (name, child) in object {
                        match name.as_str() {
                            "$ref" => {
                                let name = child.as_str().unwrap().rsplit('/').next().unwrap();
                                arrays(schemas, &schemas[name], path, found);
                            }
                            "properties" => {
                                for (name, child) in child.as_object().unwrap() {
                                    let path = format!("{path}/{name}");
                                    arrays(schemas, child, &path, found);
                                }
                            }
                            _ => arrays(schemas, child, path, found),
                        }
                    }
                }
                Value::Array(list) => {
                    for child in list {
                        arrays(schemas, child, path, found);
                    }
                }
                _ => {}
            }
        }
        let specification: Value = yaml_serde::from_str(SPECIFICATION).unwrap();
        let schemas = &specification["components"]["schemas"];
        for kind in RequestKind::ALL {
            let schema = &schemas[kind.schema_name()];
            let limits = array_limits(schema).into_iter();
            let limited: Vec<String> = limits.map(|(name, _)| format!("/{name}")).collect();
            let mut found = Vec::new();
            arrays(schemas, schema, "", &mut found);
            assert_eq!(found, limited, "{kind:?}");
        }
    }
}
