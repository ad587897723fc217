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
fn licenses() {
    assert_eq!(
        stdout(&["demo", "--licenses"]),
        pyannote_engine::assets::LICENSES
    );
}

#[test]
fn demo_does_not_overwrite_the_files_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pyannote-demo.html");
    std::fs::write(&file, "<title>mine</title>").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_pyannote"))
        .arg("demo")
        .current_dir(folder.path())
        .env("PYANNOTE_ASSETS_DIR", folder.path())
        .env("PYANNOTE_PYTHON", folder.path().join("no-python"))
        .output()
        .unwrap();
    // Before anything is downloaded or computed.
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("--output"), "{stderr}");
    assert_eq!(std::fs::read(&file).unwrap(), b"<title>mine</title>");
}

#[test]
#[ignore = "needs the models"]
fn demo_writes_a_page_that_plays_the_sample() {
    let folder = tempfile::tempdir().unwrap();
    let demo = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_pyannote"))
            .arg("demo")
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let page = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();

    let stdout = demo(&[]);
    assert!(stdout.contains("page:   pyannote-demo.html\n"), "{stdout}");
    let first = page("pyannote-demo.html");
    assert!(first.contains("src=\"file://") && first.contains("/sample.wav\""));
    assert!(first.contains("<bdi>DER</bdi>"));

    // Its own page is overwritten; a recording next to the page is linked by name.
    let sample = pyannote_engine::assets::Assets::locate().unwrap().sample();
    std::fs::copy(sample.wav, folder.path().join("a talk.wav")).unwrap();
    demo(&["a talk.wav"]);
    assert!(page("pyannote-demo.html").contains("src=\"./a%20talk.wav\""));
    demo(&["a talk.wav", "--output", "out/page.html"]);
    assert!(page("out/page.html").contains("src=\"file:///"));
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
