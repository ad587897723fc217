//! The commands with the engine on this machine.

use std::process::Command;

use pyannote_engine::assets::Assets;
use serde_json::Value;

use crate::community_folder;
use crate::sandbox::{Sandbox, stdout};

/// A sandbox with the sample and its reference.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let sample = Assets::locate().unwrap().sample();
    std::fs::copy(sample.wav, sandbox.path("sample.wav")).unwrap();
    std::fs::copy(sample.rttm, sandbox.path("reference.rttm")).unwrap();
    sandbox
}

/// The models of this machine, and no key: nothing of this may call the service.
fn with_models(command: &mut Command) {
    command.env_remove("PYANNOTE_ASSETS_DIR");
    if let Some(folder) = std::env::var_os("PYANNOTE_ASSETS_DIR") {
        command.env("PYANNOTE_ASSETS_DIR", folder);
    }
    command.env_remove("PYANNOTEAI_API_KEY");
}

fn run(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let output = sandbox.run_with(arguments, with_models);
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
    let scores: Value = serde_json::from_str(&scores).unwrap();
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
fn words_and_subtitles_of_a_recording() {
    let sandbox = sandbox();
    let mut arguments = vec!["diarize", "--local", "sample.wav", "-o", "out/"];
    arguments.extend(["--transcribe=parakeet-tdt-0.6b-v3", "--language=en"]);
    for format in ["json", "srt", "vtt", "html", "txt", "diarized_json"] {
        arguments.extend(["-f", format]);
    }
    run(&sandbox, &arguments);
    let document: Value = serde_json::from_str(&sandbox.read("out/sample.json")).unwrap();
    let model = document["model"].as_str().unwrap();
    assert!(
        model.ends_with(", transcription with whisper-base"),
        "{model}"
    );
    assert_eq!(
        document["warnings"],
        serde_json::json!([
            "transcription model parakeet-tdt-0.6b-v3 is not available with --local, which uses whisper-base instead"
        ])
    );
    let words = document["output"]["wordLevelTranscription"]
        .as_array()
        .unwrap();
    assert!(words.len() > 60, "{}", words.len());
    let subtitles = sandbox.read("out/sample.srt");
    assert!(subtitles.contains("SPEAKER_00: Hello"), "{subtitles}");
    assert!(subtitles.contains("SPEAKER_01: "), "{subtitles}");
    assert!(sandbox.read("out/sample.vtt").contains("<v SPEAKER_00>"));
    assert!(sandbox.read("out/sample.txt").contains("New Jersey"));
    assert!(sandbox.read("out/sample.html").contains("Jersey"));

    let unknown = [
        "diarize",
        "--local",
        "sample.wav",
        "--transcribe",
        "--language=klingon",
    ];
    let output = sandbox.run_with(&unknown, with_models);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("`language` must be one of en, "), "{error}");

    let missing = [
        "diarize",
        "--local",
        "sample.wav",
        "--transcribe",
        "--transcription-model=small",
    ];
    let output = sandbox.run_with(&missing, with_models);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        error.contains("the folder of a transcription model has `model.bin`"),
        "{error}"
    );
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
    // Results of accurate runs are others.
    let events = run(&sandbox, &[&batch[..], &["--accurate"]].concat());
    assert!(events.contains("done with other options"), "{events}");
    let events = run(&sandbox, &[&batch[..], &["--accurate", "--force"]].concat());
    assert!(events.contains(r#""event":"done""#), "{events}");
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

/// The default models run instead, and the warning is part of the result.
#[test]
#[ignore = "needs the models"]
fn without_its_folder_community_1_is_a_warning() {
    let sandbox = sandbox();
    let arguments = ["diarize", "--local", "sample.wav", "--json"];
    let document = |options: &[&str]| -> Value {
        let output = run(&sandbox, &[&arguments[..], options].concat());
        serde_json::from_str(&output).unwrap()
    };
    let instead = document(&["--model=community-1", "--accurate"]);
    let warning = instead["warnings"][0].as_str().unwrap();
    for words in [
        "community-1 is not on this machine, which uses other open models instead; to use it, accept the conditions of",
        "CC-BY-4.0",
        "plda/xvec_transform.npz; then run `pyannote models add DIR`",
    ] {
        assert!(warning.contains(words), "{warning}");
    }
    let default = document(&["--accurate"]);
    assert!(default["warnings"].is_null(), "{default}");
    for field in ["model", "speakers", "output"] {
        assert_eq!(instead[field], default[field], "{field}");
    }
}

#[test]
#[ignore = "needs the models"]
fn the_turns_of_community_1_are_transcribed() {
    let sandbox = sandbox();
    community_folder::write(&sandbox.path("community-1")).unwrap();
    // community-1 takes long in builds for tests: 8 s of the sample are one window.
    let mut reader = hound::WavReader::open(sandbox.path("sample.wav")).unwrap();
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    let mut writer = hound::WavWriter::create(sandbox.path("excerpt.wav"), reader.spec()).unwrap();
    for sample in &samples[16_000 * 7..16_000 * 15] {
        writer.write_sample(*sample).unwrap();
    }
    writer.finalize().unwrap();
    let output = run(
        &sandbox,
        &[
            "diarize",
            "--local",
            "excerpt.wav",
            "--model=community-1",
            "--models=community-1",
            "--transcribe",
            "--json",
        ],
    );
    let document: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(
        document["model"],
        "community-1 (pyannote), transcription with whisper-base"
    );
    // With these weights, all is the speech of one speaker.
    assert_eq!(document["speakers"].as_array().unwrap().len(), 1);
    let words = document["output"]["wordLevelTranscription"]
        .as_array()
        .unwrap();
    assert!(words.len() > 10, "{}", words.len());
}
