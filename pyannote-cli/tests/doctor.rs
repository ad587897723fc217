//! `pyannote doctor`, against a server in this process.
#![allow(clippy::panic, clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use pyannote_server::{Fault, Operation, Server};
use serde_json::Value;
use support::{Home, KEY, Outcome, READER_KEY, nowhere, run_with_input, server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Runs `pyannote doctor --json` with this key for this server.
async fn doctor(home: &Home, key: &str, url: &str, arguments: &[&str]) -> Outcome {
    let mut command = home.command(&[&["doctor", "--json"], arguments].concat());
    command
        .env("PYANNOTEAI_API_KEY", key)
        .env("PYANNOTEAI_BASE_URL", url);
    run_with_input(command, b"").await
}

/// The check of this name.
#[track_caller]
fn check<'a>(result: &'a Value, name: &str) -> &'a Value {
    let checks = result["checks"].as_array().unwrap();
    let found = checks.iter().rev().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("{name}: {result}"))
}

#[track_caller]
fn assert_check(result: &Value, name: &str, status: &str, words: &str) {
    let check = check(result, name);
    assert_eq!(check["status"], status, "{check}");
    let text = check.to_string();
    assert!(text.contains(words), "{words}: {text}");
    assert_eq!(status == "ok", check["remedy"].is_null(), "{check}");
}

/// A WAV file of silence.
fn recording(home: &Home, seconds: u32) -> PathBuf {
    let path = home.path().join("recording.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for _ in 0..seconds * spec.sample_rate {
        writer.write_sample(0_i16).unwrap();
    }
    writer.finalize().unwrap();
    path
}

