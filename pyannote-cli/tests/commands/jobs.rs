//! `pyannote jobs`.

use serde_json::json;

use crate::sandbox::{Sandbox, stdout};

fn submit(sandbox: &Sandbox) -> String {
    let url = "https://example.com/a.wav";
    let output = sandbox.run(&["diarize", url, "--no-wait", "--quiet"]);
    stdout(&output).trim().to_owned()
}

#[test]
fn list_get_and_wait() {
    let sandbox = Sandbox::new();
    sandbox.run(&["jobs", "list"]);
    let id = submit(&sandbox);
    sandbox.run(&["jobs", "wait", &id]);
    sandbox.run(&["jobs", "list"]);
    sandbox.run(&[
        "jobs",
        "list",
        "--json",
        "--status",
        "succeeded",
        "--limit",
        "1",
    ]);
    sandbox.run(&["jobs", "list", "--status", "failed"]);
    sandbox.run(&["jobs", "list", "--status", "finished"]);
    sandbox.run(&["jobs", "get", &id]);
    sandbox.run(&["jobs", "get", &id, "--json"]);
    sandbox.run(&["jobs", "get", &id, "-o", "out/", "-f", "rttm"]);
    sandbox.run(&["jobs", "get", &id, "--json", "-o", "a.rttm"]);
    sandbox.engine().then_stuck();
    let stuck = submit(&sandbox);
    sandbox.run(&["jobs", "wait", &stuck, "--timeout", "0.1"]);
    let status = stdout(
        &sandbox
            .command()
            .args(["jobs", "get", &stuck])
            .output()
            .unwrap(),
    );
    assert!(
        ["pending\n", "created\n", "running\n"].contains(&&*status),
        "{status}"
    );
    sandbox.run(&["jobs", "get", "3c8a89a5-dcc6-4edb-a75d-ffd64739674d"]);
    sandbox.run(&["jobs", "get", "../v1/test"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn several_jobs_of_which_one_failed() {
    let sandbox = Sandbox::new();
    sandbox
        .engine()
        .then(Err("the audio could not be read".to_owned()));
    let failed = submit(&sandbox);
    sandbox.run(&["jobs", "wait", &failed, "--quiet"]);
    let succeeded = submit(&sandbox);
    sandbox.run(&["jobs", "wait", &failed, &succeeded]);
    sandbox.run(&[
        "jobs", "wait", &failed, &succeeded, "-o", "out/", "-f", "rttm",
    ]);
    assert_eq!(sandbox.list("out"), [format!("{succeeded}.rttm")]);
    sandbox.run(&["jobs", "wait", &failed, &succeeded, "-o", "both.rttm"]);
    sandbox.run(&["jobs", "wait", &succeeded, &succeeded, "--json"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_voiceprint_is_private() {
    let sandbox = Sandbox::new();
    let arguments = [
        "voiceprint",
        "create",
        "Ada",
        "https://example.com/a.wav",
        "--no-wait",
    ];
    let id = stdout(&sandbox.run(&arguments)).trim().to_owned();
    sandbox.run(&["jobs", "wait", &id]);
    sandbox.run(&["jobs", "get", &id, "-o", "ada.voiceprint"]);
    assert_eq!(sandbox.read("ada.voiceprint").trim(), "c2NyaXB0ZWQ=");
    sandbox.run(&["jobs", "wait", &id, "-o", "out/"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn fields_that_nobody_knows_are_kept() {
    let sandbox = Sandbox::new();
    let output = json!({ "diarization": [{ "speaker": "S", "start": 0, "end": 1, "mood": "fine" }], "weather": "rain" });
    sandbox.engine().then(Ok(output));
    let id = submit(&sandbox);
    sandbox.run(&["jobs", "wait", &id, "--json"]);
    sandbox.run(&["jobs", "get", &id, "-f", "json"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn an_odd_part_of_a_result_costs_no_other() {
    let sandbox = Sandbox::new();
    let turns = json!([
        { "speaker": "SPEAKER_00", "start": 0, "end": 1 },
        { "speaker": "SPEAKER_01", "start": "soon", "end": 2 },
    ]);
    let identification = json!([{ "speaker": "Ada", "diarizationSpeaker": "SPEAKER_00", "match": "Ada", "start": 0, "end": 1 }]);
    for output in [
        json!({ "diarization": turns }),
        json!({ "diarization": turns, "identification": identification }),
    ] {
        sandbox.engine().then(Ok(output));
        let id = submit(&sandbox);
        sandbox.run(&["jobs", "wait", &id, "-f", "rttm"]);
        sandbox.run(&["jobs", "get", &id, "-f", "json"]);
    }
    insta::assert_snapshot!(sandbox.transcript());
}
