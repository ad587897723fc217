//! The systemd unit and the container file.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use std::process::Command;

use support::Program;

const UNIT: &str = include_str!("../deploy/pyannote-server.service");
const CONTAINERFILE: &str = include_str!("../deploy/Containerfile");

/// What follows the only line start like this.
fn value<'a>(text: &'a str, start: &str) -> &'a str {
    let mut values = text.lines().filter_map(|line| line.strip_prefix(start));
    let value = values.next().unwrap();
    assert_eq!(values.next(), None, "{start}");
    value
}

#[test]
fn systemd_accepts_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pyannote-server.service");
    let installed = "/usr/local/bin/pyannote-server ";
    assert!(value(UNIT, "ExecStart=").starts_with(installed));
    let program = concat!(env!("CARGO_BIN_EXE_pyannote-server"), " ");
    std::fs::write(&path, UNIT.replace(installed, program)).unwrap();
    let Ok(output) = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&path)
        .output()
    else {
        eprintln!("skipped: systemd-analyze is not installed");
        return;
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    // It also complains of other units of the machine.
    let complaints = stderr.lines().filter(|line| line.contains("pyannote"));
    assert_eq!(complaints.collect::<Vec<_>>(), [""; 0], "{stderr}");
}

/// Starts the program with their arguments, except for the address and the folder.
#[test]
fn the_program_has_the_options_of_unit_and_image() {
    let (_, unit) = value(UNIT, "ExecStart=").split_once(' ').unwrap();
    let image: Vec<String> = serde_json::from_str(value(CONTAINERFILE, "CMD ")).unwrap();
    for arguments in [unit.split(' ').map(str::to_owned).collect(), image] {
        let (command, options) = arguments.split_first().unwrap();
        assert_eq!(command, "serve");
        let options: Vec<&str> = options
            .iter()
            .map(|option| match &**option {
                "0.0.0.0:8000" => "0.0.0.0:0",
                option => option,
            })
            .filter(|option| !["--data-dir", "${STATE_DIRECTORY}", "/data"].contains(option))
            .collect();
        Program::start("error", &options).post("/v1/diarize", "{}");
    }
}
