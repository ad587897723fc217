//! Merges the fragments of the specification into one document.
//!
//! Each fragment is a complete OpenAPI document with a few operations, as published by the documentation. A definition
//! that occurs in several fragments must be identical in all of them. Fragments that are [ahead] of the
//! published specification are added to the others.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use crate::ahead::{self, Published};
use crate::document;
use crate::workspace::{BUNDLE, OVERLAY};

/// A file in `openapi/` with a part of the specification.
#[derive(Clone, Debug, PartialEq)]
pub struct Fragment {
    /// File name, such as `jobs.yaml`.
    pub name: String,
    /// Content of the file.
    pub text: String,
    /// The parsed content.
    pub document: Value,
}

impl Fragment {
    /// Parses the content of a fragment.
    pub fn parse(name: impl Into<String>, text: impl Into<String>) -> Result<Self> {
        let (name, text) = (name.into(), text.into());
        let document = document::parse(&text).with_context(|| format!("in {name}"))?;
        Ok(Self {
            name,
            text,
            document,
        })
    }
}

/// Reads the fragments in `folder`, sorted by name: every `.yaml` file except the overlay and the bundle.
pub fn read_fragments(folder: &Path) -> Result<Vec<Fragment>> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".yaml") && name != OVERLAY && name != BUNDLE {
            names.push(name);
        }
    }
    names.sort();
    ensure!(
        !names.is_empty(),
        "{} contains no fragments of the specification",
        folder.display()
    );
    names
        .into_iter()
        .map(|name| {
            let text = fs_err::read_to_string(folder.join(&name))?;
            Fragment::parse(name, text)
        })
        .collect()
}

/// Merges the fragments into one document, including what is [ahead] of the published specification.
///
/// # Errors
///
/// If there are no published fragments, two of them define the same thing differently, or a fragment that is ahead
/// cannot be added. The message names the files and the location of the first difference.
pub fn merge(fragments: &[Fragment]) -> Result<Merged> {
    let mut document = published(fragments)?;
    let mut published = Vec::new();
    for fragment in fragments
        .iter()
        .filter(|fragment| ahead::is_ahead(fragment))
    {
        published.extend(ahead::add(&mut document, fragment)?);
    }
    Ok(Merged {
        document,
        published,
    })
}

/// A merged document.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The document.
    pub document: Value,
    /// What the published fragments define although another one is ahead of them. The document has their definition.
    pub published: Vec<Published>,
}

/// Merges the published fragments into one document.
///
/// # Errors
///
/// As for [`merge`].
pub fn published(fragments: &[Fragment]) -> Result<Value> {
    let mut published = fragments
        .iter()
        .filter(|fragment| !ahead::is_ahead(fragment));
    let first = published.next().context("no fragments to merge")?;
    let mut merged = first.document.clone();
    let mut origins = Origins::default();
    origins.add("", &first.document, &first.name);
    for fragment in published {
        merge_value(
            &mut merged,
            &fragment.document,
            "",
            &fragment.name,
            &mut origins,
        )?;
    }
    Ok(merged)
}

/// Whether the map at `pointer` is the union of those of all fragments. Everything else must be equal.
fn is_merged(pointer: &str) -> bool {
    let depth = pointer.matches('/').count();
    match pointer {
        "" | "/paths" | "/components" => true,
        // The methods of one path, and the kinds of component: schemas, securitySchemes, ...
        _ => depth == 2 && (pointer.starts_with("/paths/") || pointer.starts_with("/components/")),
    }
}

/// The file that first defined the value at each pointer.
#[derive(Default)]
struct Origins(BTreeMap<String, String>);

impl Origins {
    fn add(&mut self, pointer: &str, value: &Value, file: &str) {
        self.0.insert(pointer.to_owned(), file.to_owned());
        if is_merged(pointer) {
            for (key, inner) in value.as_object().into_iter().flatten() {
                self.add(&join(pointer, key), inner, file);
            }
        }
    }

    fn of(&self, pointer: &str) -> &str {
        self.0.get(pointer).map_or("another fragment", |file| file)
    }
}

fn merge_value(
    into: &mut Value,
    from: &Value,
    pointer: &str,
    file: &str,
    origins: &mut Origins,
) -> Result<()> {
    if is_merged(pointer)
        && let (Value::Object(into), Value::Object(from)) = (&mut *into, from)
    {
        return merge_maps(into, from, pointer, file, origins);
    }
    if let Some(difference) = first_difference(into, from, pointer) {
        let (origin, path) = (origins.of(pointer), dotted(&difference));
        bail!(
            "{origin} and {file} differ at {path}: import the newer page of both, or correct the fragment that is wrong"
        );
    }
    Ok(())
}

fn merge_maps(
    into: &mut Map<String, Value>,
    from: &Map<String, Value>,
    pointer: &str,
    file: &str,
    origins: &mut Origins,
) -> Result<()> {
    for (key, value) in from {
        let pointer = join(pointer, key);
        match into.get_mut(key) {
            Some(existing) => merge_value(existing, value, &pointer, file, origins)?,
            None => {
                into.insert(key.clone(), value.clone());
                origins.add(&pointer, value, file);
            }
        }
    }
    Ok(())
}

/// JSON pointer of the first difference between `a` and `b`, ignoring the order of keys.
fn first_difference(a: &Value, b: &Value, pointer: &str) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let only_in_b = b.keys().filter(|key| !a.contains_key(*key));
            a.keys().chain(only_in_b).find_map(|key| {
                let pointer = join(pointer, key);
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => first_difference(a, b, &pointer),
                    _ => Some(pointer),
                }
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(index, (a, b))| {
                first_difference(a, b, &join(pointer, &index.to_string()))
            })
        }
        _ => (a != b).then(|| pointer.to_owned()),
    }
}

/// Appends a key to a JSON pointer.
fn join(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// A JSON pointer as a dotted path, such as `components.schemas.ApiError`.
fn dotted(pointer: &str) -> String {
    pointer
        .split('/')
        .skip(1)
        .map(|key| key.replace("~1", "/").replace("~0", "~"))
        .collect::<Vec<_>>()
        .join(".")
}
