//! Rewrites the bundle into a form for which progenitor generates good types.
//!
//! Lowering works around limits of the generator. Defects of the specification are corrected in the overlay instead.
//!
//! - progenitor supports one error body per operation, but each operation declares two: they become one schema,
//!   [`ERROR_BODY`] (`bodies.rs`).
//! - It tries the variants of a union in order, and the first job schema accepts every job: the union becomes
//!   [`JOB_BODY`], a handwritten type. The records from which it is deserialized, [`JOB_RECORD`] and [`JOB_OUTPUT`],
//!   have the fields of all kinds of job (`job.rs`). The strings of other unions are merged, and the other variants are
//!   checked (`union.rs`).
//! - Its types reject responses that exceed a limit, or that have unknown fields, and depend on formats: these keywords
//!   are removed (`relax.rs`).
//! - Its enums are closed, even in responses: they become [`Kind::OpenEnum`].
//! - It checks neither the range of a number nor the length of an array: those in requests become
//!   [`Kind::BoundedNumber`] and [`Kind::BoundedList`].
//! - It has no notion of secrets: they become [`Kind::Secret`].
//! - It sends defaults explicitly with every request instead of leaving them to the service: defaults become part of
//!   the description.
//!
//! progenitor can replace a type only if it is referenced by name, so inline schemas are first hoisted into components.

mod bodies;
mod custom_type;
mod hoist;
mod job;
mod parameters;
mod relax;
mod union;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use crate::document::{self, SCHEMA_REF};

pub use custom_type::{Bounds, CustomType, Items, Kind, Number};
pub(crate) use job::optional_schemas;
pub use job::{JOB_BODY, JOB_KINDS, JOB_OUTPUT, JOB_RECORD, JobUnion};

/// Name of the schema that combines all error bodies.
pub const ERROR_BODY: &str = "ErrorBody";

/// A lowered document.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The input for progenitor.
    pub document: Value,
    /// The types that progenitor does not generate, in document order.
    pub custom_types: Vec<CustomType>,
    /// The fields of all kinds of job, if an operation returns any kind of job.
    pub jobs: Option<JobUnion>,
    /// The `operationId` of each operation, and the scopes that an API key needs for it.
    pub permissions: Vec<(String, Vec<String>)>,
}

/// Lowers the bundle.
///
/// # Errors
///
/// If the bundle uses something that neither progenitor nor the lowering supports.
pub fn lower(bundle: &Value) -> Result<Lowered> {
    let mut document = bundle.clone();
    let permissions = permissions(bundle)?;
    for name in ["Default", "String"] {
        ensure!(
            !document::schemas(bundle).contains_key(name),
            "components.schemas.{name} has the name of a type that progenitor uses without its path: rename it in \
             xtask/src/lower/mod.rs"
        );
    }
    parameters::check_parameters(&document)?;
    bodies::select_content_types(&mut document)?;
    bodies::hoist_inline_bodies(&mut document)?;
    bodies::unify_error_bodies(&mut document)?;
    bodies::check_success_bodies(&mut document)?;
    let jobs = job::unify_jobs(&mut document)?;

    let originals = document::schemas(&document);
    let request_schemas = request_schemas(&document, &originals)?;
    relax::relax(&mut document, &request_schemas)?;
    union::merge_strings(&mut document);
    union::check_unions(&document, &request_schemas)?;
    let mut hoister = hoist::Hoister::new(&originals);
    let mut lowered = Map::new();
    for (name, mut schema) in document::schemas(&document) {
        hoister
            .visit_named(&name, &mut schema, request_schemas.contains(&name))
            .with_context(|| format!("in components.schemas.{name}"))?;
        lowered.insert(name, schema);
    }
    hoister.visit_parameters(&mut document)?;
    for (name, schema) in hoister.hoisted {
        ensure!(
            lowered.insert(name.clone(), schema).is_none(),
            "the name {name} of an inline schema conflicts with a schema in the specification: rename one of them in \
             xtask/src/lower/hoist.rs"
        );
    }
    *document
        .pointer_mut(document::SCHEMAS)
        .context("the bundle has no schemas")? = Value::Object(lowered);
    Ok(Lowered {
        document,
        custom_types: hoister.custom_types,
        jobs,
        permissions,
    })
}

/// The extension with the scopes that an API key needs for an operation.
const PERMISSIONS: &str = "x-api-key-permissions";

/// The scopes of all operations.
fn permissions(bundle: &Value) -> Result<Vec<(String, Vec<String>)>> {
    document::operations(bundle)?
        .iter()
        .map(|operation| {
            let scopes = match operation.value.get(PERMISSIONS) {
                None => Some(Vec::new()),
                Some(scopes) => scopes.as_array().and_then(|scopes| {
                    scopes
                        .iter()
                        .map(|scope| Some(scope.as_str()?.to_owned()))
                        .collect()
                }),
            };
            let scopes = scopes.with_context(|| {
                format!(
                    "`{PERMISSIONS}` of {operation} is not a list of strings: support this form in \
                     xtask/src/lower/mod.rs"
                )
            })?;
            Ok((operation.id()?.to_owned(), scopes))
        })
        .collect()
}

/// The names of the schemas that occur in requests.
fn request_schemas(document: &Value, schemas: &Map<String, Value>) -> Result<BTreeSet<String>> {
    let operations = document::operations(document)?;
    let roots = operations.iter().flat_map(|operation| {
        ["requestBody", "parameters"]
            .into_iter()
            .filter_map(|key| operation.value.get(key))
    });
    let names = document::reachable_schemas(roots, schemas);
    Ok(names.into_iter().collect())
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
        "the schema name {name} is reserved for the bindings: choose another name in xtask/src/lower/"
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
