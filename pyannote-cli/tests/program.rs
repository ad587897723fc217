//! Runs the command `pyannote`.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output, Stdio};

/// Runs the command without access to the models.
fn run(arguments: &[&str]) -> Output {
    let empty = std::env::temp_dir().join("pyannote-cli-without-models");
    Command::new(env!("CARGO_BIN_EXE_pyannote"))
        .args(arguments)
        .env("PYANNOTE_ASSETS_DIR", &empty)
        .env("PYANNOTE_PYTHON", empty.join("no-python"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn stdout(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help() {
    insta::assert_snapshot!("help", stdout(&["--help"]));
    for command in [
        "clip",
        "demo",
        "diarize",
        "identify",
        "label",
        "render",
        "score",
        "voiceprint",
    ] {
        insta::assert_snapshot!(format!("help_of_{command}"), stdout(&[command, "--help"]));
    }
}

#[test]
fn licenses() {
    assert_eq!(
        stdout(&["demo", "--licenses"]),
        pyannote_engine::assets::LICENSES
    );
}

#[test]
fn demo_without_python_says_how_to_get_it() {
    let output = run(&["demo"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("error: "), "{stderr}");
    assert!(stderr.contains("PYANNOTE_PYTHON"), "{stderr}");
    // The remedy is not another program.
    assert!(!stderr.contains("pyannote-server"), "{stderr}");
}
