//! The commands with the engine on this machine.

use std::process::Command;

use pyannote_engine::assets::Assets;

use crate::sandbox::{Sandbox, stdout};

/// A sandbox with the sample and its reference.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let sample = Assets::locate().unwrap().sample();
    std::fs::copy(sample.wav, sandbox.path("sample.wav")).unwrap();
    std::fs::copy(sample.rttm, sandbox.path("reference.rttm")).unwrap();
    sandbox
}

fn run(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let output = sandbox.run_with(arguments, |command: &mut Command| {
        command.env_remove("PYANNOTE_ASSETS_DIR");
        if let Some(folder) = std::env::var_os("PYANNOTE_ASSETS_DIR") {
            command.env("PYANNOTE_ASSETS_DIR", folder);
        }
        // Nothing of this may call the service.
        command.env_remove("PYANNOTEAI_API_KEY");
    });
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    stdout(&output)
}

#[test]
#[ignore = "needs the models"]
fn without_a_key_or_a_network() {
    let sandbox = sandbox();
    run(
        &sandbox,
        &[
            "diarize",
            "--local",
            "sample.wav",
            "--turn-confidence",
            "-o",
            "out/",
            "-f",
            "json",
            "-f",
            "rttm",
        ],
    );
    let scores = run(
        &sandbox,
        &["score", "reference.rttm", "out/sample.rttm", "--json"],
    );
    let scores: serde_json::Value = serde_json::from_str(&scores).unwrap();
    assert!(scores["total"]["der"].as_f64().unwrap() < 0.1, "{scores}");
    let turns = sandbox.read("out/sample.rttm");
    assert!(turns.lines().count() > 3, "{turns}");

    // The speakers of a result become voiceprints, which find them again.
    run(
        &sandbox,
        &[
            "label",
            "out/sample.json",
            "--map",
            "SPEAKER_00=Ada",
            "--enroll",
        ],
    );
    let listed = run(&sandbox, &["voiceprint", "list"]);
    assert!(
        listed.contains("Ada") && listed.contains("local"),
        "{listed}"
    );
    let found = run(
        &sandbox,
        &[
            "identify",
            "--local",
            "sample.wav",
            "--all",
            "--threshold=50",
            "-f",
            "rttm",
        ],
    );
    assert!(found.contains(" Ada "), "{found}");
    assert!(sandbox.server().requests().is_empty());
}

#[test]
#[ignore = "needs the models"]
fn a_batch_on_this_machine_is_done_once() {
    let sandbox = sandbox();
    sandbox.write("notes.wav", "not audio");
    let batch = ["batch", "sample.wav", "-o", "results", "--local", "--json"];
    let events = run(&sandbox, &batch);
    assert!(events.contains(r#""event":"done""#), "{events}");
    let events = run(&sandbox, &batch);
    assert!(events.contains(r#""event":"skipped""#), "{events}");
}

#[test]
#[ignore = "needs the models"]
fn a_voiceprint_of_a_recording() {
    let sandbox = sandbox();
    run(
        &sandbox,
        &["voiceprint", "create", "Ada", "sample.wav", "--local"],
    );
    let shown = run(&sandbox, &["voiceprint", "show", "Ada", "--json"]);
    assert!(shown.contains(r#""backend":"local""#), "{shown}");
    let voiceprint = run(&sandbox, &["voiceprint", "export", "Ada"]);
    sandbox.write("ada.voiceprint", &voiceprint);
    run(
        &sandbox,
        &["voiceprint", "import", "Grace", "ada.voiceprint"],
    );
    let shown = run(&sandbox, &["voiceprint", "show", "Grace", "--json"]);
    assert!(shown.contains(r#""backend":"local""#), "{shown}");
}
