//! The output of `cargo metadata`, as far as the checks use it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::cargo;
use crate::workspace::Workspace;

/// The packages of the workspace, and those that they depend on.
#[derive(Debug, Default, Deserialize)]
pub struct Metadata {
    /// The members of the workspace and all dependencies, for all platforms.
    pub packages: Vec<Package>,
    /// The ids of the members.
    pub workspace_members: Vec<String>,
    /// The dependency graph.
    pub resolve: Resolve,
    /// `target/`.
    pub target_directory: PathBuf,
}

/// A package.
#[derive(Debug, Deserialize)]
pub struct Package {
    /// Unique in the graph.
    pub id: String,
    /// The name, such as `serde`.
    pub name: String,
    /// The version, such as `1.0.228`.
    pub version: String,
    /// The oldest Rust version that the package declares to support.
    pub rust_version: Option<String>,
    /// The registries to which the package may be published; all if `None`.
    pub publish: Option<Vec<String>>,
    /// The features that each feature enables, by name.
    #[serde(default)]
    pub features: BTreeMap<String, Vec<String>>,
    /// `Cargo.toml`.
    pub manifest_path: PathBuf,
    /// The URL of the source code.
    pub repository: Option<String>,
}

/// The dependency graph.
#[derive(Debug, Default, Deserialize)]
pub struct Resolve {
    /// One node for each package.
    pub nodes: Vec<Node>,
}

/// The dependencies of a package.
#[derive(Debug, Deserialize)]
pub struct Node {
    /// The id of the package.
    pub id: String,
    /// Its direct dependencies.
    pub deps: Vec<Dependency>,
}

/// An edge of the dependency graph.
#[derive(Debug, Deserialize)]
pub struct Dependency {
    /// The id of the dependency.
    pub pkg: String,
    /// Why the package depends on it.
    pub dep_kinds: Vec<DependencyKind>,
}

/// The kind of a dependency.
#[derive(Debug, Deserialize)]
pub struct DependencyKind {
    /// `None` for a normal dependency, otherwise `build` or `dev`.
    pub kind: Option<String>,
}

impl Metadata {
    /// Runs `cargo metadata` with all features.
    ///
    /// # Errors
    ///
    /// Fails if cargo fails, such as on a lock file that is not up to date.
    pub fn of(workspace: &Workspace) -> Result<Self> {
        let output = Command::new(cargo::program())
            .args([
                "metadata",
                "--locked",
                "--all-features",
                "--format-version=1",
            ])
            .arg("--manifest-path")
            .arg(workspace.manifest())
            .stderr(Stdio::inherit())
            .output()
            .context("failed to run cargo")?;
        ensure!(output.status.success(), "`cargo metadata` failed");
        serde_json::from_slice(&output.stdout)
            .context("failed to parse the output of `cargo metadata`")
    }

    /// The members of the workspace.
    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
    }

    /// The members of the workspace that are published.
    pub fn published(&self) -> impl Iterator<Item = &Package> {
        self.members()
            .filter(|package| package.publish.as_ref().is_none_or(|to| !to.is_empty()))
    }
}
