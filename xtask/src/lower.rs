//! The bundle in a form that progenitor can turn into good types.
//!
//! What is lowered here is not wrong in the specification; the generator is limited:
//!
//! - it knows one error body an operation, and each declares two: they become one schema, [`ERROR_BODY`];
//! - it tries the kinds of a union in order, and the first job schema accepts the bodies of all: the answer becomes
//!   [`JOB_BODY`], a handwritten type;
//! - its enums are closed, also in answers: each becomes an [`Kind::OpenEnum`];
//! - it checks neither the range of a number nor the length of an array: those that callers send become
//!   [`Kind::BoundedNumber`] and [`Kind::BoundedList`];
//! - it knows no secrets: each becomes an [`Kind::Secret`];
//! - it sends every default with every request, where the service should fill it in: defaults go into the description.
//!
//! A type can be replaced only where it is referred to by name, so inline schemas are hoisted into components first.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use heck::ToUpperCamelCase;
use serde_json::{Map, Value, json};

use crate::document::{self, SCHEMA_REF};

/// The name of the schema that stands for all error bodies of an operation.
pub const ERROR_BODY: &str = "ErrorBody";
/// The name of the schema that stands for the body of any job.
pub const JOB_BODY: &str = "JobBody";
/// The kinds of job that the handwritten body in `pyannote-api-sys/src/job.rs` tells apart.
pub const JOB_KINDS: [&str; 3] = ["DiarizationJob", "VoiceprintJob", "IdentifyJob"];

/// A type that the generator does not write itself, named as its schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The name of the type and of its schema.
    pub name: String,
    /// What the specification says about it.
    pub description: Option<String>,
    /// What kind of type it is.
    pub kind: Kind,
}

/// What kind of type an [`Item`] is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// An enum that keeps values which are not in the specification.
    OpenEnum {
        /// The values in the specification.
        values: Vec<String>,
    },
    /// A number in a range.
    BoundedNumber {
        /// What it is held in.
        number: Number,
        /// The least value.
        minimum: f64,
        /// The greatest value.
        maximum: f64,
    },
    /// An array of a length in a range.
    BoundedList {
        /// The name of the schema of its items.
        items: String,
        /// The least length.
        minimum: u64,
        /// The greatest length.
        maximum: u64,
    },
    /// A text that debug output does not show.
    Secret {
        /// The greatest length in characters, where there is one.
        max_length: Option<u64>,
    },
}

/// What a number is held in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Number {
    /// 64 bits, unsigned.
    Integer,
    /// `format: float`, 32 bits.
    Float,
    /// 64 bits.
    Double,
}

/// A lowered document, and the types that it leaves to be written.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// What progenitor reads.
    pub document: Value,
    /// The types that it does not write, in the order of the document.
    pub items: Vec<Item>,
}

/// Lowers the bundle.
pub fn lower(bundle: &Value) -> Result<Lowered> {
    let mut document = bundle.clone();
    unify_error_bodies(&mut document)?;
    name_job_body(&mut document)?;

    let originals = document::schemas(bundle);
    let sent = sent_schemas(bundle, &originals)?;
    let mut hoister = Hoister::new(&originals);
    let mut lowered = Map::new();
    for (name, mut schema) in document::schemas(&document) {
        let sent = sent.contains(&name);
        if let Some(kind) = special_kind(&schema, sent)? {
            hoister.items.push(Item::new(&name, &schema, kind));
        } else {
            hoister.visit(&name, &mut schema, sent)?;
        }
        lowered.insert(name, schema);
    }
    hoister.visit_parameters(&mut document)?;
    for (name, schema) in hoister.hoisted {
        ensure!(
            lowered.insert(name.clone(), schema).is_none(),
            "an inline schema would be called {name}, but there is a schema of that name"
        );
    }
    *document
        .pointer_mut(document::SCHEMAS)
        .context("the bundle has no schemas")? = Value::Object(lowered);
    Ok(Lowered {
        document,
        items: hoister.items,
    })
}

impl Item {
    fn new(name: &str, schema: &Value, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            description: description(schema).map(str::to_owned),
            kind,
        }
    }
}

fn description(schema: &Value) -> Option<&str> {
    schema.get("description").and_then(Value::as_str)
}

