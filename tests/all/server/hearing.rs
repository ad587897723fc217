//! A server with an engine that hears: from the upload to the samples.

use pyannote::{Client, ErrorKind};
use pyannote_server::LocalServer;
use pyannote_server::engine::{Engine, EngineFuture, EngineJob};
use serde_json::json;

use super::wav::tone;
use super::{client, serving};

/// Says how long the recording is: one speaker, from start to end.
struct Length;

impl Engine for Length {
    fn needs_audio(&self) -> bool {
        true
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        Box::pin(async move {
            let seconds = job.recording.unwrap().seconds();
            Ok(
                json!({ "diarization": [{ "speaker": "A", "start": 0, "end": seconds }], "voiceprint": "AAAA" }),
            )
        })
    }
}

async fn server() -> (LocalServer, Client) {
    let server = serving(Length).await;
    let client = client(&server);
    (server, client)
}

#[tokio::test]
async fn an_uploaded_recording_is_heard() {
    let (_server, client) = server().await;
    let tone = pyannote_tests::fixtures().join("audio/tone.flac");
    let media = client.upload(tone).await.unwrap();
    let diarization = client.diarize(&media).await.unwrap();
    let length = diarization.turns()[0].end;
    assert!((length - 0.5).abs() < 0.01, "{length} s");
}

#[tokio::test]
async fn what_cannot_be_heard_is_a_failed_job_that_says_why() {
    let (server, client) = server().await;
    let words = client
        .upload(b"just words, no sound at all".repeat(50))
        .key("words.txt")
        .await
        .unwrap();
    // A medium that was never uploaded, and an address that only this machine can reach.
    let private = format!("{}/healthz", server.url());
    for (audio, told) in [
        (words.as_str(), "format"),
        ("media://nothing.wav", "media://nothing.wav"),
        (private.as_str(), "127.0.0.1"),
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254"),
    ] {
        let error = client.diarize(audio).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::JobFailed, "{audio}: {error}");
        assert!(error.to_string().contains(told), "{audio}: {error}");
    }
}

#[tokio::test]
async fn a_voiceprint_is_made_of_half_a_minute_at_most() {
    let (_server, client) = server().await;
    let long = tone(8_000, 31);
    let media = client.upload(long).key("long.wav").await.unwrap();
    client.diarize(&media).await.unwrap();
    let error = client.voiceprint(&media).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobFailed);
    assert!(error.to_string().contains("30 s"), "{error}");
}
