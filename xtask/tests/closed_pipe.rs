//! The commands of `cargo xtask` do not panic if their reader goes away, as in `cargo xtask import … | head -1`.
#![allow(clippy::unwrap_used)]

use std::io::pipe;
use std::process::{Command, Output, Stdio};

/// Runs `xtask` with a stdout whose reading end is closed.
fn run_with_closed_stdout(arguments: &[&str]) -> Output {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(arguments)
        .stdout(Stdio::from(writer))
        .output()
        .unwrap()
}

#[test]
fn closed_stdout_is_not_an_error() {
    let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/pyannoteai.yaml");
    for arguments in [
        ["import", "--dry-run", bundle].as_slice(),
        &["regen", "--check"],
    ] {
        let output = run_with_closed_stdout(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}
