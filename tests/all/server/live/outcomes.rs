//! Streams that end well, and what the API says of streams.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyannote::JobStatus;
use pyannote_engine::{
    Diarization, DiarizeError, Diarizer, LiveDiarization, LiveOptions, Options, Recording,
};
use pyannote_server::engine::{DiarizerEngine, SpeakerEvent};
use pyannote_server::{LiveLimits, ScriptedEngine};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::super::fake_diarizer::FakeDiarizer;
use super::super::{get, post, server_with, status_and_body};
use super::client::LiveClient;
use super::{
    connect, create, live_server, metrics, patient, stream, two_speakers, wait_for_status,
};

#[tokio::test]
async fn a_stream_sends_events_and_ends() {
    let engine = ScriptedEngine::new();
    engine.then_live(two_speakers());
    let server = live_server(&engine, LiveLimits::default()).await;
    let (id, mut client) = connect(&server).await;
    let expected = json!({ "id": id, "status": "created", "startedAt": null, "completedAt": null, "input": {} });
    assert_eq!(stream(&server, &id).await, expected);
    client.audio(10).await;
    let start = json!({ "type": "diarization_speaker_start", "data": { "timestamp": 0.5, "speaker": "SPEAKER_00" } });
    assert_eq!(client.next().await, start);
    wait_for_status(&server, &id, "running").await;
    let running = stream(&server, &id).await;
    assert!(running["startedAt"].is_string() && running["completedAt"].is_null());
    client.audio(10).await;
    client.end().await;
    let received = client.rest().await;
    assert_eq!(received.close, Some((1000, String::new())));
    insta::assert_json_snapshot!(received.messages);
    let done = stream(&server, &id).await;
    assert_eq!(
        (&done["status"], &done["startedAt"]),
        (&json!("done"), &running["startedAt"])
    );
    assert!(done["completedAt"].is_string());
    assert_eq!(server.open_streams(), 0);
}

#[tokio::test]
async fn a_stream_without_audio_ends() {
    let server = live_server(&ScriptedEngine::new(), LiveLimits::default()).await;
    let (id, mut client) = connect(&server).await;
    client.end().await;
    let received = client.rest().await;
    assert_eq!(
        (received.messages, received.close),
        (vec![], Some((1000, String::new())))
    );
    let done = stream(&server, &id).await;
    assert_eq!(
        (&done["status"], &done["startedAt"]),
        (&json!("done"), &Value::Null)
    );
}

/// The events of a stream are not mixed with those of others.
#[tokio::test]
async fn ten_streams_at_once_get_their_own_events() {
    let engine = ScriptedEngine::new();
    for _ in 0..10 {
        engine.then_live(two_speakers());
    }
    let server = live_server(&engine, patient()).await;
    let clients = (0..10).map(async |_| {
        let (id, mut client) = connect(&server).await;
        client.audio(600).await;
        client.end().await;
        (id, client.rest().await)
    });
    let results = futures_util::future::join_all(clients).await;
    let (_, first) = &results[0];
    assert_eq!(first.messages.len(), 4);
    for (id, received) in &results {
        assert_eq!(received, first);
        assert_eq!(stream(&server, id).await["status"], "done");
    }
    assert_eq!(first.messages[3]["data"]["timestamp"], 60.0);
}

