//! `cargo xtask import`: updates the fragments from a new specification and reports how it affects callers.

mod fragments;
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::ahead;
use crate::document;
use crate::merge::{self, Fragment};
use crate::regen;
use crate::report::{self, Report};
use crate::workspace::Workspace;

pub use source::Source;

/// A planned import. Nothing is written until [`Plan::write`].
#[derive(Debug)]
pub struct Plan {
    folder: PathBuf,
    before: Vec<Fragment>,
    after: Vec<Fragment>,
    /// The changes for callers.
    pub report: Report,
}

/// Plans the import of the files at `paths`.
pub fn plan(workspace: &Workspace, paths: &[impl AsRef<Path>]) -> Result<Plan> {
    let sources = paths
        .iter()
        .map(|path| {
            let path = path.as_ref();
            let text = fs_err::read_to_string(path)?;
            Source::parse(&path.to_string_lossy(), &text)
        })
        .collect::<Result<Vec<_>>>()?;
    let before = merge::read_fragments(&workspace.openapi())?;
    let after = updated_fragments(&before, &sources)?;
    let (old, new) = (merge::merge(&before)?, merge::merge(&after)?);
    let mut report = report::compare(&old.document, &new.document)?;
    if sources.iter().any(|source| source.has_webhooks) {
        let note = "webhooks: not compared; pyannote/src/webhook is handwritten";
        report.notes.push(note.to_owned());
    }
    if let Err(error) = regen::outputs_of(workspace, &after) {
        report.notes.push(format!("regen stops: {error:#}"));
    }
    Ok(Plan {
        folder: workspace.openapi(),
        before,
        after,
        report,
    })
}

impl Plan {
    /// Writes the fragments that changed and deletes those that were removed.
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

/// The part of a source that belongs to one fragment.
struct Part<'a> {
    source: &'a Source,
    document: Value,
}

/// The fragments after the import of `sources`.
pub fn updated_fragments(before: &[Fragment], sources: &[Source]) -> Result<Vec<Fragment>> {
    let complete = sources.iter().find(|source| source.is_complete);
    if let Some(complete) = complete {
        ensure!(
            sources.len() == 1,
            "{} is a complete document, which replaces everything: import it on its own",
            complete.name
        );
    }
    let mut parts: BTreeMap<String, Vec<Part<'_>>> = BTreeMap::new();
    for source in sources {
        check_references(source)?;
        let split =
            fragments::split(&source.document).with_context(|| format!("in {}", source.name))?;
        for (fragment, document) in split {
            let part = Part { source, document };
            parts.entry(fragment).or_default().push(part);
        }
    }

    // A complete document replaces everything that was published.
    let mut after: BTreeMap<String, Fragment> = before
        .iter()
        .filter(|fragment| complete.is_none() || ahead::is_ahead(fragment))
        .map(|fragment| (fragment.name.clone(), fragment.clone()))
        .collect();
    for (name, parts) in parts {
        let current = before.iter().find(|fragment| fragment.name == name);
        let base = current.filter(|_| complete.is_none());
        let fragment = updated_fragment(&name, current, base, &parts)?;
        after.insert(name, fragment);
    }
    Ok(after.into_values().collect())
}

/// The fragment `name` with the operations of `parts`, and those operations of `base` that `parts` do not replace.
fn updated_fragment(
    name: &str,
    current: Option<&Fragment>,
    base: Option<&Fragment>,
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
    let mut document = merge::published(&documents)?;
    let mut is_as_published = true;
    if let Some(base) = base {
        let replaced: Vec<String> = document::operations(&document)?
            .iter()
            .map(ToString::to_string)
            .collect();
        let mut kept = document::operations(&base.document)?;
        kept.retain(|operation| !replaced.contains(&operation.to_string()));
        if !kept.is_empty() {
            let mut rest = fragments::subset(&base.document, &kept);
            overwrite(&mut rest, &document);
            document = rest;
            is_as_published = false;
        }
    }
    // Keep the published text, including comments, if one page or YAML file is the entire fragment.
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

/// Copies everything in `newer` to `document`. Paths and components that `newer` does not have are kept.
fn overwrite(document: &mut Value, newer: &Value) {
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

/// Checks that all referenced schemas exist. The generator would fail on a dangling reference too, but without naming
/// the source.
fn check_references(source: &Source) -> Result<()> {
    let schemas = document::schemas(&source.document);
    let mut missing = None;
    document::visit_references(&source.document, &mut |name| {
        if !schemas.contains_key(name) {
            missing = Some(name);
        }
    });
    match missing {
        None => Ok(()),
        Some(name) => anyhow::bail!(
            "{} refers to the missing schema {name}: add it to the source",
            source.name
        ),
    }
}
