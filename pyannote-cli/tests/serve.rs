//! `pyannote serve`, the same as `pyannote-server serve`.
#![allow(clippy::unwrap_used)]

#[path = "../../tests/src/community_folder.rs"]
#[allow(unreachable_pub)]
mod community_folder;
mod support;

use pyannote_engine::assets::Assets;
use support::{Home, KEY, run_with_input};
use tokio::io::{AsyncBufReadExt as _, BufReader};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_one_command_is_used_by_another() {
    let home = Home::new();
    let mut command = home.command(&[
        "serve",
        "--engine",
        "scripted",
        "--listen",
        "127.0.0.1:0",
        "--json",
    ]);
    let mut child = command.env("PYANNOTEAI_API_KEY", KEY).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let started: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(
        started["engine"].as_str().unwrap().starts_with("scripted"),
        "{started}"
    );
    let mut command = home.command(&["test"]);
    command
        .env("PYANNOTEAI_API_KEY", KEY)
        .env("PYANNOTEAI_BASE_URL", started["url"].as_str().unwrap());
    run_with_input(command, b"")
        .await
        .assert(0, &["the API key is valid"]);
    #[cfg(unix)]
    {
        let pid = child.id().unwrap().to_string();
        let kill = std::process::Command::new("kill")
            .args(["-INT", &pid])
            .status();
        assert!(kill.unwrap().success());
        assert_eq!(child.wait().await.unwrap().code(), Some(0));
    }
}

/// With the models of this machine, and community-1 with random weights.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the models"]
async fn a_server_with_the_folder_of_community_1_runs_it_on_request() {
    let home = Home::new();
    let assets = Assets::locate().unwrap();
    // Silence of 1 s, in which the other models find no speech.
    let silence = home.path().join("silence.wav");
    let silence = silence.to_str().unwrap();
    write_silence(silence);
    let folder = home.path().join("community-1");
    community_folder::write(&folder).unwrap();
    let mut command = home.command(&["serve", "--listen", "127.0.0.1:0", "--json", "--models"]);
    command
        .arg(folder)
        .env("PYANNOTEAI_API_KEY", KEY)
        .env("PYANNOTE_ASSETS_DIR", assets.folder());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let started: serde_json::Value = serde_json::from_str(&line).unwrap();
    let engine = started["engine"].as_str().unwrap();
    assert!(engine.contains("community-1 on request"), "{engine}");
    for (options, turns, warning) in [
        (&["--model", "community-1"][..], 1, None),
        (&[], 0, Some("model precision-2 is not available")),
    ] {
        let mut command = home.command(&["diarize", silence, "--json"]);
        command
            .args(options)
            .env("PYANNOTEAI_API_KEY", KEY)
            .env("PYANNOTEAI_BASE_URL", started["url"].as_str().unwrap());
        let outcome = run_with_input(command, b"").await;
        outcome.assert(0, &[]);
        let document: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        // With these weights, all is the speech of one speaker.
        let found = document["output"]["diarization"].as_array().unwrap().len();
        assert_eq!(found, turns, "{document}");
        let found = document["warnings"][0].as_str();
        assert_eq!(found.is_some(), warning.is_some(), "{document}");
        assert!(
            found
                .unwrap_or_default()
                .starts_with(warning.unwrap_or_default()),
            "{document}"
        );
    }
}

fn write_silence(path: &str) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    (0..16_000).for_each(|_| writer.write_sample(0_i16).unwrap());
    writer.finalize().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_name_the_options_and_commands_of_this_program() {
    let home = Home::new();
    let serve = ["serve", "--key", "test-key", "--listen"];
    for (arguments, code, words) in [
        (
            &["0.0.0.0:0", "--engine", "scripted"][..],
            1,
            "--allow-public-bind",
        ),
        (&["127.0.0.1:0"], 1, "run `pyannote demo`"),
        (&["nowhere"], 2, "--listen"),
    ] {
        let outcome = home.run(&[&serve[..], arguments].concat()).await;
        outcome.assert(code, &[words]);
        assert!(!outcome.stderr.contains("pyannote-server"), "{outcome:?}");
    }
    home.run(&["serve"]).await.assert(2, &["--key"]);
}
