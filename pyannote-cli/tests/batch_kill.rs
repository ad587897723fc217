//! A batch that is killed at random moments, and run again: every recording has its results or is reported as unknown,
//! and the server got each submission once.
//!
//! The short form is a test of every run. The long form: `PYANNOTE_BATCH_FILES=200 PYANNOTE_BATCH_KILLS=10 cargo test -p
//! pyannote-cli --test batch_kill -- --nocapture`.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use pyannote_server::engine::{Engine, EngineFuture, EngineJob};
use pyannote_server::{RateLimits, ScriptedEngine, Server};
use tokio::process::Command;

const KEY: &str = "test-key";

/// The scripted engine, with jobs that take a while.
struct SlowEngine(ScriptedEngine);

impl Engine for SlowEngine {
    fn needs_audio(&self) -> bool {
        false
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            self.0.process(job).await
        })
    }
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}

fn batch(server: &Server, recordings: &Path, results: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pyannote"));
    command
        .args([
            "batch",
            "--json",
            // What a killed process sent may reach the server later.
            "--settle",
            "3",
            "--concurrency",
            "16",
            "-f",
            "rttm",
        ])
        .arg(recordings)
        .arg("-o")
        .arg(results)
        .env("PYANNOTEAI_API_KEY", KEY)
        .env("PYANNOTEAI_BASE_URL", server.url())
        .env("PYANNOTE_CONFIG_DIR", results.join("no-config"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_submitted_twice() {
    let files = number("PYANNOTE_BATCH_FILES", 24);
    let kills = number("PYANNOTE_BATCH_KILLS", 6);
    let server = Server::builder()
        .engine(SlowEngine(ScriptedEngine::new()))
        .key(KEY)
        .rate_limits(RateLimits::off())
        .concurrency(16)
        .max_recorded_requests(1_000_000)
        .start()
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (recordings, results) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::create_dir(&recordings).unwrap();
    for file in 0..files {
        // The media key is a digest of the content, which tells the submissions apart.
        std::fs::write(
            recordings.join(format!("{file}.wav")),
            format!("recording {file}"),
        )
        .unwrap();
    }

    for _ in 0..kills {
        let mut child = batch(&server, &recordings, &results).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..1_200))).await;
        // SIGKILL on Unix.
        child.kill().await.unwrap();
    }
    let last = batch(&server, &recordings, &results)
        .output()
        .await
        .unwrap();
    let events = String::from_utf8(last.stdout).unwrap();
    let unknown = events
        .lines()
        .filter(|line| line.contains(r#""event":"unknown""#))
        .count();
    println!(
        "{files} files, {kills} kills, {unknown} unknown\n{}",
        String::from_utf8_lossy(&last.stderr)
    );

    // The judge is the server's own record.
    let mut submissions: HashMap<String, usize> = HashMap::new();
    for request in server.requests() {
        if request.path == "/v1/diarize" {
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            *submissions
                .entry(body["url"].as_str().unwrap().to_owned())
                .or_default() += 1;
        }
    }
    let doubled: Vec<_> = submissions
        .iter()
        .filter(|(_, times)| **times != 1)
        .collect();
    assert!(doubled.is_empty(), "{doubled:?}");

    let has_results = |file: usize| {
        ["json", "rttm"]
            .iter()
            .all(|extension| results.join(format!("{file}.{extension}")).exists())
    };
    let missing = (0..files).filter(|&file| !has_results(file)).count();
    assert_eq!(missing, unknown, "{events}");
    // A recording whose outcome is unknown was submitted, or not.
    assert!(submissions.len() + unknown >= files, "{submissions:?}");
    assert_eq!(last.status.code(), Some(if unknown > 0 { 4 } else { 0 }));

    // There is nothing left to do, and nothing is submitted.
    let requests = submissions.len();
    let again = batch(&server, &recordings, &results)
        .output()
        .await
        .unwrap();
    let events = String::from_utf8(again.stdout).unwrap();
    let skipped = events
        .lines()
        .filter(|line| line.contains(r#""event":"skipped""#))
        .count();
    assert_eq!(skipped, files - unknown);
    let submitted = server
        .requests()
        .iter()
        .filter(|request| request.path == "/v1/diarize")
        .count();
    assert_eq!(submitted, requests);
    server.stop().await;
}
