//! A drill for the day on which the API changes: planted changes of the specification are imported and regenerated, and
//! the bindings of each are compiled with the handwritten files as they are.
//!
//! The snapshot lists what `cargo xtask import` reports for each change, and whether it can be generated. What cannot
//! be generated must stop with the location in the document and the file that would have to support it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod planted;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;
use xtask::import::{Source, updated_fragments};
use xtask::merge::{Fragment, merge, published, read_fragments};
use xtask::workspace::Workspace;
use xtask::{generate, lower, overlay, report};

/// The report of an import, and the generated bindings.
struct Outcome {
    report: String,
    bindings: Result<String>,
}

/// Imports a complete document into a copy of the specification, and regenerates the bindings.
fn import(fragments: &[Fragment], corrections: &str, document: &Value) -> Result<Outcome> {
    let source = Source::parse("planted.json", &document.to_string())?;
    let after = merge(&updated_fragments(fragments, &[source])?)?.document;
    let report = report::compare(&merge(fragments)?.document, &after)?.to_string();
    let bindings = || {
        let mut bundle = after;
        overlay::apply(corrections, &mut bundle).context("in openapi/overlay.yaml")?;
        generate::generate(&lower::lower(&bundle)?)
    };
    Ok(Outcome {
        report,
        bindings: bindings(),
    })
}

#[test]
fn planted_changes_need_no_handwritten_code() {
    let workspace = Workspace::current();
    let fragments = read_fragments(&workspace.openapi()).unwrap();
    let corrections = fs_err::read_to_string(workspace.overlay()).unwrap();
    let published = published(&fragments).unwrap();
    let current = fs_err::read_to_string(workspace.bindings()).unwrap();

    let mut table = String::new();
    let mut crates = BTreeMap::new();
    let mut all = published.clone();
    for (index, change) in planted::planted().into_iter().enumerate() {
        let mut document = published.clone();
        change.apply(&mut document);
        if change.is_combinable {
            change.apply(&mut all);
        }
        writeln!(table, "## {}\n", change.name).unwrap();
        let stop = match import(&fragments, &corrections, &document) {
            Err(error) => Some(error),
            Ok(outcome) => {
                writeln!(table, "{}", indented(&outcome.report)).unwrap();
                match outcome.bindings {
                    Err(error) => Some(error),
                    Ok(bindings) if bindings == current => {
                        writeln!(table, "=> the bindings do not change\n").unwrap();
                        None
                    }
                    Ok(bindings) => {
                        writeln!(table, "=> compiles, no handwritten code changed\n").unwrap();
                        crates.insert(format!("change-{index:02}"), bindings);
                        None
                    }
                }
            }
        };
        if let Some(error) = stop {
            writeln!(table, "=> stops: {error:#}\n").unwrap();
        }
    }
    insta::assert_snapshot!("planted_changes", table);

    let all = import(&fragments, &corrections, &all).unwrap();
    crates.insert("pyannote-api-sys".to_owned(), all.bindings.unwrap());
    Scratch::new(&crates).check();
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |text, line| match line {
        "" => text + "\n",
        line => text + "    " + line + "\n",
    })
}

/// A workspace in `target/drill/` with a copy of the bindings for each change, and the SDK with all changes at once.
struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    fn new(crates: &BTreeMap<String, String>) -> Self {
        let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let folder = target.join("drill");
        let members = folder.join("members");
        if members.exists() {
            fs_err::remove_dir_all(&members).unwrap();
        }
        fs_err::create_dir_all(&members).unwrap();
        let manifest = fs_err::read_to_string(root.join("Cargo.toml")).unwrap();
        let (start, rest) = manifest.split_once("members = [").unwrap();
        let (_, rest) = rest.split_once("]\n").unwrap();
        let manifest = format!("{start}members = [\"*\"]\n{rest}");
        fs_err::write(members.join("Cargo.toml"), manifest).unwrap();
        fs_err::copy(root.join("Cargo.lock"), members.join("Cargo.lock")).unwrap();
        for (name, bindings) in crates {
            let member = members.join(name);
            copy(&root.join("pyannote-api-sys"), &member);
            fs_err::write(member.join("src/generated.rs"), bindings).unwrap();
            let manifest = fs_err::read_to_string(member.join("Cargo.toml")).unwrap();
            let manifest =
                manifest.replace("name = \"pyannote-api-sys\"", &format!("name = \"{name}\""));
            fs_err::write(member.join("Cargo.toml"), manifest).unwrap();
        }
        for name in ["pyannote", "pyannote-core"] {
            copy(&root.join(name), &members.join(name));
        }
        Self { folder }
    }

    /// Compiles everything.
    fn check(&self) {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args([
                "check",
                "--quiet",
                "--keep-going",
                "--offline",
                "--workspace",
                "--no-default-features",
            ])
            .args([
                "--features",
                "schemars",
                "--message-format",
                "short",
                "--manifest-path",
            ])
            .arg(self.folder.join("members/Cargo.toml"))
            .env("CARGO_TARGET_DIR", self.folder.join("build"))
            // Keeps the folder small.
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && errors.is_empty(),
            "the planted changes do not compile without warnings:\n{errors}"
        );
    }
}

/// Copies the folder of a crate.
fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => {
                fs_err::copy(&path, &target).unwrap();
            }
        }
    }
}
