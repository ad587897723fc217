//! URLs of streams: single use, short-lived, and of a team.

use std::time::Duration;

use pyannote_server::{ApiKey, LiveLimits, ScriptedEngine};
use reqwest::Method;
use serde_json::Value;

use super::super::{anonymous, http};
use super::client::LiveClient;
use super::{connect, create, live_builder, live_server, patient, status, wait_for_status};

#[tokio::test]
async fn a_url_can_be_used_once() {
    let server = live_server(&ScriptedEngine::new(), patient()).await;
    let (id, url) = create(&server).await;
    let mut client = LiveClient::connect(&url).await.unwrap();
    assert_eq!(LiveClient::connect(&url).await.err(), Some(403));
    // The first connection is not affected.
    client.end().await;
    assert_eq!(client.rest().await.close.unwrap().0, 1000);
    assert_eq!(LiveClient::connect(&url).await.err(), Some(403));
    assert_eq!(status(&server, &id).await, "done");
}

#[tokio::test]
async fn of_concurrent_connections_with_a_url_one_succeeds() {
    let server = live_server(&ScriptedEngine::new(), patient()).await;
    let (_, url) = create(&server).await;
    let attempts = (0..8).map(|_| LiveClient::connect(&url));
    let results = futures_util::future::join_all(attempts).await;
    let rejected = results.iter().filter(|result| matches!(result, Err(403)));
    assert_eq!(rejected.count(), 7);
}

#[tokio::test]
async fn invalid_tokens_are_rejected_and_use_nothing_up() {
    let server = live_server(&ScriptedEngine::new(), patient()).await;
    let ((_, url), (_, other)) = (create(&server).await, create(&server).await);
    let (path, token) = url.split_once("?token=").unwrap();
    let (_, other_token) = other.split_once("?token=").unwrap();
    let unknown = path.replace(
        path.rsplit('/').next().unwrap(),
        "3c8a89a5-dcc6-4edb-a75d-ffd64739674d",
    );
    for invalid in [
        path.to_owned(),
        format!("{path}?token="),
        format!("{path}?token={other_token}"),
        format!("{path}?token={}", &token[1..]),
        format!("{path}?token={token}0"),
        format!("{unknown}?token={token}"),
        format!("{path}1?token={token}"),
    ] {
        assert_eq!(
            LiveClient::connect(&invalid).await.err(),
            Some(403),
            "{invalid}"
        );
    }
    // Neither does a request that is not for a WebSocket.
    let response = http()
        .get(url.replacen("ws", "http", 1))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 426);
    LiveClient::connect(&url).await.unwrap();
}

#[tokio::test]
async fn an_unused_url_expires() {
    let limits = LiveLimits {
        token_lifetime: Duration::from_millis(50),
        ..patient()
    };
    let server = live_server(&ScriptedEngine::new(), limits).await;
    let (id, url) = create(&server).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(LiveClient::connect(&url).await.err(), Some(403));
    wait_for_status(&server, &id, "error").await;
}

#[tokio::test]
async fn streams_belong_to_a_team() {
    let builder = live_builder(&ScriptedEngine::new(), patient());
    let server = builder
        .api_key(ApiKey::new("other").team("other"))
        .start()
        .await
        .unwrap();
    let (id, _client) = connect(&server).await;
    let theirs = anonymous(&server, Method::GET, &format!("/v1/live/{id}")).bearer_auth("other");
    assert_eq!(theirs.send().await.unwrap().status(), 404);
}

/// The URL has the origin that clients use, and neither the API key nor the team.
#[tokio::test]
async fn the_url_has_the_public_origin() {
    let builder = live_builder(&ScriptedEngine::new(), patient());
    let server = builder
        .public_url("HTTPS://diarization.example/")
        .start()
        .await
        .unwrap();
    let response = super::post(&server, "/v1/live", &serde_json::json!({})).await;
    let body: Value = response.json().await.unwrap();
    let (id, url) = (body["id"].as_str().unwrap(), body["url"].as_str().unwrap());
    let token = url
        .strip_prefix(&format!("wss://diarization.example/live/{id}?token="))
        .unwrap();
    assert_eq!(token.len(), 64);
}
