//! `pyannote render` and `pyannote clip`.

use crate::sandbox::{Sandbox, stdout};

pub(crate) const RTTM: &str = "\
SPEAKER meeting 1 0.500 2.500 <NA> <NA> SPEAKER_00 <NA> <NA>
SPEAKER meeting 1 2.500 3.500 <NA> <NA> SPEAKER_01 <NA> <NA>
";

const OUTPUT: &str = r#"{"diarization":[{"start":0.5,"end":3.0,"speaker":"SPEAKER_00"},{"start":2.5,"end":6.0,"speaker":"SPEAKER_01"}]}"#;

#[test]
fn every_input_format_gives_the_same_turns() {
    let sandbox = Sandbox::new();
    sandbox.write("meeting.rttm", RTTM);
    let own = stdout(&sandbox.run(&["render", "meeting.rttm", "-f", "json"]));
    let job = format!(
        r#"{{"jobId":"1","status":"succeeded","createdAt":"2030-01-01T00:00:00Z","output":{OUTPUT}}}"#
    );
    let expected = stdout(&sandbox.run(&["render", "meeting.rttm", "-f", "ndjson"]));
    for content in [RTTM, &own, OUTPUT, &job] {
        let output = sandbox.pipe(content.as_bytes(), &["render", "-", "-f", "ndjson"]);
        assert_eq!(stdout(&output), expected, "{content}");
    }
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn what_is_not_a_result() {
    let sandbox = Sandbox::new();
    for (name, content) in [
        ("empty.json", &b""[..]),
        ("other.json", b"{}"),
        ("array.json", b"[]"),
        ("text.txt", b"Hello, world\n"),
        (
            "failed.json",
            br#"{"jobId":"1","status":"failed","output":{"error":"the audio could not be read"}}"#,
        ),
        ("binary.rttm", b"\xff\xfe\x00"),
    ] {
        sandbox.write(name, content);
        sandbox.run(&["render", name]);
    }
    sandbox.run(&["render", "missing.json"]);
    sandbox.run(&["render", "."]);
    sandbox.write("meeting.rttm", RTTM);
    sandbox.run(&["render", "meeting.rttm", "-f", "srt"]);
    sandbox.run(&["render", "meeting.rttm", "-f", "docx"]);
    sandbox.write_recording("meeting.wav", 1);
    sandbox.run(&["render", "meeting.wav"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn an_empty_result_says_so() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "silence.json",
        r#"{"diarization":[],"wordLevelTranscription":[]}"#,
    );
    sandbox.run(&["render", "silence.json"]);
    sandbox.run(&["render", "silence.json", "-f", "rttm"]);
    sandbox.run(&["render", "silence.json", "-f", "srt"]);
    let music = OUTPUT.replacen('{', r#"{"wordLevelTranscription":[],"#, 1);
    sandbox.write("music.json", music);
    sandbox.run(&["render", "music.json", "-f", "srt", "-o", "music.srt"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn the_page_plays_the_recording() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 1);
    sandbox.run(&["diarize", "meeting.wav", "-o", "meeting.json"]);
    sandbox.run(&["render", "meeting.json", "-o", "meeting.html"]);
    assert!(
        sandbox
            .read("meeting.html")
            .contains(r#"src="./meeting.wav""#)
    );
    sandbox.run(&[
        "render",
        "meeting.json",
        "--embed-audio",
        "-o",
        "meeting.html",
    ]);
    assert!(sandbox.read("meeting.html").contains(r#"src="data:audio/"#));
    std::fs::remove_file(sandbox.path("meeting.wav")).unwrap();
    sandbox.run(&[
        "render",
        "meeting.json",
        "--embed-audio",
        "-o",
        "meeting.html",
    ]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn clips_of_speakers_and_turns() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 5);
    sandbox.write("meeting.rttm", RTTM);
    sandbox.run(&["clip", "meeting.wav", "meeting.rttm", "-o", "speakers"]);
    sandbox.run(&[
        "clip",
        "meeting.wav",
        "meeting.rttm",
        "--per",
        "turn",
        "--speaker",
        "SPEAKER_01",
        "-o",
        "turns",
        "--json",
    ]);
    let seconds = |name: &str| {
        hound::WavReader::open(sandbox.path(name))
            .unwrap()
            .duration()
            / 16_000
    };
    assert_eq!(seconds("speakers/meeting-SPEAKER_00.wav"), 2);
    assert_eq!(sandbox.list("turns"), ["meeting-0002-SPEAKER_01.wav"]);
    sandbox.run(&[
        "clip",
        "meeting.wav",
        "meeting.rttm",
        "--speaker",
        "Ada",
        "-o",
        "clips",
    ]);
    sandbox.run(&["clip", "meeting.rttm", "meeting.rttm", "-o", "clips"]);
    sandbox.write_recording("short.wav", 1);
    sandbox.run(&["clip", "short.wav", "meeting.rttm", "-o", "clips"]);
    sandbox.run(&["clip", "meeting.wav", "meeting.rttm"]);
    insta::assert_snapshot!(sandbox.transcript());
}
