//! Live streams, with real WebSockets.

mod client;
mod faults;
mod limits;
mod outcomes;
mod sdk;
mod shutdown;
mod tokens;

use std::time::Duration;

use pyannote_server::engine::{ScriptedLive, SpeakerEvent};
use pyannote_server::{LiveLimits, RateLimits, ScriptedEngine, Server, ServerBuilder};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{KEY, get, post};
use client::LiveClient;

/// Limits for tests, which do not wait: nothing here is reached unless a test makes it shorter.
fn patient() -> LiveLimits {
    let long = Duration::from_secs(600);
    LiveLimits {
        max_ahead: long,
        idle_timeout: long,
        engine_timeout: long,
        ..LiveLimits::default()
    }
}

fn live_builder(engine: &ScriptedEngine, limits: LiveLimits) -> ServerBuilder {
    let builder = Server::builder().engine(engine.clone()).key(KEY);
    // The tests poll.
    builder.live_limits(limits).rate_limits(RateLimits::off())
}

async fn live_server(engine: &ScriptedEngine, limits: LiveLimits) -> Server {
    live_builder(engine, limits).start().await.unwrap()
}

/// Creates a stream. Returns its id and URL.
async fn create(server: &Server) -> (String, String) {
    let response = post(server, "/v1/live", &json!({})).await;
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = response.json().await.unwrap();
    let text = |field: &str| body[field].as_str().unwrap().to_owned();
    (text("id"), text("url"))
}

/// Creates a stream and connects to it. Returns its id, too.
async fn connect(server: &Server) -> (String, LiveClient) {
    let (id, url) = create(server).await;
    (id, LiveClient::connect(&url).await.unwrap())
}

async fn stream(server: &Server, id: &str) -> Value {
    let response = get(server, &format!("/v1/live/{id}")).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

async fn status(server: &Server, id: &str) -> String {
    stream(server, id).await["status"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Waits until a stream has this status.
async fn wait_for_status(server: &Server, id: &str, expected: &str) {
    for _ in 0..2_000 {
        if status(server, id).await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the stream does not become {expected}");
}

/// Waits until so many streams have ended for this reason.
async fn wait_for_end(server: &Server, reason: &str, expected: u64) {
    let line = format!("pyannote_streams_ended_total{{reason=\"{reason}\"}} {expected}\n");
    for _ in 0..2_000 {
        if metrics(server).await.contains(&line) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("missing {line} in {}", metrics(server).await);
}

async fn metrics(server: &Server) -> String {
    get(server, "/metrics").await.text().await.unwrap()
}

/// A speaker who starts at 0.5 s and stops at 1.5 s, and another one who does not stop.
fn two_speakers() -> ScriptedLive {
    ScriptedLive::new([
        SpeakerEvent::start(0.5, "SPEAKER_00"),
        SpeakerEvent::end(1.5, "SPEAKER_00"),
        SpeakerEvent::start(1.75, "SPEAKER_01"),
    ])
}
