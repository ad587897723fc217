//! Fragments become one document.
//!
//! Each fragment is a whole OpenAPI document of a few operations, as the documentation publishes it. What several of
//! them declare under one name must be the same in all.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use crate::document;
use crate::layout::{BUNDLE, OVERLAY};

/// A part of the specification: a file in `openapi/`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fragment {
    /// Its file name, such as `jobs.yaml`.
    pub name: String,
    /// The bytes of the file.
    pub text: String,
    /// What they say.
    pub document: Value,
}

impl Fragment {
    /// A fragment from its text.
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

/// Reads the fragments in `folder`, in the order of their names: every YAML file there but the overlay and the bundle.
pub fn read_fragments(folder: &Path) -> Result<Vec<Fragment>> {
    let mut names = Vec::new();
    let entries = fs_err::read_dir(folder)?;
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".yaml") && name != OVERLAY && name != BUNDLE {
            names.push(name);
        }
    }
    names.sort();
    ensure!(
        !names.is_empty(),
        "{} holds no fragment of the specification",
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

/// Merges fragments. What two of them declare under one name with different contents is an error that names both files
/// and the place where they part.
pub fn merge(fragments: &[Fragment]) -> Result<Value> {
    let (first, rest) = fragments
        .split_first()
        .context("there is no fragment to merge")?;
    let mut merged = first.document.clone();
    let mut owners = Owners::default();
    owners.add("", &first.document, &first.name);
    for fragment in rest {
        merge_level(
            &mut merged,
            &fragment.document,
            "",
            &fragment.name,
            &mut owners,
        )?;
    }
    Ok(merged)
}

/// The maps whose entries come from several fragments. Everything below an entry, and every other key, must agree.
fn is_shared(pointer: &str) -> bool {
    let depth = pointer.matches('/').count();
    match pointer {
        "" | "/paths" | "/components" => true,
        // The methods of one path, and the kinds of component: schemas, securitySchemes, ...
        _ => depth == 2 && (pointer.starts_with("/paths/") || pointer.starts_with("/components/")),
    }
}

/// Which file declared what is at a pointer first.
#[derive(Default)]
struct Owners(std::collections::BTreeMap<String, String>);

impl Owners {
    fn add(&mut self, pointer: &str, value: &Value, file: &str) {
        self.0.insert(pointer.to_owned(), file.to_owned());
        if is_shared(pointer) {
            for (key, inner) in value.as_object().into_iter().flatten() {
                self.add(&join(pointer, key), inner, file);
            }
        }
    }

    fn of(&self, pointer: &str) -> &str {
        self.0.get(pointer).map_or("another fragment", |file| file)
    }
}

fn merge_level(
    into: &mut Value,
    from: &Value,
    pointer: &str,
    file: &str,
    owners: &mut Owners,
) -> Result<()> {
    if is_shared(pointer)
        && let (Value::Object(into), Value::Object(from)) = (&mut *into, from)
    {
        return merge_maps(into, from, pointer, file, owners);
    }
    if let Some(place) = first_difference(into, from, pointer) {
        let (start, end) = (owners.of(pointer), dotted(&place));
        bail!(
            "{start} and {file} differ at {end}: one name cannot have two contents. \
             Import the newer page of both, or mend the fragment that is wrong"
        );
    }
    Ok(())
}

fn merge_maps(
    into: &mut Map<String, Value>,
    from: &Map<String, Value>,
    pointer: &str,
    file: &str,
    owners: &mut Owners,
) -> Result<()> {
    for (key, value) in from {
        let place = join(pointer, key);
        match into.get_mut(key) {
            Some(existing) => merge_level(existing, value, &place, file, owners)?,
            None => {
                into.insert(key.clone(), value.clone());
                owners.add(&place, value, file);
            }
        }
    }
    Ok(())
}

/// The first place, as a JSON pointer, where `a` and `b` are not the same. The order of keys does not count.
fn first_difference(a: &Value, b: &Value, pointer: &str) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let only_in_b = b.keys().filter(|key| !a.contains_key(*key));
            a.keys().chain(only_in_b).find_map(|key| {
                let place = join(pointer, key);
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => first_difference(a, b, &place),
                    _ => Some(place),
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

fn join(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// A JSON pointer as people write a place: `components.schemas.ApiError`.
fn dotted(pointer: &str) -> String {
    pointer
        .split('/')
        .skip(1)
        .map(|key| key.replace("~1", "/").replace("~0", "~"))
        .collect::<Vec<_>>()
        .join(".")
}
