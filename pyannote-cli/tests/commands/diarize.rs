//! `pyannote diarize` on the service.

use pyannote_server::{Fault, Operation};
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, stdout};

fn transcribed() -> Value {
    json!({
        "diarization": [
            { "speaker": "SPEAKER_00", "start": 0.5, "end": 3.0 },
            { "speaker": "SPEAKER_01", "start": 2.5, "end": 6.0 },
        ],
        "wordLevelTranscription": [
            { "start": 0.5, "end": 1.0, "text": "Good", "speaker": "SPEAKER_00" },
            { "start": 1.0, "end": 1.5, "text": "morning.", "speaker": "SPEAKER_00" },
            { "start": 3.5, "end": 4.0, "text": "Hello!", "speaker": "SPEAKER_01" },
        ],
        "turnLevelTranscription": [
            { "start": 0.5, "end": 1.5, "text": "Good morning.", "speaker": "SPEAKER_00" },
            { "start": 3.5, "end": 4.0, "text": "Hello!", "speaker": "SPEAKER_01" },
        ],
    })
}

#[test]
fn a_file_a_url_and_the_standard_input() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 1);
    sandbox.run(&["diarize", "meeting.wav"]);
    sandbox.run(&[
        "diarize",
        "https://example.com/meeting.wav?signature=secret",
    ]);
    sandbox.run(&[
        "diarize",
        "--json",
        "https://example.com/meeting.wav?signature=secret",
    ]);
    let recording = std::fs::read(sandbox.path("meeting.wav")).unwrap();
    sandbox.pipe(&recording, &["diarize", "-", "-f", "ndjson"]);
    sandbox.pipe(&recording, &["diarize", "-", "-f", "rttm"]);
    sandbox.pipe(&recording, &["diarize", "-", "-o", "page.html"]);
    assert!(!sandbox.read("page.html").contains("<title>-</title>"));
    let transcript = sandbox.transcript();
    assert!(!transcript.contains("secret") || transcript.matches("secret").count() == 2);
    insta::assert_snapshot!(transcript);
}