/// The names of the schemas that callers send.
fn sent_schemas(bundle: &Value, schemas: &Map<String, Value>) -> Result<BTreeSet<String>> {
    let operations = document::operations(bundle)?;
    let roots = operations.iter().flat_map(|operation| {
        ["requestBody", "parameters"]
            .into_iter()
            .filter_map(|key| operation.value.get(key))
    });
    Ok(document::reachable(roots, schemas).into_iter().collect())
}

/// One error body an operation, of all those that it declares.
fn unify_error_bodies(document: &mut Value) -> Result<()> {
    let mut bodies: Vec<Value> = Vec::new();
    each_operation(document, |operation| {
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
            "an error body is declared in place; give it a name with an action in the overlay: {body}"
        );
    }
    add_schema(
        document,
        ERROR_BODY,
        json!({
            "description": "The body of an error, in either of the forms that the service uses.",
            "oneOf": bodies,
        }),
    )
}

/// The answer that is one of several kinds of job, by name.
fn name_job_body(document: &mut Value) -> Result<()> {
    let mut found = None;
    each_operation(document, |operation| {
        for (status, response) in responses(operation, |status| status.starts_with('2')) {
            let Some(schema) = json_schema(response) else {
                continue;
            };
            let variants = schema.get("anyOf").or_else(|| schema.get("oneOf"));
            let Some(variants) = variants.and_then(Value::as_array) else {
                continue;
            };
            let names: BTreeSet<_> = variants.iter().filter_map(document::referred).collect();
            ensure!(
                variants.len() == names.len() && names == BTreeSet::from(JOB_KINDS),
                "the answer {status} is one of {names:?}, but pyannote-api-sys/src/job.rs tells {JOB_KINDS:?} apart: \
                 teach it, then list the kinds in xtask/src/lower.rs"
            );
            found = Some(std::mem::replace(schema, reference(JOB_BODY)));
        }
        Ok(())
    })?;
    if let Some(mut schema) = found {
        schema["description"] = json!("The body of a job of any kind.");
        add_schema(document, JOB_BODY, schema)?;
    }
    Ok(())
}

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
        "the specification has a schema called {name}, a name that the bindings use themselves"
    );
    Ok(())
}

fn each_operation(
    document: &mut Value,
    mut visit: impl FnMut(&mut Value) -> Result<()>,
) -> Result<()> {
    let places: Vec<(String, String)> = document::operations(document)?
        .iter()
        .map(|operation| (operation.path.to_owned(), operation.method.to_owned()))
        .collect();
    for (path, method) in places {
        let operation = &mut document["paths"][&path][&method];
        visit(operation).with_context(|| format!("in {} {path}", method.to_uppercase()))?;
    }
    Ok(())
}

fn responses(
    operation: &mut Value,
    is_wanted: impl Fn(&str) -> bool,
) -> impl Iterator<Item = (&String, &mut Value)> {
    operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
        .filter(move |(status, _)| is_wanted(status))
}

fn json_schema(response: &mut Value) -> Option<&mut Value> {
    response.pointer_mut("/content/application~1json/schema")
}

/// The kind of type that the generator cannot write for `schema`, if it cannot.
fn special_kind(schema: &Value, sent: bool) -> Result<Option<Kind>> {
    let number = |key: &str| schema.get(key).and_then(Value::as_f64);
    let count = |key: &str| schema.get(key).and_then(Value::as_u64);
    let kind = match schema.get("type").and_then(Value::as_str) {
        Some("string") if schema.get("x-secret") == Some(&Value::Bool(true)) => {
            ensure!(
                schema.get("pattern").is_none(),
                "a secret with a pattern is not supported"
            );
            Kind::Secret {
                max_length: count("maxLength"),
            }
        }
        Some("string") => match schema.get("enum").and_then(Value::as_array) {
            Some(values) => Kind::OpenEnum {
                values: values
                    .iter()
                    .filter(|value| !value.is_null())
                    .map(|value| Some(value.as_str()?.to_owned()))
                    .collect::<Option<_>>()
                    .context("an enum of strings has a value that is not a string")?,
            },
            None => return Ok(None),
        },
        Some(of @ ("number" | "integer")) if sent => match (number("minimum"), number("maximum")) {
            (Some(minimum), Some(maximum)) => {
                let whole = |bound: f64| bound >= 0.0 && bound.fract() == 0.0;
                ensure!(
                    of == "number" || (whole(minimum) && whole(maximum)),
                    "the bounds of a whole number are not whole numbers of at least 0: {schema}"
                );
                Kind::BoundedNumber {
                    number: match (of, schema.get("format").and_then(Value::as_str)) {
                        ("integer", _) => Number::Integer,
                        (_, Some("float")) => Number::Float,
                        _ => Number::Double,
                    },
                    minimum,
                    maximum,
                }
            }
            // The generator itself writes a NonZeroU64.
            (Some(1.0), None) if of == "integer" => return Ok(None),
            (None, None) => return Ok(None),
            _ => bail!("a number with only one bound is not supported: {schema}"),
        },
        Some("array") if sent => match (count("minItems"), count("maxItems")) {
            (None, None) => return Ok(None),
            (minimum, maximum) => Kind::BoundedList {
                items: schema
                    .get("items")
                    .and_then(document::referred)
                    .context(
                        "an array of limited length whose items have no name is not supported",
                    )?
                    .to_owned(),
                minimum: minimum.unwrap_or(0),
                maximum: maximum.unwrap_or(u64::MAX),
            },
        },
        _ => return Ok(None),
    };
    Ok(Some(kind))
}

