//! `cargo xtask import`: a new specification becomes fragments, with a report of what it changes for callers.

mod page;
mod place;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::document;
use crate::layout::Layout;
use crate::merge::{self, Fragment};
use crate::report::{self, Report};

pub use page::Source;
pub use place::FRAGMENTS;

/// What an import would do. Nothing is written before [`Plan::write`].
#[derive(Debug)]
pub struct Plan {
    folder: PathBuf,
    /// The fragments as they are.
    before: Vec<Fragment>,
    /// The fragments as they would be.
    after: Vec<Fragment>,
    /// What changes for callers.
    pub report: Report,
}

/// Plans the import of the files at `paths`.
pub fn plan(layout: &Layout, paths: &[impl AsRef<Path>]) -> Result<Plan> {
    let sources = paths
        .iter()
        .map(|path| {
            let path = path.as_ref();
            let text = fs_err::read_to_string(path)?;
            Source::parse(&path.to_string_lossy(), &text)
        })
        .collect::<Result<Vec<_>>>()?;
    let before = merge::read_fragments(&layout.openapi())?;
    let after = fragments_after(&before, &sources)?;
    let report = report::compare(&merge::merge(&before)?, &merge::merge(&after)?)?;
    Ok(Plan {
        folder: layout.openapi(),
        before,
        after,
        report,
    })
}

impl Plan {
    /// Writes the fragments that changed and removes those that are gone.
    pub fn write(&self) -> Result<()> {
        for fragment in &self.after {
            if !self.before.contains(fragment) {
                fs_err::write(self.folder.join(&fragment.name), &fragment.text)?;
            }
        }
        for fragment in &self.before {
            if !self.after.iter().any(|kept| kept.name == fragment.name) {
                fs_err::remove_file(self.folder.join(&fragment.name))?;
            }
        }
        Ok(())
    }
}

/// A part of a source that belongs into one fragment.
struct Part<'a> {
    source: &'a Source,
    document: Value,
}

/// The fragments after the import of `sources`.
pub fn fragments_after(before: &[Fragment], sources: &[Source]) -> Result<Vec<Fragment>> {
    let whole = sources.iter().find(|source| source.is_whole);
    if let Some(whole) = whole {
        ensure!(
            sources.len() == 1,
            "{} is a whole document, which replaces everything: import it alone",
            whole.name
        );
    }
    let mut parts: BTreeMap<String, Vec<Part<'_>>> = BTreeMap::new();
    for source in sources {
        check_references(source)?;
        let split =
            place::split(&source.document).with_context(|| format!("in {}", source.name))?;
        for (fragment, document) in split {
            let part = Part { source, document };
            parts.entry(fragment).or_default().push(part);
        }
    }

    let mut after: BTreeMap<String, Fragment> = match whole {
        Some(_) => BTreeMap::new(),
        None => before
            .iter()
            .map(|fragment| (fragment.name.clone(), fragment.clone()))
            .collect(),
    };
    for (name, parts) in parts {
        let current = before.iter().find(|fragment| fragment.name == name);
        let kept = current.filter(|_| whole.is_none());
        let fragment = updated(&name, current, kept, &parts)?;
        after.insert(name, fragment);
    }
    Ok(after.into_values().collect())
}

/// The fragment `name` with the operations of `parts`, and those of `kept` that `parts` do not have.
fn updated(
    name: &str,
    current: Option<&Fragment>,
    kept: Option<&Fragment>,
    parts: &[Part<'_>],
) -> Result<Fragment> {
    let documents: Vec<Fragment> = parts
        .iter()
        .map(|part| Fragment {
            name: part.source.name.clone(),
            text: part.source.text.clone(),
            document: part.document.clone(),
        })
        .collect();
    let mut document = merge::merge(&documents)?;
    let mut is_as_published = true;
    if let Some(kept) = kept {
        let replaced: Vec<String> = document::operations(&document)?
            .iter()
            .map(ToString::to_string)
            .collect();
        let mut others = document::operations(&kept.document)?;
        others.retain(|operation| !replaced.contains(&operation.to_string()));
        if !others.is_empty() {
            let mut rest = place::only(&kept.document, &others);
            take_over(&mut rest, &document);
            document = rest;
            is_as_published = false;
        }
    }
    // The text as it was published, comments and all, where one page or YAML file holds all of the fragment.
    if let ([part], true) = (parts, is_as_published)
        && part.document == part.source.document
        && !part.source.text.trim_start().starts_with('{')
    {
        return Fragment::parse(name, part.source.text.clone());
    }
    if let Some(current) = current
        && current.document == document
    {
        return Ok(current.clone());
    }
    Fragment::parse(name, document::to_yaml(&document)?)
}

/// Puts the paths and components of `newer` into `document`, in the place of those of the same name.
fn take_over(document: &mut Value, newer: &Value) {
    for (key, value) in newer.as_object().into_iter().flatten() {
        if !["paths", "components"].contains(&key.as_str()) {
            document[key] = value.clone();
            continue;
        }
        for (name, entries) in value.as_object().into_iter().flatten() {
            match (document[key][name].as_object_mut(), entries.as_object()) {
                (Some(into), Some(entries)) => into.extend(entries.clone()),
                _ => document[key][name] = entries.clone(),
            }
        }
    }
}

/// A reference to a schema that is not there would only fail in the generator, without saying where it came from.
fn check_references(source: &Source) -> Result<()> {
    let schemas = document::schemas(&source.document);
    let mut missing = None;
    document::each_reference(&source.document, &mut |name| {
        if !schemas.contains_key(name) {
            missing = Some(name);
        }
    });
    match missing {
        None => Ok(()),
        Some(name) => anyhow::bail!(
            "{} refers to the schema {name}, which it does not have",
            source.name
        ),
    }
}
