//! Limits of a team, of the server and of a stream.

use std::time::Duration;

use pyannote_server::{ApiKey, LiveLimits, ScriptedEngine};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::super::{anonymous, post, status_and_body};
use super::client::LiveClient;
use super::{
    connect, create, live_builder, live_server, patient, status, two_speakers, wait_for_end,
};

#[tokio::test]
async fn a_team_has_at_most_ten_streams() {
    let builder = live_builder(&ScriptedEngine::new(), patient());
    let server = builder
        .api_key(ApiKey::new("other").team("other"))
        .start()
        .await
        .unwrap();
    let mut clients = Vec::new();
    for _ in 0..9 {
        clients.push(connect(&server).await);
    }
    // One that nobody has connected to counts, too.
    let (_, url) = create(&server).await;
    let rejected = post(&server, "/v1/live", &json!({})).await;
    insta::assert_json_snapshot!(status_and_body(rejected).await, @r#"
    {
      "status": 429,
      "body": {
        "requestId": "…",
        "message": "The team has the maximum number of live streams: try again when one has ended"
      }
    }
    "#);
    let theirs = anonymous(&server, Method::POST, "/v1/live")
        .bearer_auth("other")
        .json(&json!({}));
    assert_eq!(theirs.send().await.unwrap().status(), StatusCode::OK);
    // Once a stream has ended, there can be another one.
    let (_, mut client) = clients.pop().unwrap();
    client.end().await;
    client.rest().await;
    create(&server).await;
    LiveClient::connect(&url).await.unwrap();
}

#[tokio::test]
async fn concurrent_requests_do_not_exceed_the_limit() {
    let server = live_server(&ScriptedEngine::new(), patient()).await;
    let requests = (0..30).map(async |_| post(&server, "/v1/live", &json!({})).await.status());
    let statuses = futures_util::future::join_all(requests).await;
    let count = |status| statuses.iter().filter(|other| **other == status).count();
    assert_eq!(
        (count(StatusCode::OK), count(StatusCode::TOO_MANY_REQUESTS)),
        (10, 20)
    );
}

#[tokio::test]
async fn a_server_has_a_maximum_number_of_streams() {
    let limits = LiveLimits {
        streams: 1,
        ..patient()
    };
    let server = live_server(&ScriptedEngine::new(), limits).await;
    let (_, mut client) = connect(&server).await;
    let (_, url) = create(&server).await;
    assert_eq!(LiveClient::connect(&url).await.err(), Some(503));
    client.end().await;
    client.rest().await;
    wait_for_end(&server, "completed", 1).await;
    // The URL was not used up.
    let connected = async {
        while LiveClient::connect(&url).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), connected)
        .await
        .unwrap();
}

/// The events of the audio so far are sent.
#[tokio::test]
async fn a_stream_has_a_maximum_duration() {
    let engine = ScriptedEngine::new();
    engine.then_live(two_speakers());
    let limits = LiveLimits {
        duration: Duration::from_secs(1),
        ..patient()
    };
    let server = live_server(&engine, limits).await;
    let (id, mut client) = connect(&server).await;
    client.audio(20).await;
    let received = client.rest().await;
    let text = "The stream has reached its maximum duration of 1 s";
    assert_eq!(received.close, Some((1008, text.to_owned())));
    let last_event = json!({ "type": "diarization_speaker_end", "data": { "timestamp": 2.0, "speaker": "SPEAKER_01" } });
    assert_eq!(
        received.messages[3..],
        [last_event, json!({ "type": "error", "message": text })]
    );
    assert_eq!(status(&server, &id).await, "error");
    wait_for_end(&server, "too_long", 1).await;
}