/// Moves what needs a type of its own out of schemas, into components.
struct Hoister {
    /// The enums that have a name in the specification, by their values.
    named_enums: Vec<(Value, String)>,
    hoisted: Map<String, Value>,
    items: Vec<Item>,
}

impl Hoister {
    fn new(schemas: &Map<String, Value>) -> Self {
        let named_enums = schemas
            .iter()
            .filter_map(|(name, schema)| Some((schema.get("enum")?.clone(), name.clone())))
            .collect();
        Self {
            named_enums,
            hoisted: Map::new(),
            items: Vec::new(),
        }
    }

    /// Looks at the properties of `schema`, which is called `name`, and at what is inside them.
    fn visit(&mut self, name: &str, schema: &mut Value, sent: bool) -> Result<()> {
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            for (property, inner) in properties {
                let place = format!("{name}{}", property.to_upper_camel_case());
                self.replace(&place, inner, sent)
                    .with_context(|| format!("in {name}.{property}"))?;
            }
        }
        if let Some(items) = schema.get_mut("items") {
            self.replace(&format!("{name}Item"), items, sent)?;
        }
        Ok(())
    }

    fn visit_parameters(&mut self, document: &mut Value) -> Result<()> {
        each_operation(document, |operation| {
            let id = operation
                .get("operationId")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_upper_camel_case();
            let parameters = operation.get_mut("parameters");
            for parameter in parameters
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                let name = parameter
                    .get("name")
                    .and_then(Value::as_str)
                    .context("a parameter has no name")?
                    .to_upper_camel_case();
                if let Some(schema) = parameter.get_mut("schema") {
                    self.replace(&format!("{id}{name}"), schema, true)?;
                }
            }
            Ok(())
        })
    }

    /// Puts a reference in the place of `schema` where it needs a type of its own, called `name`.
    fn replace(&mut self, name: &str, schema: &mut Value, sent: bool) -> Result<()> {
        describe_default(schema);
        let Some(kind) = special_kind(schema, sent)? else {
            return self.visit(name, schema, sent);
        };
        let known = schema.get("enum").and_then(|values| {
            let same = self.named_enums.iter().find(|(other, _)| other == values);
            same.map(|(_, name)| name.clone())
        });
        let target = match known {
            Some(known) => known,
            None => {
                self.items.push(Item::new(name, schema, kind));
                name.to_owned()
            }
        };
        let mut replacement = json!({ "allOf": [reference(&target)] });
        for key in ["description", "nullable"] {
            if let Some(value) = schema.get(key) {
                replacement[key] = value.clone();
            }
        }
        let mut hoisted = std::mem::replace(schema, replacement);
        if target == name {
            if let Some(map) = hoisted.as_object_mut() {
                map.remove("nullable");
            }
            self.hoisted.insert(target, hoisted);
        }
        Ok(())
    }
}

/// Takes the default out of `schema` and says it in the description.
fn describe_default(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    let Some(default) = map.remove("default") else {
        return;
    };
    let default = format!("Where it is absent, the service takes `{default}`.");
    let text = match map.get("description").and_then(Value::as_str) {
        Some(text) => format!("{}\n\n{default}", text.trim_end()),
        None => default,
    };
    map.insert("description".to_owned(), Value::String(text));
}
