//! Rewrites the bundle into a form for which progenitor generates good types.
//!
//! Lowering works around limits of the generator. Defects of the specification are corrected in the overlay instead.
//!
//! - progenitor supports one error body per operation, but each operation declares two: they become one schema,
//!   [`ERROR_BODY`].
//! - It tries the variants of a union in order, and the first job schema accepts every job: the union becomes
//!   [`JOB_BODY`], a handwritten type.
//! - Its enums are closed, even in responses: they become [`Kind::OpenEnum`].
//! - It checks neither the range of a number nor the length of an array: those in requests become
//!   [`Kind::BoundedNumber`] and [`Kind::BoundedList`].
//! - It has no notion of secrets: they become [`Kind::Secret`].
//! - It sends defaults explicitly with every request instead of leaving them to the service: defaults become part of
//!   the description.
//!
//! progenitor can replace a type only if it is referenced by name, so inline schemas are first hoisted into components.

mod custom_type;
mod hoist;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use crate::document::{self, SCHEMA_REF};

pub use custom_type::{CustomType, Kind, Number};

/// Name of the schema that combines all error bodies.
pub const ERROR_BODY: &str = "ErrorBody";
/// Name of the schema for the body of any kind of job.
pub const JOB_BODY: &str = "JobBody";
/// The kinds of job that the handwritten `JobBody` in `pyannote-api-sys/src/job.rs` distinguishes.
pub const JOB_KINDS: [&str; 3] = ["DiarizationJob", "VoiceprintJob", "IdentifyJob"];

/// A lowered document.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The input for progenitor.
    pub document: Value,
    /// The types that progenitor does not generate, in document order.
    pub custom_types: Vec<CustomType>,
}

/// Lowers the bundle.
///
/// # Errors
///
/// If the bundle uses something that neither progenitor nor the lowering supports.
pub fn lower(bundle: &Value) -> Result<Lowered> {
    let mut document = bundle.clone();
    unify_error_bodies(&mut document)?;
    name_job_body(&mut document)?;

    let originals = document::schemas(bundle);
    let request_schemas = request_schemas(bundle, &originals)?;
    let mut hoister = hoist::Hoister::new(&originals);
    let mut lowered = Map::new();
    for (name, mut schema) in document::schemas(&document) {
        hoister.visit_named(&name, &mut schema, request_schemas.contains(&name))?;
        lowered.insert(name, schema);
    }
    hoister.visit_parameters(&mut document)?;
    for (name, schema) in hoister.hoisted {
        ensure!(
            lowered.insert(name.clone(), schema).is_none(),
            "the name {name} of an inline schema conflicts with a schema in the specification"
        );
    }
    *document
        .pointer_mut(document::SCHEMAS)
        .context("the bundle has no schemas")? = Value::Object(lowered);
    Ok(Lowered {
        document,
        custom_types: hoister.custom_types,
    })
}

/// The names of the schemas that occur in requests.
fn request_schemas(bundle: &Value, schemas: &Map<String, Value>) -> Result<BTreeSet<String>> {
    let operations = document::operations(bundle)?;
    let roots = operations.iter().flat_map(|operation| {
        ["requestBody", "parameters"]
            .into_iter()
            .filter_map(|key| operation.value.get(key))
    });
    let names = document::reachable_schemas(roots, schemas);
    Ok(names.into_iter().collect())
}

/// Replaces the error bodies of all operations by one schema, the union of all of them.
fn unify_error_bodies(document: &mut Value) -> Result<()> {
    let mut bodies: Vec<Value> = Vec::new();
    for_each_operation(document, |operation| {
        for (_, response) in responses(operation, |status| !status.starts_with('2')) {
            if let Some(schema) = json_schema(response) {
                if !bodies.contains(schema) {
                    bodies.push(schema.clone());
                }
                *schema = reference(ERROR_BODY);
            }
        }
        Ok(())
    })?;
    for body in &bodies {
        ensure!(
            body.get("$ref").is_some(),
            "inline schemas of error bodies are not supported: add a named schema in the overlay for {body}"
        );
    }
    add_schema(
        document,
        ERROR_BODY,
        json!({
            "description": "Error body, in one of the two forms that the service uses.",
            "oneOf": bodies,
        }),
    )
}

/// Replaces the union of all kinds of job by a named schema.
fn name_job_body(document: &mut Value) -> Result<()> {
    let mut job_body = None;
    for_each_operation(document, |operation| {
        for (status, response) in responses(operation, |status| status.starts_with('2')) {
            let Some(schema) = json_schema(response) else {
                continue;
            };
            let variants = schema.get("anyOf").or_else(|| schema.get("oneOf"));
            let Some(variants) = variants.and_then(Value::as_array) else {
                continue;
            };
            let names: BTreeSet<_> = variants
                .iter()
                .filter_map(document::referenced_schema)
                .collect();
            ensure!(
                variants.len() == names.len() && names == BTreeSet::from(JOB_KINDS),
                "the response {status} is one of {names:?}, but pyannote-api-sys/src/job.rs supports {JOB_KINDS:?}: \
                 update that file and JOB_KINDS in xtask/src/lower/mod.rs"
            );
            job_body = Some(std::mem::replace(schema, reference(JOB_BODY)));
        }
        Ok(())
    })?;
    if let Some(mut schema) = job_body {
        schema["description"] = json!("Body of a job of any kind.");
        add_schema(document, JOB_BODY, schema)?;
    }
    Ok(())
}

/// A reference to the schema `name`.
fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{SCHEMA_REF}{name}") })
}

fn add_schema(document: &mut Value, name: &str, schema: Value) -> Result<()> {
    let schemas = document
        .pointer_mut(document::SCHEMAS)
        .and_then(Value::as_object_mut)
        .context("the bundle has no schemas")?;
    ensure!(
        schemas.insert(name.to_owned(), schema).is_none(),
        "the schema name {name} is reserved for the bindings"
    );
    Ok(())
}

fn for_each_operation(
    document: &mut Value,
    mut visit: impl FnMut(&mut Value) -> Result<()>,
) -> Result<()> {
    let keys: Vec<(String, String)> = document::operations(document)?
        .iter()
        .map(|operation| (operation.path.to_owned(), operation.method.to_owned()))
        .collect();
    for (path, method) in keys {
        let operation = &mut document["paths"][&path][&method];
        visit(operation).with_context(|| format!("in {} {path}", method.to_uppercase()))?;
    }
    Ok(())
}

/// The responses of an operation whose status passes the filter.
fn responses(
    operation: &mut Value,
    filter: impl Fn(&str) -> bool,
) -> impl Iterator<Item = (&String, &mut Value)> {
    operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
        .filter(move |(status, _)| filter(status))
}

fn json_schema(response: &mut Value) -> Option<&mut Value> {
    response.pointer_mut("/content/application~1json/schema")
}
