//! The schemas of the requests, from the specification itself, made into JSON Schema.

use std::collections::HashMap;

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use crate::engine::JobKind;
use crate::violation::Violation;

/// The specification that the server implements.
const BUNDLE: &str = include_str!("../../pyannoteai.yaml");

/// The requests that have a schema.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Body {
    Diarize,
    Identify,
    Voiceprint,
    Media,
}

impl Body {
    const ALL: [Self; 4] = [Self::Diarize, Self::Identify, Self::Voiceprint, Self::Media];

    /// What kind of job it submits.
    pub(crate) fn kind(self) -> Option<JobKind> {
        match self {
            Self::Diarize => Some(JobKind::Diarize),
            Self::Identify => Some(JobKind::Identify),
            Self::Voiceprint => Some(JobKind::Voiceprint),
            Self::Media => None,
        }
    }

    fn schema(self) -> &'static str {
        match self {
            Self::Diarize => "DiarizeRequest",
            Self::Identify => "IdentifyRequest",
            Self::Voiceprint => "VoiceprintRequest",
            Self::Media => "GetMediaUploadUrl",
        }
    }
}

/// The schemas, ready to check with.
#[derive(Debug)]
pub(crate) struct Schemas(HashMap<Body, Validator>);

impl Schemas {
    /// Reads the specification.
    ///
    /// # Errors
    ///
    /// Where it has no such schemas, or they are none.
    pub(crate) fn read() -> Result<Self, String> {
        let mut bundle: Value =
            yaml_serde::from_str(BUNDLE).map_err(|error| format!("it is no YAML: {error}"))?;
        let mut schemas = bundle
            .pointer_mut("/components/schemas")
            .map(Value::take)
            .ok_or("it has no schemas")?;
        if let Some(schemas) = schemas.as_object_mut() {
            schemas.values_mut().for_each(to_json_schema);
        }
        let mut validators = HashMap::new();
        for body in Body::ALL {
            let name = body.schema();
            let schema = json!({
                "$ref": format!("#/components/schemas/{name}"),
                "components": { "schemas": schemas },
            });
            let validator = jsonschema::options()
                .with_draft(Draft::Draft202012)
                .build(&schema)
                .map_err(|error| format!("its schema {name} cannot be used: {error}"))?;
            validators.insert(body, validator);
        }
        Ok(Self(validators))
    }

    /// Every way in which a body is not what the schema says. What stands in the body is never part of a message: it
    /// may be a voiceprint.
    pub(crate) fn check(&self, body: Body, value: &Value) -> Vec<Violation> {
        let Some(validator) = self.0.get(&body) else {
            return Vec::new();
        };
        let errors = validator.iter_errors(value);
        errors
            .map(|error| {
                let mut field = String::new();
                for segment in error.instance_path() {
                    match segment {
                        LocationSegment::Property(name) => push_name(&mut field, &name),
                        LocationSegment::Index(index) => field.push_str(&format!("[{index}]")),
                    }
                }
                let message = match error.kind() {
                    ValidationErrorKind::Required { property } => {
                        push_name(&mut field, property.as_str().unwrap_or_default());
                        "is missing".to_owned()
                    }
                    _ => error.masked_with("it").to_string(),
                };
                if field.is_empty() {
                    field.push_str("body");
                }
                Violation { field, message }
            })
            .collect()
    }
}

fn push_name(field: &mut String, name: &str) {
    if !field.is_empty() {
        field.push('.');
    }
    field.push_str(name);
}

/// Turns a schema of OpenAPI 3.0 into JSON Schema, in place: `nullable` is a type of its own there.
fn to_json_schema(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.remove("nullable") == Some(Value::Bool(true)) {
                allow_null(object);
            }
            // Models that are newer than the specification pass: each day brings one, and clients must be able to
            // name it.
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

    fn fields(body: Body, value: Value) -> Vec<String> {
        let schemas = Schemas::read().unwrap();
        let found = schemas.check(body, &value);
        found.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn fields_are_named_as_in_the_request() {
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
            assert_eq!(fields(Body::Diarize, value.clone()), expected, "{value}");
        }
        let people = json!({ "voiceprints": [{}, { "label": "a".repeat(101), "voiceprint": "" }] });
        assert_eq!(
            fields(Body::Identify, people),
            [
                "voiceprints[0].label",
                "voiceprints[0].voiceprint",
                "voiceprints[1].label"
            ]
        );
        assert_eq!(
            fields(Body::Media, json!({ "url": "media://a b" })),
            ["url"]
        );
    }

    #[test]
    fn no_message_repeats_what_was_sent() {
        let schemas = Schemas::read().unwrap();
        let value = json!({ "url": "a", "voiceprints": [{ "label": "Ada", "voiceprint": "secret".repeat(4_000) }] });
        let found = schemas.check(Body::Identify, &value);
        assert_eq!(found.len(), 1);
        assert!(!found[0].message.contains("secret"), "{found:?}");
    }
}
