//! Runs what needs the local server and its engine, with another cargo.
//!
//! As dependencies of the tasks, they would make `cargo xtask regen` compile a server, a database and TLS first.

use std::ffi::{OsStr, OsString};
use std::path::{PathBuf, absolute};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::layout::Layout;

/// Fetches the models: `pyannote-server assets`.
pub fn assets(layout: &Layout) -> Result<ExitCode> {
    run(layout, "run", ["--package=pyannote-server", "--", "assets"])
}

/// Measures the engine on the sample recording and those of the folders: `tests/benches/{name}`.
pub fn bench(
    layout: &Layout,
    name: &str,
    folders: &[PathBuf],
    options: impl Iterator<Item = String>,
) -> Result<ExitCode> {
    let fixed = [
        "--package=pyannote-tests".into(),
        format!("--bench={name}"),
        "--".into(),
    ];
    let mut arguments: Vec<OsString> = fixed
        .into_iter()
        .chain(options)
        .map(OsString::from)
        .collect();
    for folder in folders {
        // A benchmark does not run in the folder that it was called from.
        arguments.push(absolute(folder)?.into());
    }
    run(layout, "bench", arguments)
}

/// Runs a command of cargo in this workspace, and ends as it ends.
fn run(
    layout: &Layout,
    command: &str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<ExitCode> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([command, "--quiet", "--manifest-path"])
        .arg(layout.manifest())
        .args(arguments)
        .status()
        .context("cargo cannot be run")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
