//! What is printed with `--json` is as `pyannote schema` says.

use std::process::Output;

use pyannote_server::{Fault, Operation};
use serde_json::Value;

use crate::render::RTTM;
use crate::sandbox::{Sandbox, stdout};

/// Checks JSON lines against a schema, and returns their number.
fn check(sandbox: &Sandbox, schema: &str, lines: &[u8]) -> usize {
    let printed = stdout(&sandbox.run(&["schema", schema]));
    let schema_json: Value = serde_json::from_str(&printed).unwrap();
    let validator = jsonschema::validator_for(&schema_json).unwrap();
    let lines = str::from_utf8(lines).unwrap().lines();
    let mut number = 0;
    for line in lines {
        let value: Value = serde_json::from_str(line).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{schema}: {line}: {errors:?}");
        number += 1;
    }
    number
}

#[test]
fn every_output_fits_its_schema() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("a.wav", 7);
    sandbox.write("a.rttm", RTTM);
    let cases: &[(&str, &[&str])] = &[
        ("diarize", &["diarize", "a.wav", "--exclusive"]),
        ("voiceprint", &["voiceprint", "create", "Ada", "a.wav"]),
        ("voiceprint", &["voiceprint", "show", "Ada"]),
        ("voiceprint list", &["voiceprint", "list"]),
        ("identify", &["identify", "a.wav", "--all"]),
        ("job", &["diarize", "a.wav", "--no-wait"]),
        ("label", &["label", "a.rttm", "--map", "SPEAKER_00=Ada"]),
        ("render", &["render", "a.rttm"]),
        ("clip", &["clip", "a.wav", "a.rttm", "-o", "clips"]),
        ("score", &["score", "a.rttm", "a.rttm"]),
        (
            "media upload",
            &["media", "upload", "a.wav", "--key", "a.wav"],
        ),
        (
            "media download",
            &["media", "download", "media://a.wav", "-o", "b.wav"],
        ),
        ("batch", &["batch", "a.wav", "-o", "results"]),
        (
            "batch --dry-run",
            &["batch", "a.wav", "-o", "results", "--dry-run"],
        ),
    ];
    for (schema, arguments) in cases {
        let output = sandbox.run(&[arguments, &["--json"][..]].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(check(&sandbox, schema, &output.stdout) > 0, "{arguments:?}");
    }
    let ndjson = sandbox.run(&["render", "a.rttm", "-f", "ndjson"]);
    assert_eq!(check(&sandbox, "ndjson", &ndjson.stdout), 2);
}

#[test]
fn errors_warnings_and_events_fit_their_schemas() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("a.wav", 1);
    sandbox.write("a.rttm", RTTM);
    let error = |output: &Output| assert_eq!(check(&sandbox, "error", &output.stderr), 1);
    error(&sandbox.run(&["render", "missing.json", "--json"]));
    error(&sandbox.run(&["render", "--json"]));
    let failed = sandbox.run(&[
        "jobs",
        "get",
        "3c8a89a5-dcc6-4edb-a75d-ffd64739674d",
        "--json",
    ]);
    error(&failed);
    // The recording ends before the second turn.
    let warned = sandbox.run(&["clip", "a.wav", "a.rttm", "-o", "clips", "--json"]);
    assert_eq!(check(&sandbox, "warning", &warned.stderr), 1);
    let accepted = sandbox.run(&["diarize", "a.wav", "--json"]);
    assert_eq!(check(&sandbox, "accepted", &accepted.stderr), 1);
    sandbox.write("recordings/empty.wav", "");
    sandbox.write_recording("recordings/a.wav", 1);
    let lost = Fault::TruncateBody { after_bytes: 0 };
    sandbox
        .server()
        .faults()
        .inject(Operation::Diarize, 1, lost);
    let batch = sandbox.run(&["batch", "recordings", "-o", "results", "--json"]);
    assert!(check(&sandbox, "batch", &batch.stdout) >= 3);
    error(&batch);
}

#[test]
fn names_of_schemas() {
    let sandbox = Sandbox::new();
    let all: Value =
        serde_json::from_str(&stdout(&sandbox.command().arg("schema").output().unwrap())).unwrap();
    for schema in all.as_object().unwrap().values() {
        jsonschema::validator_for(schema).unwrap();
    }
    sandbox.run(&["schema", "diarise"]);
    insta::assert_snapshot!(sandbox.transcript());
}
