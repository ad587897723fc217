//! The program, as its users start it.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use pyannote_engine::assets::LICENCES;

/// The program, with no environment of its user's that it would heed, and no way to the models.
fn program(assets: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_pyannote-server"));
    for name in [
        "PYANNOTEAI_API_KEY",
        "PYANNOTEAI_WEBHOOK_SECRET",
        "PYANNOTE_SERVER_DATABASE",
        "RUST_LOG",
    ] {
        program.env_remove(name);
    }
    program
        .env("PYANNOTE_ASSETS_DIR", assets)
        .env("PYANNOTE_PYTHON", assets.join("no-python"))
        .stdin(Stdio::null());
    program
}

/// What it says on standard output, where it ends well.
fn says(arguments: &[&str]) -> String {
    let nowhere = tempfile::tempdir().unwrap();
    let output = program(nowhere.path()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help() {
    insta::assert_snapshot!("help", says(&["--help"]));
    insta::assert_snapshot!("help_of_serve", says(&["serve", "--help"]));
}

#[test]
fn licences() {
    assert_eq!(says(&["--licenses"]), LICENCES);
}

/// The engine is open unless another is named.
#[test]
fn without_models_and_a_way_to_them_it_says_how_to_get_them() {
    for engine in [&["--engine", "open"][..], &[]] {
        let empty = tempfile::tempdir().unwrap();
        let output = program(empty.path())
            .args(["serve", "--key", "test-key", "--listen", "127.0.0.1:0"])
            .args(engine)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("no Python was found"), "{said}");
        assert!(said.contains("`pyannote-server assets`"), "{said}");
    }
}

#[test]
fn the_scripted_engine_needs_no_models_and_says_that_none_answer() {
    let empty = tempfile::tempdir().unwrap();
    let mut server = program(empty.path())
        .args(["serve", "--key", "test-key", "--listen", "127.0.0.1:0"])
        .args(["--engine", "scripted"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said = BufReader::new(server.stdout.take().unwrap());
    let said: Vec<_> = said.lines().take(2).map(Result::unwrap).collect();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(said[0].starts_with("pyannote-server listens at http://127.0.0.1:"));
    assert!(said[1].starts_with("no model answers"), "{said:?}");
}
