//! Tasks that need the server or the engine, run in a second cargo process.
//!
//! With those crates as dependencies of `xtask`, `cargo xtask regen` would first compile a server, a database driver
//! and TLS.

use std::ffi::{OsStr, OsString};
use std::path::{PathBuf, absolute};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// Downloads the models, that of the transcription too, with `pyannote-server assets`.
pub fn assets(workspace: &Workspace) -> Result<ExitCode> {
    run(
        workspace,
        "run",
        [
            "--package=pyannote-server",
            "--",
            "assets",
            "--transcription",
        ],
    )
}

/// Runs the benchmark `tests/benches/{name}` with these paths, such as folders with recordings.
pub fn bench(
    workspace: &Workspace,
    name: &str,
    paths: &[PathBuf],
    options: Vec<OsString>,
) -> Result<ExitCode> {
    let mut arguments: Vec<OsString> = vec![
        "--package=pyannote-tests".into(),
        format!("--bench={name}").into(),
        "--".into(),
    ];
    arguments.extend(options);
    for path in paths {
        // Cargo runs a benchmark in the directory of its package, not in the caller's.
        arguments.push(absolute(path)?.into());
    }
    run(workspace, "bench", arguments)
}

/// Runs a cargo command in this workspace and maps its exit status.
pub(crate) fn run(
    workspace: &Workspace,
    command: &str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<ExitCode> {
    Ok(if succeeds(workspace, command, arguments)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs a cargo command in this workspace, and returns whether it succeeded.
pub(crate) fn succeeds(
    workspace: &Workspace,
    command: &str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<bool> {
    let status = Command::new(program())
        .args([command, "--quiet", "--manifest-path"])
        .arg(workspace.manifest())
        .args(arguments)
        .status()
        .context("failed to run cargo")?;
    Ok(status.success())
}

/// The cargo that runs this task.
pub(crate) fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
