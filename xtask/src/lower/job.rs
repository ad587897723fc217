//! The union of all kinds of job.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use heck::ToUpperCamelCase;
use serde_json::{Map, Value, json};

use super::bodies::{json_schema, responses};
use super::{add_schema, for_each_operation, reference};
use crate::document;

/// Name of the schema for the body of any kind of job.
pub const JOB_BODY: &str = "JobBody";
/// Name of the schema with the fields of all kinds of job.
pub const JOB_RECORD: &str = "JobRecord";
/// Name of the schema with the fields of all kinds of output.
pub const JOB_OUTPUT: &str = "JobOutput";
/// The kinds of job that the handwritten `JobBody` in `pyannote-api-sys/src/job.rs` distinguishes. Each has a property
/// `output` with a schema of its own.
pub const JOB_KINDS: [&str; 3] = ["DiarizationJob", "VoiceprintJob", "IdentifyJob"];

/// The kinds of job and their fields.
#[derive(Clone, Debug, PartialEq)]
pub struct JobUnion {
    /// One entry per entry of [`JOB_KINDS`].
    pub kinds: Vec<JobKind>,
}

/// A kind of job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobKind {
    /// Name of the schema of the job.
    pub job: String,
    /// Name of the schema of its output.
    pub output: String,
}

/// The names of the schemas of jobs and of their outputs, whose properties are all optional in the bindings.
pub(crate) fn optional_schemas(document: &Value) -> BTreeSet<String> {
    let outputs = JOB_KINDS
        .iter()
        .filter_map(|kind| output_of(document, kind).ok());
    JOB_KINDS
        .iter()
        .map(ToString::to_string)
        .chain(outputs)
        .collect()
}

/// Whether `schema` is a union that includes a kind of job.
pub(super) fn is_union(schema: &Value) -> bool {
    union_names(schema).is_some_and(|(names, _)| JOB_KINDS.iter().any(|kind| names.contains(kind)))
}

/// The named variants of a union, and the number of all its variants.
fn union_names(schema: &Value) -> Option<(BTreeSet<&str>, usize)> {
    let variants = schema
        .get("anyOf")
        .or_else(|| schema.get("oneOf"))?
        .as_array()?;
    let names = variants
        .iter()
        .filter_map(document::referenced_schema)
        .collect();
    Some((names, variants.len()))
}

/// Replaces the union of all kinds of job by a named schema, and adds the schemas of the records from which it is
/// deserialized.
pub(super) fn unify_jobs(document: &mut Value) -> Result<Option<JobUnion>> {
    let mut job_body = None;
    for_each_operation(document, |operation| {
        for (status, response) in responses(operation, |status| status.starts_with('2')) {
            let Some(schema) = json_schema(response) else {
                continue;
            };
            if !is_union(schema) {
                continue;
            }
            let (names, count) = union_names(schema).unwrap_or_default();
            ensure!(
                count == names.len() && names == BTreeSet::from(JOB_KINDS),
                "the response {status} is one of {names:?}, but pyannote-api-sys/src/job.rs supports {JOB_KINDS:?}: \
                 update that file and JOB_KINDS in xtask/src/lower/job.rs"
            );
            job_body = Some(std::mem::replace(schema, reference(JOB_BODY)));
        }
        Ok(())
    })?;
    let Some(mut body) = job_body else {
        return Ok(None);
    };
    body["description"] = json!("Body of a job of any kind.");
    add_schema(document, JOB_BODY, body)?;

    let mut kinds = Vec::new();
    let mut jobs = Union::default();
    let mut outputs = Union::default();
    for kind in JOB_KINDS {
        let output = output_of(document, kind)?;
        for (schema, union) in [(kind, &mut jobs), (output.as_str(), &mut outputs)] {
            let hoisted = union.add(document, schema)?;
            for (name, schema) in hoisted {
                add_schema(document, &name, schema)?;
            }
        }
        kinds.push(JobKind {
            job: kind.to_owned(),
            output,
        });
    }
    jobs.properties.insert(
        "output".to_owned(),
        optional(json!({
            "description": "Output of the job.",
            "allOf": [reference(JOB_OUTPUT)],
        })),
    );
    let record = json!({
        "type": "object",
        "description": "A job of any kind.",
        "properties": jobs.properties,
    });
    add_schema(document, JOB_RECORD, record)?;
    let output = json!({
        "type": "object",
        "description": "The output of a job of any kind: the union of the fields of all kinds.",
        "properties": outputs.properties,
    });
    add_schema(document, JOB_OUTPUT, output)?;
    Ok(Some(JobUnion { kinds }))
}

/// The name of the schema of the output of a kind of job.
fn output_of(document: &Value, kind: &str) -> Result<String> {
    document
        .pointer(document::SCHEMAS)
        .and_then(|schemas| {
            document::referenced_schema(schemas.get(kind)?.get("properties")?.get("output")?)
        })
        .map(str::to_owned)
        .with_context(|| {
            format!(
                "components.schemas.{kind} has no property `output` with a named schema: update \
                 pyannote-api-sys/src/job.rs and xtask/src/lower/job.rs"
            )
        })
}

