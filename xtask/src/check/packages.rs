//! Packages every published crate as `cargo publish` would, and checks what is in the packages.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::metadata::{Metadata, Package};
use crate::cargo;
use crate::workspace::Workspace;

/// What every package must contain.
const REQUIRED: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md"];
/// The largest file of a package. The generated bindings have 222 KiB.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// Packages all published crates, compiles them from their packages, and writes a line for each.
///
/// For a release, also checks that everything is committed, that `repository` is set, and that the changelog has a
/// section for the version.
///
/// # Errors
///
/// Fails if a crate cannot be packaged or compiled, if a package lacks a file or contains one that it should not, or if
/// the workspace is not ready for a release.
pub fn check(workspace: &Workspace, release: bool, output: &mut impl Write) -> Result<()> {
    let metadata = Metadata::of(workspace)?;
    let packages: Vec<_> = metadata.published().collect();
    if release {
        let changelog = workspace.manifest().with_file_name("CHANGELOG.md");
        let problems = release_problems(&packages, &fs_err::read_to_string(changelog)?);
        ensure!(problems.is_empty(), "{}", problems.join("\n"));
    }

    forget_earlier_packages(&metadata.target_directory, &packages)?;
    let names = packages
        .iter()
        .map(|package| format!("--package={}", package.name));
    let dirty = (!release).then(|| "--allow-dirty".to_owned());
    let packaged = cargo::succeeds(workspace, "package", names.chain(dirty))?;
    ensure!(packaged, "`cargo package` failed");

    let mut problems = Vec::new();
    for package in packages {
        let files = list(package)?;
        let folder = package.manifest_path.with_file_name("");
        let mut total = 0;
        let mut sizes = Vec::new();
        for file in files {
            // The other files are written by cargo.
            let size = std::fs::metadata(folder.join(&file)).map_or(0, |file| file.len());
            total += size;
            sizes.push((file, size));
        }
        problems.extend(
            content_problems(&sizes)
                .into_iter()
                .map(|problem| format!("{}: {problem}", package.name)),
        );
        let name = format!("package/{}-{}.crate", package.name, package.version);
        let compressed = fs_err::metadata(metadata.target_directory.join(name))?.len();
        writeln!(
            output,
            "{:16}  {}  {:3} files  {:4} KiB  {:4} KiB compressed",
            package.name,
            package.version,
            sizes.len(),
            total / 1024,
            compressed / 1024
        )?;
    }
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(())
}

/// Removes what cargo keeps of earlier packages of the same versions.
///
/// To compile a package, cargo puts those that it depends on into a registry in the target directory. It takes for
/// granted that a version in a registry never changes: once unpacked or compiled, an earlier state of the crate would
/// be used.
fn forget_earlier_packages(target: &Path, packages: &[&Package]) -> Result<()> {
    let mut unwanted = Vec::new();
    for registry in folders(&cargo_home()?.join("registry/src"), |name| {
        // Registries on a disk have no host; their folders are named `-` and a hash.
        name.starts_with('-')
    })? {
        for package in packages {
            unwanted.push(registry.join(format!("{}-{}", package.name, package.version)));
        }
    }
    unwanted.extend(folders(&target.join("debug/.fingerprint"), |folder| {
        let package = folder.rsplit_once('-').map(|(name, _hash)| name);
        packages.iter().any(|known| package == Some(&known.name))
    })?);
    for folder in unwanted {
        if folder.is_dir() {
            fs_err::remove_dir_all(folder)?;
        }
    }
    Ok(())
}

/// The folders in `parent` with a suitable name; none if `parent` does not exist.
fn folders(parent: &Path, is_suitable: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    if parent.is_dir() {
        for entry in fs_err::read_dir(parent)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(&is_suitable) {
                folders.push(entry.path());
            }
        }
    }
    Ok(folders)
}

/// Where cargo keeps what it downloads and unpacks.
fn cargo_home() -> Result<PathBuf> {
    match std::env::var_os("CARGO_HOME") {
        Some(folder) => Ok(folder.into()),
        None => {
            let home =
                std::env::home_dir().context("the home directory is unknown; set CARGO_HOME")?;
            Ok(home.join(".cargo"))
        }
    }
}

/// The files of a package.
fn list(package: &Package) -> Result<Vec<String>> {
    let output = Command::new(cargo::program())
        .args([
            "package",
            "--list",
            "--allow-dirty",
            "--quiet",
            "--manifest-path",
        ])
        .arg(&package.manifest_path)
        .stderr(Stdio::inherit())
        .output()
        .context("failed to run cargo")?;
    ensure!(output.status.success(), "`cargo package --list` failed");
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().map(|line| line.replace('\\', "/")).collect())
}

/// Files that are missing from a package, and files that must not be in it. `files` are paths and sizes in bytes.
fn content_problems(files: &[(String, u64)]) -> Vec<String> {
    let mut problems = Vec::new();
    for required in REQUIRED {
        if !files.iter().any(|(path, _)| path == required) {
            problems.push(format!("{required} is not in the package"));
        }
    }
    for (path, size) in files {
        if *size > MAX_FILE_BYTES {
            problems.push(format!("{path} is too large: {} KiB", size / 1024));
        }
        let hidden = path.split('/').any(|part| part.starts_with('.'));
        if hidden && path != ".cargo_vcs_info.json" {
            problems.push(format!("{path} is a hidden file"));
        }
    }
    problems
}

/// What a release lacks: the URL of the repository, and a section of the changelog.
fn release_problems(packages: &[&Package], changelog: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for package in packages {
        if package.repository.is_none() {
            problems.push(format!("{}: `repository` is missing", package.name));
        }
        let is_released = |line: &str| {
            let heading = line.strip_prefix("## ").unwrap_or_default();
            heading.split(' ').next() == Some(package.version.as_str())
        };
        if !changelog.lines().any(is_released) {
            problems.push(format!(
                "{}: CHANGELOG.md has no section `## {}`",
                package.name, package.version
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_missing_and_unwanted_files() {
        let files = |extra: &[(&str, u64)]| -> Vec<(String, u64)> {
            let required = REQUIRED.map(|path| (path, 1000));
            let files = required.iter().chain(extra);
            files
                .map(|(path, size)| (path.to_string(), *size))
                .collect()
        };
        let good = files(&[(".cargo_vcs_info.json", 0), ("src/lib.rs", MAX_FILE_BYTES)]);
        assert!(content_problems(&good).is_empty());
        let bad = files(&[("tests/.env", 10), ("tests/meeting.wav", 300 * 1024)]);
        assert_eq!(
            content_problems(&bad[1..]),
            [
                "LICENSE-APACHE is not in the package",
                "tests/.env is a hidden file",
                "tests/meeting.wav is too large: 300 KiB"
            ]
        );
    }

    #[test]
    fn a_release_needs_a_repository_and_a_changelog() {
        let package = |repository: Option<&str>| -> Package {
            serde_json::from_value(serde_json::json!({
                "id": "a", "name": "a", "version": "1.2.0", "manifest_path": "Cargo.toml", "repository": repository,
            }))
            .unwrap()
        };
        let (with, without) = (package(Some("https://example.com/a")), package(None));
        let changelog = "# Changelog\n\n## 1.2.0 - 2026-11-26\n";
        assert!(release_problems(&[&with], changelog).is_empty());
        assert_eq!(
            release_problems(&[&without], "## Unreleased\n\n## 1.2.0-rc.1\n"),
            [
                "a: `repository` is missing",
                "a: CHANGELOG.md has no section `## 1.2.0`"
            ]
        );
    }
}
