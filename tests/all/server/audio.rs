//! An engine that needs audio: from the upload to the samples.

use std::time::Duration;

use pyannote::{Client, ErrorKind};
use pyannote_server::Server;
use pyannote_server::engine::{Engine, EngineFuture, EngineJob};
use pyannote_tests::http::{Response, TestServer};
use serde_json::json;

use super::wav::tone;
use super::{KEY, client, files, server_with};

/// Returns one turn, as long as the recording.
struct DurationEngine;

impl Engine for DurationEngine {
    fn needs_audio(&self) -> bool {
        true
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        Box::pin(async move {
            let seconds = job.recording.unwrap().duration();
            let turn = json!({ "speaker": "A", "start": 0, "end": seconds });
            Ok(json!({ "diarization": [turn], "voiceprint": "AAAA" }).into())
        })
    }
}

async fn server() -> (Server, Client) {
    let server = server_with(DurationEngine).await;
    let client = client(&server);
    (server, client)
}

#[tokio::test]
async fn the_engine_is_given_an_uploaded_recording() {
    let (_server, client) = server().await;
    let tone = pyannote_tests::fixtures().join("audio/tone.flac");
    let media = client.upload(tone).await.unwrap();
    let diarization = client.diarize(&media).await.unwrap();
    let seconds = diarization.turns()[0].end;
    assert!((seconds - 0.5).abs() < 0.01, "{seconds} s");
}

/// Fetched recordings are in the data directory, which the next start cleans up if the server is killed.
#[tokio::test]
async fn recordings_are_fetched_into_the_data_directory() {
    let host = TestServer::with_responses([Response::stalled(&"R".repeat(32_000), 4_000)]).await;
    let folder = tempfile::tempdir().unwrap();
    let builder = Server::builder().engine(DurationEngine).key(KEY);
    let builder = builder.data_dir(folder.path()).allow_private_networks();
    let server = builder.grace_period(Duration::ZERO).start().await.unwrap();
    let url = format!("{}/a.wav", host.url());
    client(&server).diarize(&*url).submit().await.unwrap();
    let temp = folder.path().join("temporary");
    while files(&temp) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop().await;
    assert_eq!(files(&temp), 0);
}

#[tokio::test]
async fn unreadable_audio_fails_the_job_with_a_reason() {
    let (server, client) = server().await;
    let words = client
        .upload(b"just words, no sound at all".repeat(50))
        .key("words.txt")
        .await
        .unwrap();
    // A recording that was not uploaded, and addresses that only this machine can reach.
    let private = format!("{}/healthz", server.url());
    for (audio, message) in [
        (words.as_str(), "format"),
        ("media://nothing.wav", "media://nothing.wav"),
        (private.as_str(), "127.0.0.1"),
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254"),
    ] {
        let error = client.diarize(audio).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::JobFailed, "{audio}: {error}");
        assert!(error.to_string().contains(message), "{audio}: {error}");
    }
}

#[tokio::test]
async fn voiceprints_need_at_most_30_s_of_audio() {
    let (_server, client) = server().await;
    let long = tone(8_000, 31);
    let media = client.upload(long).key("long.wav").await.unwrap();
    client.diarize(&media).await.unwrap();
    let error = client.voiceprint(&media).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobFailed);
    assert!(error.to_string().contains("30 s"), "{error}");
}
