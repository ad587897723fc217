//! The server's logs say what happens to a job, and contain no secrets.
//!
//! Alone in its process: `tracing` caches per process whether a callsite is enabled, so a test on another thread that
//! reaches a callsite first could disable it for the subscriber of this one.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use pyannote_server::{ScriptedEngine, Server};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

const KEY: &str = "test-key";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn logs_tell_of_jobs_but_contain_no_key_signature_token_body_or_message() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let engine = ScriptedEngine::new();
    engine.then(Ok(json!({ "diarization": [] })));
    engine.then(Err("cannot decode\nthe recording".into()));
    let builder = Server::builder().engine(engine).key(KEY);
    let server = builder.start().await.unwrap();
    let http = reqwest::Client::new();
    let response = http
        .post(format!("{}/v1/media/input", server.url()))
        .bearer_auth(KEY)
        .json(&json!({ "url": "media://a/b" }))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 201);
    let body: Value = response.json().await.unwrap();
    let url = body["url"].as_str().unwrap();
    http.put(url).body("sound").send().await.unwrap();

    let response = http.post(format!("{}/v1/live", server.url()));
    let response = response.bearer_auth(KEY).json(&json!({})).send().await;
    let body: Value = response.unwrap().json().await.unwrap();
    let live_url = body["url"].as_str().unwrap();
    let (mut socket, _) = connect_async(live_url).await.unwrap();
    socket
        .send(Message::text("a secret message"))
        .await
        .unwrap();
    while socket.next().await.is_some() {}
    connect_async(live_url).await.unwrap_err();

    let mut ids = Vec::new();
    for _ in 0..2 {
        let submission = http.post(format!("{}/v1/diarize", server.url()));
        let submission = submission
            .bearer_auth(KEY)
            .json(&json!({ "url": "https://example.com/secret-url" }));
        let job: Value = submission.send().await.unwrap().json().await.unwrap();
        ids.push(job["jobId"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        let url = format!("{}/v1/jobs/{id}", server.url());
        loop {
            let job = http.get(&url).bearer_auth(KEY).send().await.unwrap();
            let job: Value = job.json().await.unwrap();
            if job.get("output").is_some() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    // The last message of a job follows its end.
    server.stop().await;

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("pyannote_server"))
        .collect();
    let upload = r#"path="/media/local/a/b" operation="storageUpload" status=200"#;
    assert!(lines.iter().any(|line| line.contains(upload)), "{lines:#?}");
    let end = r#"reason="invalid_message""#;
    assert!(lines.iter().any(|line| line.contains(end)), "{lines:#?}");
    let events = [
        (
            &ids[0],
            "INFO",
            "the job was accepted",
            r#"kind="diarize" team="local""#,
        ),
        (&ids[0], "INFO", "a worker took the job", "kind="),
        (&ids[0], "INFO", "the job succeeded", "elapsed="),
        (
            &ids[1],
            "WARN",
            "the job failed",
            r#"error="cannot decode\nthe recording""#,
        ),
    ];
    for (id, level, message, field) in events {
        let is_logged = lines.iter().any(|line| {
            [&**id, level, message, field]
                .iter()
                .all(|part| line.contains(part))
        });
        assert!(is_logged, "{message}: {lines:#?}");
    }
    let signature = url.split_once("signature=").unwrap().1;
    let token = live_url.split_once("token=").unwrap().1;
    for secret in [
        signature,
        token,
        KEY,
        "sound",
        "a secret message",
        "secret-url",
    ] {
        assert!(
            !lines.iter().any(|line| line.contains(secret)),
            "{lines:#?}"
        );
    }
}
