//! Ctrl-C.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use pyannote_core::SpeakerEvent;
use pyannote_server::{Fault, Operation, ScriptedLive};

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

/// Interrupts the command as soon as the server has got a request.
fn interrupt_at(sandbox: &Sandbox, arguments: &[&str], operation: &str) -> Output {
    let count = || {
        let requests = sandbox.server().requests();
        let matching = requests
            .iter()
            .filter(|request| request.path.contains(operation));
        matching.count()
    };
    let before = count();
    let child = sandbox.command().args(arguments).spawn().unwrap();
    while count() == before {
        std::thread::sleep(Duration::from_millis(20));
    }
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    sandbox.record(arguments, &output);
    output
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

#[test]
fn all_waits_end_at_once() {
    let sandbox = Sandbox::new();
    let id = "3c8a89a5-dcc6-4edb-a75d-ffd64739674d";
    let delay = Fault::Delay(Duration::from_secs(600));
    sandbox
        .server()
        .faults()
        .inject(Operation::GetJob, 10, delay.clone());
    sandbox
        .server()
        .faults()
        .inject(Operation::ListJobs, 10, delay);
    let arguments = ["jobs", "wait", id, "another", "-o", "out/"];
    let output = interrupt_at(&sandbox, &arguments, "/jobs");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn nothing_is_submitted_after_an_interrupted_upload() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 1);
    let delay = Fault::Delay(Duration::from_secs(600));
    sandbox
        .server()
        .faults()
        .inject(Operation::MediaInput, 10, delay);
    for arguments in [
        &["diarize", "meeting.wav"][..],
        &["media", "upload", "meeting.wav"],
    ] {
        let output = interrupt_at(&sandbox, arguments, "/media/input");
        assert_eq!(output.status.code(), Some(130), "{output:?}");
    }
    assert_eq!(sandbox.submissions(), 0);
    insta::assert_snapshot!(sandbox.transcript());
}

/// An accepted job is not lost: the answer is waited for.
#[test]
fn a_submission_is_answered_before_the_end() {
    let sandbox = Sandbox::new();
    sandbox
        .server()
        .faults()
        .inject(Operation::Diarize, 1, Fault::Delay(Duration::from_secs(2)));
    let output = interrupt_at(
        &sandbox,
        &["diarize", "https://example.com/a.wav"],
        "/diarize",
    );
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(sandbox.submissions(), 1);
    insta::assert_snapshot!(sandbox.transcript());
}

/// A request that may have submitted a job is not forgotten silently.
#[test]
fn requests_of_any_kind() {
    let sandbox = Sandbox::new();
    let delay = Fault::Delay(Duration::from_secs(600));
    for operation in [Operation::Diarize, Operation::ListJobs] {
        sandbox
            .server()
            .faults()
            .inject(operation, 10, delay.clone());
    }
    let body = r#"{"url":"https://example.com/a.wav"}"#;
    let post = ["api", "POST", "/v1/diarize", "--data", body, "--json"];
    let output = interrupt_at(&sandbox, &post, "/diarize");
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let output = interrupt_at(&sandbox, &["api", "GET", "/v2/jobs"], "/jobs");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    insta::assert_snapshot!(sandbox.transcript());
}

/// A copy of the recording has no name, so that nobody finds it later, even if the process is killed.
#[cfg(target_os = "linux")]
#[test]
fn nothing_remains_of_a_recording_from_the_standard_input() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("temporary")).unwrap();
    let delay = Fault::Delay(Duration::from_secs(600));
    sandbox
        .server()
        .faults()
        .inject(Operation::MediaInput, 10, delay);
    let mut command = sandbox.command();
    command.args(["diarize", "-"]).stdin(Stdio::piped());
    let mut child = command
        .env("TMPDIR", sandbox.path("temporary"))
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"private").unwrap();
    // The upload begins when everything is copied.
    while sandbox.server().requests().is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(sandbox.list("temporary").is_empty());
}

#[test]
fn a_batch_goes_on_when_it_is_run_again() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("recordings/a.wav", 1);
    sandbox.write_recording("recordings/b.wav", 2);
    sandbox.engine().then_stuck();
    let batch = [
        "batch",
        "recordings",
        "-o",
        "results",
        "--concurrency=1",
        "--timeout=1",
    ];
    let output = interrupt_after(&sandbox, &batch, "accepted");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let output = sandbox.run(&batch);
    // The first job never ends.
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert_eq!(sandbox.submissions(), 2);
    insta::assert_snapshot!(sandbox.transcript());
}

/// Starts `pyannote live` and returns when it has printed the first event. The standard input has audio, and no end.
fn live(sandbox: &Sandbox, arguments: &[&str]) -> Child {
    let mut command = sandbox.command();
    command.arg("live").args(arguments).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let audio = vec![0; 6_400 * 4];
    // A file is read instead.
    let _ = child.stdin.as_mut().unwrap().write_all(&audio);
    let stdout = child.stdout.as_mut().unwrap();
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        let mut byte = [0];
        stdout.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    child
}

/// Audio without an end of its own is ended that way; a file is not complete.
#[test]
fn a_live_stream_ends_with_its_result() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 60);
    for (audio, code) in [("-", 0), ("meeting.wav", 130)] {
        let events = [SpeakerEvent::start(0.25, "SPEAKER_00")];
        sandbox.engine().then_live(ScriptedLive::new(events));
        let child = live(&sandbox, &[audio, "--save", "result.rttm"]);
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let events = String::from_utf8_lossy(&output.stdout);
        assert!(events.contains("speaker_end"), "{events}");
        let turns = sandbox.read("result.rttm");
        assert_eq!(turns.lines().count(), 1, "{turns}");
        std::fs::remove_file(sandbox.path("result.rttm")).unwrap();
    }
}

/// The service does not end the stream in time.
#[test]
fn the_second_interrupt_does_not_wait_for_the_last_events() {
    let sandbox = Sandbox::new();
    let script = ScriptedLive::new([SpeakerEvent::start(0.0, "SPEAKER_00")]);
    let script = script.stalls_at(f64::INFINITY, Duration::from_secs(10));
    sandbox.engine().then_live(script);
    let mut child = live(&sandbox, &["-", "--save", "result.rttm"]);
    while child.try_wait().unwrap().is_none() {
        interrupt(&child);
        std::thread::sleep(Duration::from_millis(200));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let events = String::from_utf8_lossy(&output.stdout);
    assert!(!events.contains("speaker_end"), "{events}");
    let turns = sandbox.read("result.rttm");
    assert!(turns.starts_with("SPEAKER recording 1 0 "), "{turns}");
}
