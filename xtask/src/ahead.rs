//! What the service supports before the published specification describes it: the fragments that are marked with
//! `x-ahead-of-specification`.
//!
//! Such a fragment only adds to the schemas of the published ones. If a schema in it has no `type`, its properties are
//! added to the published schema of the same name; if a property has no `type` either, the values of its `enum` are
//! added to the published property.

use std::fmt;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::document::{SCHEMAS, without_wording};
use crate::merge::Fragment;

/// The key in the `info` of a fragment that is ahead of the published specification.
const MARK: &str = "x-ahead-of-specification";

/// An addition that the published specification has as well, and that must therefore be removed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Published {
    /// File name of the fragment with the addition.
    pub fragment: String,
    /// The addition, such as `DiarizeRequest.vadSensitivity`.
    pub location: String,
    /// Whether the published definition has the same structure.
    pub is_same: bool,
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            fragment,
            location,
            is_same,
        } = self;
        let how = if *is_same { "" } else { " differently" };
        write!(
            f,
            "{location} is published{how}: remove it from openapi/{fragment}"
        )
    }
}

/// Whether a fragment is ahead of the published specification.
#[must_use]
pub fn is_ahead(fragment: &Fragment) -> bool {
    fragment.document["info"][MARK] == true
}

/// Adds to `document` what it lacks of a fragment. Returns what it has already, and keeps that as it is.
///
/// # Errors
///
/// If the fragment does more than to add to schemas, or adds to what the document does not have.
pub fn add(document: &mut Value, fragment: &Fragment) -> Result<Vec<Published>> {
    let only_adds = |value: &Value, known: &[&str]| {
        let keys = value.as_object().into_iter().flatten();
        keys.map(|(key, _)| key)
            .find(|key| !known.contains(&key.as_str()))
            .cloned()
    };
    let name = &fragment.name;
    let whole = &fragment.document;
    if let Some(key) = only_adds(whole, &["openapi", "info", "paths", "components"])
        .or_else(|| only_adds(&whole["paths"], &[]))
        .or_else(|| only_adds(&whole["components"], &["schemas"]))
    {
        bail!("{name} has `{key}`, but a fragment ahead of the specification has only schemas");
    }
    let additions = whole.pointer(SCHEMAS).and_then(Value::as_object);
    let additions = additions.with_context(|| format!("{name} has no schemas"))?;
    let schemas = document.pointer_mut(SCHEMAS).and_then(Value::as_object_mut);
    let mut merge = Merge {
        fragment: name,
        published: Vec::new(),
    };
    merge.add(
        schemas.context("the specification has no schemas")?,
        additions,
        "",
    )?;
    Ok(merge.published)
}

struct Merge<'a> {
    fragment: &'a str,
    published: Vec<Published>,
}

impl Merge<'_> {
    fn published(&mut self, location: String, is_same: bool) {
        self.published.push(Published {
            fragment: self.fragment.to_owned(),
            location,
            is_same,
        });
    }

    /// Adds schemas to those of a document, or properties to those of a schema.
    fn add(
        &mut self,
        into: &mut Map<String, Value>,
        additions: &Map<String, Value>,
        parent: &str,
    ) -> Result<()> {
        for (name, addition) in additions {
            let location = format!("{parent}{name}");
            let existing = into.get_mut(name);
            let is_extension = ["type", "$ref", "allOf"]
                .iter()
                .all(|key| addition.get(key).is_none());
            match (existing, is_extension) {
                (None, true) => bail!(
                    "{} adds to {location}, which the specification does not have: correct or remove it there",
                    self.fragment
                ),
                (Some(existing), true) => self.extend(existing, addition, &location)?,
                (None, false) => drop(into.insert(name.clone(), addition.clone())),
                (Some(existing), false) => {
                    let is_same = without_wording(existing) == without_wording(addition);
                    self.published(location, is_same);
                }
            }
        }
        Ok(())
    }

    /// Adds properties or values to a schema.
    fn extend(&mut self, schema: &mut Value, addition: &Value, location: &str) -> Result<()> {
        for (key, addition) in addition.as_object().into_iter().flatten() {
            match (schema.get_mut(key), addition) {
                (Some(Value::Object(properties)), Value::Object(additions))
                    if key == "properties" =>
                {
                    self.add(properties, additions, &format!("{location}."))?;
                }
                (Some(Value::Array(values)), Value::Array(additions)) if key == "enum" => {
                    for value in additions {
                        if values.contains(value) {
                            self.published(format!("{location}: {value}"), true);
                        } else {
                            values.push(value.clone());
                        }
                    }
                }
                _ => bail!(
                    "{} cannot add `{key}` to {location}: only properties and values of an `enum` can be added",
                    self.fragment
                ),
            }
        }
        Ok(())
    }
}
