//! `pyannote serve`, the same as `pyannote-server serve`.
#![allow(clippy::unwrap_used)]

mod support;

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
