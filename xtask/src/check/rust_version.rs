//! Compares the Rust version that each crate declares with those of its dependencies.
//!
//! Cargo refuses to compile a package that declares a newer Rust version than the one in use. Thus, a crate must not
//! declare an older version than any of its dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use anyhow::{Context, Result, bail, ensure};

use super::metadata::{Metadata, Package};
use crate::workspace::Workspace;

/// Major, minor and patch version.
type Version = (u32, u32, u32);

/// Checks all members of the workspace. Returns a line for each.
///
/// # Errors
///
/// Lists the dependencies that require a newer version of Rust than the crate declares.
pub fn check(workspace: &Workspace) -> Result<String> {
    check_metadata(&Metadata::of(workspace)?)
}

/// The published crates by the Rust version that they declare, as lines such as `1.89 --package=a --package=b`.
///
/// # Errors
///
/// Fails if cargo fails.
pub fn list(workspace: &Workspace) -> Result<String> {
    let metadata = Metadata::of(workspace)?;
    let mut lines = BTreeMap::new();
    for package in metadata.published() {
        let version = package.rust_version.clone().unwrap_or_default();
        let line: &mut String = lines.entry(version).or_default();
        write!(line, " --package={}", package.name)?;
    }
    Ok(lines
        .iter()
        .map(|(version, packages)| format!("{version}{packages}\n"))
        .collect())
}

fn check_metadata(metadata: &Metadata) -> Result<String> {
    let packages: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (package.id.as_str(), package))
        .collect();
    let mut report = String::new();
    let mut errors = String::new();
    for member in metadata.members() {
        let declared = declared(member)?
            .with_context(|| format!("{}: `rust-version` is missing", member.name))?;
        let dependencies = dependencies(metadata, &member.id);
        let mut undeclared = 0;
        for package in dependencies.iter().filter_map(|id| packages.get(id)) {
            match self::declared(package)? {
                Some(required) if required > declared => writeln!(
                    errors,
                    "{} declares Rust {}, but {} {} requires {}",
                    member.name,
                    text(declared),
                    package.name,
                    package.version,
                    text(required)
                )?,
                Some(_) => {}
                None => undeclared += 1,
            }
        }
        writeln!(
            report,
            "{:16}  Rust {}  {:3} dependencies, {undeclared} of which declare no version",
            member.name,
            text(declared),
            dependencies.len()
        )?;
    }
    ensure!(errors.is_empty(), "{}", errors.trim_end());
    Ok(report)
}

/// The ids of the packages that `member` is compiled with: its normal and build dependencies, and theirs.
///
/// Its tests may need a newer Rust version.
fn dependencies<'a>(metadata: &'a Metadata, member: &'a str) -> BTreeSet<&'a str> {
    let nodes: BTreeMap<_, _> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node))
        .collect();
    let mut found = BTreeSet::new();
    let mut queue = vec![member];
    while let Some(node) = queue.pop().and_then(|id| nodes.get(id)) {
        for dependency in &node.deps {
            let is_dev = |kind: &Option<String>| kind.as_deref() == Some("dev");
            let only_dev = dependency.dep_kinds.iter().all(|kind| is_dev(&kind.kind));
            if !only_dev && found.insert(dependency.pkg.as_str()) {
                queue.push(&dependency.pkg);
            }
        }
    }
    found
}

fn declared(package: &Package) -> Result<Option<Version>> {
    let Some(text) = &package.rust_version else {
        return Ok(None);
    };
    let numbers: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[major, minor]) => Ok(Some((major, minor, 0))),
        Some(&[major, minor, patch]) => Ok(Some((major, minor, patch))),
        _ => bail!("{}: invalid `rust-version`: {text}", package.name),
    }
}

fn text((major, minor, patch): Version) -> String {
    match patch {
        0 => format!("{major}.{minor}"),
        patch => format!("{major}.{minor}.{patch}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The crate `member`, which depends on `direct`, which depends on `indirect`; and its tests, which use `dev`.
    fn metadata(member: Option<&str>, indirect: Option<&str>, dev: Option<&str>) -> Metadata {
        let package = |name: &str, rust_version: Option<&str>| {
            json!({
                "id": name, "name": name, "version": "1.0.0", "manifest_path": "Cargo.toml",
                "rust_version": rust_version,
            })
        };
        let edge = |to: &str, kind: Option<&str>| json!({"pkg": to, "dep_kinds": [{"kind": kind}]});
        serde_json::from_value(json!({
            "packages": [
                package("member", member), package("direct", None), package("indirect", indirect), package("dev", dev),
            ],
            "workspace_members": ["member"],
            "resolve": {"nodes": [
                {"id": "member", "deps": [edge("direct", None), edge("dev", Some("dev"))]},
                {"id": "direct", "deps": [edge("indirect", Some("build"))]},
                {"id": "indirect", "deps": []},
                {"id": "dev", "deps": []},
            ]},
            "target_directory": "target",
        }))
        .unwrap()
    }

    #[test]
    fn accepts_dependencies_that_require_no_newer_version() {
        let report = check_metadata(&metadata(Some("1.89"), Some("1.89.0"), Some("1.94"))).unwrap();
        assert_eq!(
            report,
            "member            Rust 1.89    2 dependencies, 1 of which declare no version\n"
        );
    }

    #[test]
    fn rejects_an_indirect_dependency_that_requires_a_newer_version() {
        let error = check_metadata(&metadata(Some("1.89"), Some("1.89.1"), None)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "member declares Rust 1.89, but indirect 1.0.0 requires 1.89.1"
        );
    }

    #[test]
    fn rejects_a_missing_or_invalid_version() {
        let error = check_metadata(&metadata(None, None, None)).unwrap_err();
        assert_eq!(error.to_string(), "member: `rust-version` is missing");
        let error = check_metadata(&metadata(Some("1.x"), None, None)).unwrap_err();
        assert_eq!(error.to_string(), "member: invalid `rust-version`: 1.x");
    }
}