/// As with `pyannote diarize <(ffmpeg …)`.
#[cfg(unix)]
#[test]
fn a_named_pipe() {
    let sandbox = Sandbox::new();
    for (name, content) in [("pipe", "audio"), ("empty", "")] {
        let path = sandbox.path(name);
        let mut mkfifo = std::process::Command::new("mkfifo");
        assert!(mkfifo.arg(&path).status().unwrap().success());
        let writer = std::thread::spawn(move || std::fs::write(path, content).unwrap());
        sandbox.run(&["diarize", name, "-f", "rttm"]);
        writer.join().unwrap();
    }
    sandbox.pipe(b"not audio", &["diarize", "--local", "-"]);
    sandbox.run(&["diarize", "/dev/null"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn every_format() {
    let sandbox = Sandbox::new();
    for format in [
        "table",
        "json",
        "ndjson",
        "rttm",
        "srt",
        "vtt",
        "txt",
        "csv",
        "audacity",
        "svg",
        "diarized_json",
    ] {
        sandbox.engine().then(Ok(transcribed()));
        let url = "https://example.com/meeting.wav";
        sandbox.run(&["diarize", "-q", "--transcribe", url, "-f", format]);
    }
    sandbox.engine().then(Ok(transcribed()));
    let page = sandbox.run_with(
        &[
            "diarize",
            "-q",
            "--transcribe",
            "https://example.com/a.wav",
            "-f",
            "html",
            "-o",
            "a.html",
        ],
        |_| {},
    );
    assert!(page.stdout.is_empty());
    let page = sandbox.read("a.html");
    assert!(page.contains("https://example.com/a.wav") && page.contains("morning."));
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn results_in_files() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 1);
    sandbox.run(&["diarize", "meeting.wav", "-o", "meeting.rttm"]);
    sandbox.show("meeting.rttm");
    sandbox.run(&[
        "diarize",
        "meeting.wav",
        "-f",
        "csv",
        "-f",
        "json",
        "-o",
        "out/",
    ]);
    assert_eq!(sandbox.list("out"), ["meeting.csv", "meeting.json"]);
    sandbox.run(&["diarize", "meeting.wav", "--json", "-o", "out/"]);
    // Nothing is uploaded or submitted for what cannot be written.
    let requests = sandbox.server().requests().len();
    sandbox.run(&["diarize", "meeting.wav", "-o", "meeting.xyz"]);
    sandbox.run(&["diarize", "meeting.wav", "-f", "csv", "-f", "json"]);
    sandbox.run(&[
        "diarize",
        "meeting.wav",
        "-f",
        "csv",
        "-f",
        "json",
        "-o",
        "a.csv",
    ]);
    sandbox.run(&["diarize", "meeting.wav", "-f", "csv", "--json"]);
    sandbox.run(&["diarize", "meeting.wav", "-f", "srt"]);
    assert_eq!(sandbox.server().requests().len(), requests);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn options_are_fields_of_the_request() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(&[
        "diarize",
        "https://example.com/a.wav",
        "--min-speakers=1",
        "--max-speakers=3",
        "--exclusive",
        "--confidence",
        "--turn-confidence",
        "--transcribe=faster-whisper-large-v3-turbo",
        "--model=precision-2",
        "--webhook=https://example.com/hook",
        "--webhook-status-only",
        "--speech-probability",
        "--crosstalk-probability",
        "--speaker-probability",
        "--extra=gain=0.5",
    ]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let requests = sandbox.server().requests();
    let request = requests
        .iter()
        .find(|request| request.path == "/v1/diarize");
    let body: Value = serde_json::from_slice(&request.unwrap().body).unwrap();
    insta::assert_json_snapshot!("fields_of_the_request", body);
    sandbox.run(&[
        "diarize",
        "a.wav",
        "--num-speakers",
        "2",
        "--min-speakers",
        "1",
    ]);
    sandbox.run(&[
        "diarize",
        "a.wav",
        "--min-speakers",
        "3",
        "--max-speakers",
        "2",
    ]);
    sandbox.run(&["diarize", "a.wav", "--num-speakers", "0"]);
    sandbox.run(&["diarize", "a.wav", "--vad-sensitivity", "-5.5"]);
    sandbox.run(&["diarize", "a.wav", "--crosstalk-sensitivity", "NaN"]);
    sandbox.run(&[
        "diarize",
        "https://example.com/a.wav",
        "--vad-sensitivity",
        "-1",
        "--model",
        "precision-2",
    ]);
    sandbox.run(&["diarize", "a.wav", "--extra", "gain"]);
    sandbox.run(&["diarize", "a.wav", "--extra", "name=text"]);
    sandbox.run(&["diarize", "a.wav", "--timeout", "soon"]);
    sandbox.run(&["diarize", "a.wav", "--webhook", "not a URL"]);
    sandbox.run(&["diarize", "a.wav", "--local", "--language", "de"]);
    sandbox.run(&["diarize", "a.wav", "--transcribe", "--language", "de"]);
    sandbox.run(&[
        "diarize",
        "a.wav",
        "--transcribe",
        "--transcription-model",
        "small",
    ]);
    sandbox.run(&["diarize", "a.wav", "--local", "--model", "precision-2"]);
    sandbox.run(&["diarize", "a.wav", "--local", "--webhook-status-only"]);
    sandbox.run(&["diarize", "https://example.com/a.wav", "--local"]);
    sandbox.run(&["diarize", "media://a.wav", "--local"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_job_that_is_not_waited_for_is_resumed() {
    let sandbox = Sandbox::new();
    let url = "https://example.com/a.wav";
    let id = stdout(&sandbox.run(&["diarize", url, "--no-wait"]));
    sandbox.run(&["jobs", "wait", id.trim(), "-f", "rttm"]);
    sandbox.run(&["diarize", url, "--no-wait", "--json"]);
    sandbox.engine().then_stuck();
    sandbox.run(&["diarize", url, "--timeout", "0.1"]);
    sandbox.engine().then_stuck();
    sandbox.run(&["diarize", url, "--timeout", "0.1", "--json"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_job_that_fails_and_one_without_speech() {
    let sandbox = Sandbox::new();
    let url = "https://example.com/a.wav";
    sandbox
        .engine()
        .then(Err("the audio could not be read".to_owned()));
    sandbox.run(&["diarize", url]);
    sandbox
        .engine()
        .then(Err("the audio could not be read".to_owned()));
    sandbox.run(&["diarize", url, "--json"]);
    sandbox.engine().then(Ok(json!({ "diarization": [] })));
    sandbox.run(&["diarize", url]);
    sandbox.engine().then(Ok(
        json!({ "diarization": [], "warning": "the recording is silent" }),
    ));
    sandbox.run(&["diarize", url, "--json"]);
    sandbox
        .engine()
        .then(Ok(json!({ "diarization": "of another kind" })));
    sandbox.run(&["diarize", url]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn the_recording_is_not_overwritten() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 1);
    sandbox.write_recording("calls/meeting.json", 1);
    let recording = || std::fs::read(sandbox.path("meeting.wav")).unwrap();
    let before = recording();
    sandbox.run(&[
        "diarize",
        "meeting.wav",
        "-f",
        "json",
        "-o",
        "./meeting.wav",
    ]);
    sandbox.run(&["diarize", "calls/meeting.json", "-o", "calls/"]);
    sandbox.run(&["demo", "meeting.wav", "-o", "meeting.wav"]);
    assert_eq!(sandbox.submissions(), 0);
    sandbox.run(&["diarize", "meeting.wav", "-q", "-o", "meeting.json"]);
    sandbox.run(&["render", "meeting.json", "-f", "csv", "-o", "meeting.wav"]);
    assert!(recording() == before);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_warning_is_printed_once() {
    let sandbox = Sandbox::new();
    let url = "https://example.com/a.wav";
    let warning = "the model is not available";
    let output = json!({ "diarization": [], "warning": warning });
    sandbox.engine().then(Ok(output));
    let output = sandbox.run(&["diarize", url, "--no-wait", "--quiet"]);
    let accepted =
        json!({ "jobId": stdout(&output).trim(), "status": "created", "warning": warning });
    let fault = Fault::Status {
        status: http::StatusCode::OK,
        retry_after: None,
        body: Some(accepted),
    };
    sandbox
        .server()
        .faults()
        .inject(Operation::Diarize, 1, fault);
    let output = sandbox.run(&["diarize", url]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.matches(warning).count(), 1, "{stderr}");
}

#[test]
fn an_odd_part_of_a_result_costs_no_other() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("recordings/meeting.wav", 1);
    let mut odd = transcribed();
    odd["confidence"] = json!("none");
    odd["wordLevelTranscription"][0]["start"] = Value::Null;
    for arguments in [
        &["diarize", "https://example.com/meeting.wav", "--transcribe"][..],
        &[
            "batch",
            "recordings",
            "-o",
            "results",
            "--transcribe",
            "-f",
            "srt",
        ],
    ] {
        sandbox.engine().then(Ok(odd.clone()));
        sandbox.run(arguments);
    }
    let subtitles = std::fs::read_to_string(sandbox.path("results/meeting.srt")).unwrap();
    assert!(subtitles.contains("Hello!"), "{subtitles}");
    insta::assert_snapshot!(sandbox.transcript());
}
