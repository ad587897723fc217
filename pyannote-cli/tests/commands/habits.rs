//! What all commands have in common.

use std::io::Read as _;
use std::process::Stdio;

use crate::render::RTTM;
use crate::sandbox::{Sandbox, stdout};

const URL: &str = "https://example.com/meeting.wav";

#[test]
fn quiet_prints_the_result_only() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 1);
    let output = sandbox.run(&["diarize", "--quiet", "meeting.wav", "-f", "rttm"]);
    assert!(output.stderr.is_empty(), "{output:?}");
    let output = sandbox.run(&["-q", "diarize", "meeting.wav", "-o", "a.rttm"]);
    assert!(
        output.stderr.is_empty() && output.stdout.is_empty(),
        "{output:?}"
    );
}

#[test]
fn colors_are_for_terminals_and_those_who_ask() {
    let sandbox = Sandbox::new();
    let has_colors = |arguments: &[&str], variable: Option<(&str, &str)>| {
        let mut command = sandbox.command();
        command.args(arguments).envs(variable);
        command.output().unwrap().stderr.contains(&0x1b)
    };
    let missing = ["render", "missing.json"];
    let always = ["render", "missing.json", "--color", "always"];
    assert!(!has_colors(&missing, None));
    assert!(has_colors(&always, None));
    assert!(has_colors(&always, Some(("NO_COLOR", "1"))));
    assert!(has_colors(&missing, Some(("CLICOLOR_FORCE", "1"))));
    assert!(!has_colors(&missing, Some(("NO_COLOR", "1"))));
    assert!(!has_colors(
        &["render", "missing.json", "--color", "never"],
        Some(("CLICOLOR_FORCE", "1"))
    ));
    // Errors in the arguments, too.
    assert!(!has_colors(&["render", "--bad"], None));
    assert!(has_colors(&["render", "--bad", "--color", "always"], None));
    assert!(!has_colors(
        &["render", "--bad", "--color", "never"],
        Some(("CLICOLOR_FORCE", "1"))
    ));
}

/// As with `pyannote … | head`.
#[test]
fn a_closed_pipe_is_silent() {
    let sandbox = Sandbox::new();
    sandbox.write("meeting.rttm", RTTM.repeat(10_000));
    for arguments in [
        &["render", "meeting.rttm", "-f", "ndjson"][..],
        &["render", "meeting.rttm", "--json"],
        &["completions", "bash"],
        &["schema"],
        &["--help"],
    ] {
        let mut child = sandbox.command().args(arguments).spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        assert_eq!(
            child.wait().unwrap().code(),
            Some(0),
            "{arguments:?}: {stderr}"
        );
        assert_eq!(stderr, "", "{arguments:?}");
    }
}

/// A program that reads the names gets them as they are; a person at a terminal is not fooled by them.
#[cfg(unix)]
#[test]
fn control_characters_in_names() {
    let sandbox = Sandbox::new();
    let name = "two\nlines\x1b[31m.wav";
    sandbox.write_recording(name, 1);
    let output = sandbox.run(&["batch", name, "-o", "results"]);
    assert_eq!(
        stdout(&output),
        "results/two\nlines\x1b[31m.json\n",
        "{output:?}"
    );
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with("two lines\u{fffd}[31m.wav: accepted"),
        "{stderr}"
    );
    let output = sandbox.run(&["render", "missing\n\x1b[31m.json"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with("error: cannot read missing \u{fffd}[31m.json: "),
        "{stderr}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn paths_of_any_encoding() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let sandbox = Sandbox::new();
    let name = |bytes: &'static [u8]| OsStr::from_bytes(bytes);
    sandbox.write_recording(name(b"calls/caf\xe9.wav"), 1);
    sandbox.write_recording(name(b"calls/caf\xe8.wav"), 2);
    sandbox.run(&[OsStr::new("diarize"), name(b"calls/caf\xe9.wav")]);
    sandbox.run(&[
        OsStr::new("diarize"),
        name(b"calls/caf\xe9.wav"),
        OsStr::new("-o"),
        name(b"caf\xe9.rttm"),
    ]);
    assert!(sandbox.path(name(b"caf\xe9.rttm")).exists());
    sandbox.run(&[
        OsStr::new("render"),
        name(b"caf\xe9.rttm"),
        OsStr::new("-f"),
        OsStr::new("csv"),
    ]);
    sandbox.run(&[
        OsStr::new("diarize"),
        OsStr::new("--json"),
        name(b"miss\xe9d.wav"),
    ]);
    // Both are done, and neither is taken for the other.
    let batch = ["batch", "calls", "-o", "results", "--concurrency=1"];
    sandbox.run(&batch);
    sandbox.run(&batch);
    let results = sandbox.path("results");
    assert!(
        results.join(name(b"caf\xe9.json")).exists()
            && results.join(name(b"caf\xe8.json")).exists()
    );
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn completions_for_every_shell() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = stdout(&sandbox.run(&["completions", shell]));
        assert!(
            script.contains("voiceprint") && script.contains("num-speakers"),
            "{shell}"
        );
    }
}

/// A program can be shown before there is a key.
#[test]
fn code_needs_no_key() {
    let sandbox = Sandbox::new();
    let output = sandbox.run_with(&["diarize", URL, "--show-code"], |command| {
        command
            .env_remove("PYANNOTEAI_API_KEY")
            .stdin(Stdio::null());
    });
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("Client"));
}
