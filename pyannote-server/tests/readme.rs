//! Runs the commands of the README.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use std::process::{Command, Stdio};

use support::Program;

const README: &str = include_str!("../README.md");

/// The first block of commands after a heading.
fn commands(heading: &str) -> &'static str {
    let (_, section) = README.split_once(heading).unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    block.split_once("```").unwrap().0
}

fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[test]
fn the_commands_with_curl_print_who_speaks_when() {
    if let Some(missing) = ["curl", "jq"].into_iter().find(|name| !is_installed(name)) {
        eprintln!("skipped: {missing} is not installed");
        return;
    }
    let program = Program::start("error", &[]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("meeting.wav"),
        "any content: the engine is scripted",
    )
    .unwrap();
    let url = format!("http://{}", program.address);
    let block = commands("## Diarize a file with curl").replace("http://127.0.0.1:8000", &url);
    // Does not wait for two seconds.
    let script = format!("sleep() {{ command sleep 0.02; }}\n{block}");
    let run = |script: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-uc", script]).current_dir(&folder);
        let output = shell.env("no_proxy", "*").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let stdout = run(&script);
    assert!(stdout.lines().count() > 1, "{stdout}");
    for line in stdout.lines() {
        let [start, end, speaker] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{stdout}");
        };
        assert!(
            start.parse::<f64>().unwrap() < end.parse().unwrap(),
            "{line}"
        );
        assert!(speaker.starts_with("SPEAKER_"), "{line}");
    }
    // A rejected request ends the wait, and its error is printed.
    let stdout = run(&script.replace("=test-key", "=other-key"));
    assert!(stdout.contains("Missing or invalid API key"), "{stdout}");
    // So does a server that has stopped.
    drop(program);
    assert_eq!(run(&script), "");
}
