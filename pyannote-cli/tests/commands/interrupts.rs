//! Ctrl-C.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output};
use std::time::Duration;

use pyannote_server::{Fault, Operation};

use crate::sandbox::Sandbox;

/// Sends the signal of Ctrl-C.
fn interrupt(child: &Child) {
    let status = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// Interrupts the command as soon as it prints a line with `text` to standard error.
fn interrupt_after(sandbox: &Sandbox, arguments: &[&str], text: &str) -> Output {
    let mut child = sandbox.command().args(arguments).spawn().unwrap();
    let mut reader = BufReader::new(child.stderr.take().unwrap());
    let mut stderr = String::new();
    while !stderr.contains(text) {
        assert_ne!(reader.read_line(&mut stderr).unwrap(), 0, "{stderr}");
    }
    interrupt(&child);
    reader.read_to_string(&mut stderr).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stderr = stderr.into_bytes();
    sandbox.record(arguments, &output);
    output
}

/// Waits until the server has got a request.
fn wait_for_request(sandbox: &Sandbox, path: &str) {
    while !sandbox
        .server()
        .requests()
        .iter()
        .any(|request| request.path.starts_with(path))
    {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_wait_is_interrupted_and_resumed() {
    let sandbox = Sandbox::new();
    let url = "https://example.com/a.wav";
    for arguments in [
        &["diarize", url][..],
        &["diarize", url, "--json"],
        &["voiceprint", "create", "Ada", url],
    ] {
        sandbox.engine().then_stuck();
        let output = interrupt_after(&sandbox, arguments, "ccepted");
        assert_eq!(output.status.code(), Some(130), "{output:?}");
    }
    insta::assert_snapshot!(sandbox.transcript());
}