#[tokio::test]
async fn pings_are_answered_and_other_fields_ignored() {
    let server = live_server(&ScriptedEngine::new(), patient()).await;
    let (_, mut client) = connect(&server).await;
    client.send(Message::Ping("are you there".into())).await;
    client
        .text(r#"{"type":"end_of_stream","reason":"new field"}"#)
        .await;
    assert_eq!(client.rest().await.close, Some((1000, String::new())));
}

#[tokio::test]
async fn streaming_can_be_disabled() {
    let server = live_server(&ScriptedEngine::new(), LiveLimits::disabled()).await;
    let create = status_and_body(post(&server, "/v1/live", &json!({})).await).await;
    let read = status_and_body(get(&server, "/v1/live/1").await).await;
    assert_eq!(create, read);
    insta::assert_json_snapshot!(create, @r#"
    {
      "status": 403,
      "body": {
        "requestId": "…",
        "message": "Streaming is disabled"
      }
    }
    "#);
}

#[tokio::test]
async fn an_unknown_stream_is_not_found() {
    let server = live_server(&ScriptedEngine::new(), LiveLimits::default()).await;
    for id in ["1", "3c8a89a5-dcc6-4edb-a75d-ffd64739674d"] {
        let response = get(&server, &format!("/v1/live/{id}")).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
    let response = post(&server, "/v1/live", &json!([])).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn metrics_count_streams() {
    let engine = ScriptedEngine::new();
    engine.then_live(two_speakers());
    let server = live_server(&engine, patient()).await;
    create(&server).await;
    let (_, mut client) = connect(&server).await;
    client.audio(20).await;
    for _ in 0..3 {
        client.next().await;
    }
    let text = metrics(&server).await;
    for line in [
        "pyannote_streams_created_total 2\n",
        "pyannote_streams_open 1\n",
        "pyannote_stream_event_latency_seconds_count 3\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let audio = text
        .lines()
        .find_map(|line| line.strip_prefix("pyannote_stream_audio_seconds_total "));
    assert!((audio.unwrap().parse::<f64>().unwrap() - 2.0).abs() < 1e-9);
    client.end().await;
    client.rest().await;
    super::wait_for_end(&server, "completed", 1).await;
    let text = metrics(&server).await;
    assert!(text.contains("pyannote_streams_open 0\n"), "{text}");
}

/// The bodies have exactly the fields of the specification.
#[tokio::test]
async fn bodies_match_the_specification() {
    let server = live_server(&ScriptedEngine::new(), patient()).await;
    let assert_valid = |name: &str, body: &Value| {
        let schema = super::super::outputs::schema(name);
        let errors: Vec<String> = schema
            .iter_errors(body)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
    };
    let created: Value = post(&server, "/v1/live", &json!({}))
        .await
        .json()
        .await
        .unwrap();
    assert_valid("StreamCreated", &created);
    let (id, url) = (
        created["id"].as_str().unwrap(),
        created["url"].as_str().unwrap(),
    );
    assert_valid("Stream", &stream(&server, id).await);
    let mut client = LiveClient::connect(url).await.unwrap();
    client.audio(1).await;
    wait_for_status(&server, id, "running").await;
    assert_valid("Stream", &stream(&server, id).await);
    client.end().await;
    client.rest().await;
    assert_valid("Stream", &stream(&server, id).await);
}

/// A diarizer whose live mode has a speaker as long as there is audio. Its jobs run until the other end of the channel
/// is dropped.
#[derive(Clone)]
struct LiveDiarizer(Arc<Mutex<Receiver<()>>>);

impl LiveDiarizer {
    fn new() -> (Self, Sender<()>) {
        let (sender, receiver) = channel();
        (Self(Arc::new(Mutex::new(receiver))), sender)
    }
}

impl Diarizer for LiveDiarizer {
    fn models(&self) -> &str {
        "fake"
    }

    fn embedding_model(&self) -> &str {
        "fake"
    }

    fn diarize(&self, _: &Recording, _: &mut Options<'_>) -> Result<Diarization, DiarizeError> {
        let _ = self.0.lock().unwrap().recv();
        Ok(Diarization::default())
    }

    fn live(&self, options: &LiveOptions) -> Result<Box<dyn LiveDiarization>, DiarizeError> {
        assert_eq!(options.latency, Duration::from_secs(2));
        Ok(Box::new(LoudSpeaker(0)))
    }

    fn same_speaker_probability(&self, _: f32) -> f32 {
        0.5
    }
}

/// Number of samples.
struct LoudSpeaker(usize);

impl LiveDiarization for LoudSpeaker {
    fn push(&mut self, samples: &[f32]) -> Result<Vec<SpeakerEvent>, DiarizeError> {
        assert!(samples.len().is_multiple_of(1_600));
        let is_first = self.0 == 0;
        self.0 += samples.len();
        Ok(is_first
            .then(|| SpeakerEvent::start(0.0, "SPEAKER_00"))
            .into_iter()
            .collect())
    }

    fn finish(&mut self) -> Result<Vec<SpeakerEvent>, DiarizeError> {
        Ok(vec![SpeakerEvent::end(
            self.0 as f64 / 16_000.0,
            "SPEAKER_00",
        )])
    }
}

#[tokio::test]
async fn a_diarizer_with_a_live_mode_has_live_streams() {
    let options = LiveOptions::new().latency(Duration::from_secs(2));
    let engine = DiarizerEngine::new(LiveDiarizer::new().0).live_options(options);
    let server = server_with(engine).await;
    let (_, mut client) = connect(&server).await;
    client.audio(20).await;
    client.end().await;
    let received = client.rest().await;
    assert_eq!(received.close, Some((1000, String::new())));
    let last = json!({ "type": "diarization_speaker_end", "data": { "timestamp": 2.0, "speaker": "SPEAKER_00" } });
    assert_eq!(received.messages.last(), Some(&last));
}

/// A job that keeps the diarizer busy for an hour does not delay the events of a stream.
#[tokio::test]
async fn a_stream_does_not_wait_for_a_running_job() {
    let (diarizer, running) = LiveDiarizer::new();
    let options = LiveOptions::new().latency(Duration::from_secs(2));
    let server = server_with(DiarizerEngine::new(diarizer).live_options(options)).await;
    let sdk = super::super::client(&server);
    let tone = pyannote_tests::fixtures().join("audio/tone.flac");
    let media = sdk.upload(tone).await.unwrap();
    let job = sdk.diarize(&media).submit().await.unwrap();
    while job.status().await.unwrap() != JobStatus::Running {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (id, mut client) = connect(&server).await;
    client.audio(20).await;
    assert_eq!(client.next().await["data"]["speaker"], "SPEAKER_00");
    client.end().await;
    assert_eq!(client.rest().await.close, Some((1000, String::new())));
    assert_eq!(stream(&server, &id).await["status"], "done");
    assert_eq!(job.status().await.unwrap(), JobStatus::Running);
    drop(running);
    job.wait().await.unwrap();
}

#[tokio::test]
async fn a_diarizer_without_a_live_mode_has_none() {
    let server = server_with(DiarizerEngine::new(FakeDiarizer::default())).await;
    let response = post(&server, "/v1/live", &json!({})).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}