fn submissions(server: &Server) -> usize {
    let requests = server.requests();
    let billed = |path: &str| ["/v1/diarize", "/v1/identify", "/v1/voiceprint"].contains(&path);
    requests
        .iter()
        .filter(|request| billed(&request.path))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_checked_and_nothing_is_submitted() {
    let (server, home) = (server().await, Home::new());
    let path = recording(&home, 31);
    let outcome = doctor(&home, KEY, server.url(), &[path.to_str().unwrap()]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let result = outcome.json();
    assert_eq!(result["ok"], true);
    assert_check(&result, "API key", "ok", "PYANNOTEAI_API_KEY");
    assert_check(&result, "connection", "ok", "over plain http");
    assert_check(&result, "clock", "ok", "as that of the server");
    assert_check(&result, "access", "ok", "accepts");
    assert_check(&result, "scopes", "ok", "media:write");
    assert_check(&result, "credit", "ok", "only a submission");
    assert_check(&result, "models", "warn", "pyannote demo");
    let words = "`pyannote diarize --local --transcribe` downloads it";
    assert_check(&result, "transcription", "ok", words);
    assert_check(
        &result,
        "recording",
        "ok",
        "31.0 s; too long for a voiceprint",
    );
    assert_eq!(submissions(&server), 0);
    // Nothing is created on this machine.
    for folder in ["config", "voiceprints", "assets"] {
        assert!(!home.path().join(folder).exists(), "{folder}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_not_accepted_or_lack_scopes_or_credit() {
    let (server, home) = (server().await, Home::new());
    let url = server.url();
    let outcome = doctor(&home, "sk-wrong", url, &[]).await;
    outcome.assert(1, &["1 of ", " checks failed"]);
    assert!(!outcome.stdout.contains("sk-wrong"));
    assert_check(&outcome.json(), "access", "fail", "pyannote login");

    let outcome = doctor(&home, READER_KEY, url, &[]).await;
    outcome.assert(1, &[]);
    let lacks = "lacks media:read, media:write";
    assert_check(&outcome.json(), "scopes", "fail", lacks);

    let status = |status: u16| Fault::Status {
        status: status.try_into().unwrap(),
        retry_after: None,
        body: None,
    };
    server.faults().inject(Operation::TestKey, 1, status(402));
    let result = doctor(&home, KEY, url, &[]).await.json();
    assert_check(&result, "credit", "fail", "add credit");
    assert_check(&result, "access", "ok", "");

    server.faults().inject(Operation::TestKey, 1, status(503));
    let result = doctor(&home, KEY, url, &[]).await.json();
    assert_check(&result, "access", "fail", "try again later");

    let outcome = doctor(&home, &format!(" {KEY}\n"), url, &[]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_check(&outcome.json(), "API key", "warn", "line breaks");

    let before = server.requests().len();
    let outcome = doctor(&home, "sk-a sk-b", url, &[]).await;
    outcome.assert(1, &[]);
    assert_check(&outcome.json(), "API key", "fail", "without spaces");
    // The connection is checked nevertheless, without a key.
    assert_eq!(server.requests().len(), before + 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn base_urls_that_are_wrong_or_lead_nowhere() {
    let (server, home) = (server().await, Home::new());
    let result = doctor(&home, KEY, &format!("{}/v1", server.url()), &[])
        .await
        .json();
    assert_check(&result, "base URL", "fail", "must not end with /v1");
    let result = doctor(&home, KEY, "http://host.example", &[]).await.json();
    assert_check(&result, "base URL", "fail", "plain http");
    assert!(server.requests().is_empty());

    let result = doctor(&home, KEY, &nowhere(), &[]).await.json();
    assert_check(&result, "connection", "fail", "pyannote serve");
    let result = doctor(&home, KEY, &format!("{}/other", server.url()), &[])
        .await
        .json();
    assert_check(&result, "connection", "fail", "not the pyannoteAI API");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_wrong_fails() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4_096]).await;
            let answer = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 2\r\nConnection: \
                          close\r\n\r\n{}";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let outcome = doctor(&home, KEY, &url, &[]).await;
    outcome.assert(1, &[]);
    assert_check(
        &outcome.json(),
        "clock",
        "fail",
        "ahead of that of the server",
    );
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_rest_is_checked() {
    let home = Home::new();
    let mut command = home.command(&["doctor", "--json"]);
    // Without a key, the base URL of the environment is still that of the connection.
    command.env("PYANNOTEAI_BASE_URL", nowhere());
    let outcome = run_with_input(command, b"").await;
    outcome.assert(1, &["2 of "]);
    let result = outcome.json();
    assert_check(&result, "API key", "fail", "pyannote login");
    assert_check(&result, "connection", "fail", "");

    let outcome = home.run(&["doctor", "--local", "--json"]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(!outcome.stdout.contains("API key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_are_shown_without_passwords() {
    let home = Home::new();
    let mut command = home.command(&["doctor"]);
    command
        .env("PYANNOTEAI_API_KEY", KEY)
        .env("PYANNOTEAI_BASE_URL", nowhere())
        .env("HTTP_PROXY", "http://ada:hunter2@127.0.0.1:1")
        .env("NO_PROXY", "127.0.0.1");
    let outcome = run_with_input(command, b"").await;
    assert!(
        outcome
            .stdout
            .contains("HTTP_PROXY is http://127.0.0.1:1\n"),
        "{outcome:?}"
    );
    assert!(!format!("{outcome:?}").contains("hunter2"), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings() {
    let home = Home::new();
    let text = home.path().join("text.wav");
    std::fs::write(&text, "no audio").unwrap();
    let empty = home.path().join("empty.wav");
    std::fs::write(&empty, "").unwrap();
    let large = home.path().join("large.wav");
    std::fs::File::create(&large)
        .unwrap()
        .set_len((1 << 30) + 1)
        .unwrap();
    let missing = home.path().join("missing.wav");
    let ok = recording(&home, 2);
    let run = async |path: &Path| {
        let path = path.to_str().unwrap();
        home.run(&["doctor", "--local", "--json", path]).await
    };
    for (path, words) in [
        (&text, "not a recording in a supported format"),
        (&empty, "empty"),
        (&large, "too large"),
        (&missing, "o such file"),
        (&home.path().to_owned(), "a directory"),
    ] {
        let outcome = run(path).await;
        outcome.assert(1, &["1 of "]);
        assert_check(&outcome.json(), "recording", "fail", words);
    }
    let result = run(&ok).await.json();
    assert_check(
        &result,
        "recording",
        "ok",
        "2.0 s; short enough for a voiceprint",
    );
    home.run(&["doctor", "https://host.example/a.wav"])
        .await
        .assert(2, &["download it first"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_of_the_configuration() {
    let home = Home::new();
    std::fs::create_dir(home.config().parent().unwrap()).unwrap();
    std::fs::write(home.config(), "profiles = [").unwrap();
    let outcome = home.run(&["doctor", "--json"]).await;
    outcome.assert(1, &[]);
    assert_check(
        &outcome.json(),
        "API key",
        "fail",
        "config.toml is invalid: line 1",
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(home.config(), PermissionsExt::from_mode(0o644)).unwrap();
        let outcome = home.run(&["doctor", "--local", "--json"]).await;
        assert_check(&outcome.json(), "configuration", "warn", "chmod 600");
    }
    // A file where a folder should be.
    let mut command = home.command(&["doctor", "--local", "--json"]);
    command.env("PYANNOTE_VOICEPRINTS_DIR", home.config());
    let outcome = run_with_input(command, b"").await;
    assert_check(&outcome.json(), "voiceprints", "fail", "is not a folder");
}