/// The properties of several schemas.
#[derive(Default)]
struct Union {
    properties: Map<String, Value>,
    /// The schema that each property comes from, and its own schema before hoisting, without wording.
    origins: Map<String, Value>,
}

impl Union {
    /// Adds the properties of the schema `name`, and makes them optional there: a job has only some of them, depending
    /// on its status. Returns the inline schemas that must become components so that the types are the same.
    fn add(&mut self, document: &mut Value, name: &str) -> Result<Map<String, Value>> {
        let is_job = JOB_KINDS.contains(&name);
        let schemas = document::schemas(document);
        let schema = document
            .pointer_mut(document::SCHEMAS)
            .and_then(|schemas| schemas.get_mut(name))
            .and_then(Value::as_object_mut)
            .with_context(|| format!("the schema {name} is missing"))?;
        schema.remove("required");
        schema.remove("additionalProperties");
        let mut hoisted = Map::new();
        let properties = schema
            .get_mut("properties")
            .and_then(Value::as_object_mut)
            .with_context(|| {
                format!(
                    "components.schemas.{name} has no properties: update xtask/src/lower/job.rs"
                )
            })?;
        for (property, schema) in properties {
            // The outputs themselves may have a property of this name.
            if property == "output" && is_job {
                *schema = optional(schema.take());
                continue;
            }
            use_named_enum(schema, &schemas);
            let original = comparable(schema, &schemas);
            if let Some(origin) = self.origins.get(property) {
                ensure!(
                    origin["schema"] == original,
                    "the property `{property}` of {name} differs from that of {}, but the bindings read both with one \
                     type: distinguish them in xtask/src/lower/job.rs and pyannote-api-sys/src/job.rs",
                    origin["name"].as_str().unwrap_or_default()
                );
            } else {
                self.origins.insert(
                    property.clone(),
                    json!({ "name": name, "schema": original }),
                );
            }
            match self.properties.get(property) {
                // The same type, with its own description.
                Some(first) => {
                    let mut same = first.clone();
                    match schema.get("description") {
                        Some(text) => same["description"] = text.clone(),
                        None => {
                            same.as_object_mut().map(|map| map.remove("description"));
                        }
                    }
                    *schema = same;
                }
                None => {
                    let type_name = format!("{name}{}", property.to_upper_camel_case());
                    hoist_types(&type_name, schema, &mut hoisted);
                    *schema = optional(schema.take());
                    self.properties.insert(property.clone(), schema.clone());
                }
            }
        }
        Ok(hoisted)
    }
}

/// Replaces an inline enum by the named enum with the same values, if there is one.
fn use_named_enum(schema: &mut Value, schemas: &Map<String, Value>) {
    let Some(values) = schema.get("enum") else {
        return;
    };
    let named = schemas
        .iter()
        .find(|(_, named)| named.get("enum") == Some(values));
    if let Some((name, _)) = named {
        let mut reference = json!({ "allOf": [reference(name)] });
        if let Some(text) = schema.get("description") {
            reference["description"] = text.clone();
        }
        *schema = reference;
    }
}

/// The form in which the schemas of a property are compared: without a reference, and without what does not matter for
/// the type of an optional field.
fn comparable(schema: &Value, schemas: &Map<String, Value>) -> Value {
    let target = document::referenced_schema(schema).and_then(|name| schemas.get(name));
    let mut comparable = document::without_wording(target.unwrap_or(schema));
    if let Some(map) = comparable.as_object_mut() {
        map.retain(|key, _| {
            !["nullable", "default", "deprecated"].contains(&key.as_str())
                && !document::is_extension(key)
        });
    }
    comparable
}

/// Makes a property nullable.
fn optional(mut schema: Value) -> Value {
    if schema.get("$ref").is_some() {
        schema = json!({ "allOf": [schema] });
    }
    schema["nullable"] = true.into();
    schema
}

/// Moves the inline schemas that become types of their own into `hoisted`.
fn hoist_types(name: &str, schema: &mut Value, hoisted: &mut Map<String, Value>) {
    if schema.get("$ref").is_some() || document::referenced_schema(schema).is_some() {
        return;
    }
    let has = |key: &str| schema.get(key).is_some();
    let is_type = ["properties", "allOf", "anyOf", "oneOf", "enum", "x-secret"]
        .into_iter()
        .any(has);
    if is_type {
        let mut replacement = json!({ "allOf": [reference(name)] });
        for key in ["description", "default"] {
            if let Some(value) = schema.get(key) {
                replacement[key] = value.clone();
            }
        }
        let mut original = std::mem::replace(schema, replacement);
        if let Some(map) = original.as_object_mut() {
            map.remove("nullable");
            map.remove("default");
        }
        hoisted.insert(name.to_owned(), original);
        return;
    }
    for (key, suffix) in [("items", "Item"), ("additionalProperties", "Value")] {
        if let Some(inner) = schema.get_mut(key).filter(|inner| inner.is_object()) {
            hoist_types(&format!("{name}{suffix}"), inner, hoisted);
        }
    }
}
