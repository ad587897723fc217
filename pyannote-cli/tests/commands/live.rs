//! `pyannote live` on the service.

use std::io::{BufRead as _, BufReader};
#[cfg(target_os = "linux")]
use std::process::Command;

use pyannote_core::SpeakerEvent;
use pyannote_server::ScriptedLive;

use crate::sandbox::{Sandbox, stdout};

#[test]
fn events_are_printed_and_the_result_is_saved() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 4);
    sandbox.run(&["live", "meeting.wav"]);
    sandbox.run(&[
        "live",
        "meeting.wav",
        "--json",
        "--save",
        "out/",
        "-f",
        "rttm",
        "-f",
        "csv",
    ]);
    sandbox.show("out/meeting.rttm");
    sandbox.show("out/meeting.csv");
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn samples_come_from_the_standard_input() {
    let sandbox = Sandbox::new();
    let samples = vec![0; 4 * 16_000 * 2];
    let output = sandbox.pipe(
        &samples,
        &["live", "-", "--encoding", "s16le", "--save", "a.rttm"],
    );
    assert_eq!(stdout(&output).lines().count(), 4);
    let samples = vec![0; 2 * 16_000 * 4];
    sandbox.pipe(&samples, &["live", "-"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn what_is_known_is_saved_when_the_stream_fails() {
    let sandbox = Sandbox::new();
    // All but the last second is sent at once, so that the events arrive before the failure.
    sandbox.write_recording("meeting.wav", 5);
    let events = [
        SpeakerEvent::start(0.25, "SPEAKER_00"),
        SpeakerEvent::end(0.5, "SPEAKER_00"),
    ];
    sandbox
        .engine()
        .then_live(ScriptedLive::new(events).fails_at(4.75));
    sandbox.run(&[
        "live",
        "meeting.wav",
        "--reconnect",
        "0",
        "--save",
        "result.json",
    ]);
    let result: serde_json::Value = serde_json::from_str(&sandbox.read("result.json")).unwrap();
    let turns = &result["output"]["diarization"];
    assert_eq!(turns[0]["end"], 0.5, "{result}");
    insta::assert_snapshot!(sandbox.transcript());
}

/// As with `pyannote live … | head -1`.
#[test]
fn what_is_known_is_saved_when_standard_output_is_closed() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 4);
    for (save, code) in [("result.rttm", 0), ("meeting.wav/result.rttm", 1)] {
        let mut command = sandbox.command();
        command.args(["live", "meeting.wav", "--save", save]);
        let mut child = command.spawn().unwrap();
        let mut event = String::new();
        let mut events = BufReader::new(child.stdout.take().unwrap());
        events.read_line(&mut event).unwrap();
        drop(events);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
    let turns = sandbox.read("result.rttm");
    assert!(turns.starts_with("SPEAKER meeting 1 0.5 2.5 "), "{turns}");
}

/// The view on a terminal, which is drawn several times per second, does not erase what is printed.
#[cfg(target_os = "linux")]
#[test]
fn the_view_erases_no_messages() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 5);
    let events = [SpeakerEvent::start(0.25, "SPEAKER_00")];
    sandbox
        .engine()
        .then_live(ScriptedLive::new(events).fails_at(4.75));
    let command = sandbox.command();
    let line = format!(
        "{} live meeting.wav --reconnect 0",
        command.get_program().display()
    );
    let mut terminal = Command::new("script");
    terminal
        .args(["--quiet", "--command", &line, "/dev/null"])
        .current_dir(sandbox.path("."))
        .env("TERM", "xterm");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => terminal.env(name, value),
            None => terminal.env_remove(name),
        };
    }
    let shown = stdout(&terminal.output().unwrap());
    let message = shown.find("the service says").unwrap();
    let (before, _) = shown[..message].rsplit_once("warning").unwrap();
    let last_lane = before.rfind("SPEAKER_00").unwrap();
    assert!(before[last_lane..].contains("\x1b[2K"), "{shown}");
}

#[test]
fn mistakes_are_found_before_anything_is_sent() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 1);
    sandbox.write("text.wav", "text");
    sandbox.write("empty.wav", "");
    for arguments in [
        &["live"][..],
        &["live", "missing.wav"],
        &["live", "empty.wav"],
        &["live", "text.wav"],
        &["live", "https://example.com/a.wav"],
        &["live", "-", "--track", "2"],
        &["live", "meeting.wav", "--latency", "1"],
        &["live", "meeting.wav", "--local", "--latency", "9"],
        &["live", "meeting.wav", "--local", "--keep-alive"],
        &["live", "meeting.wav", "--save", "a.srt"],
        &["live", "meeting.wav", "-f", "rttm"],
        &["live", "meeting.wav", "--mic"],
    ] {
        sandbox.run(arguments);
    }
    assert!(sandbox.server().requests().is_empty());
    insta::assert_snapshot!(sandbox.transcript());
}
