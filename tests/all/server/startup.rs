//! Startup and shutdown.

use std::time::Duration;

use pyannote_server::{ApiKey, ScriptedEngine, Server};

use super::{builder, get, server};

#[tokio::test]
async fn invalid_options_are_reported() {
    let cases = [
        (Server::builder().key("a"), ".engine("),
        (Server::builder().engine(ScriptedEngine::new()), ".key("),
        (builder().key("a b"), "visible ASCII"),
        (builder().key("test-key"), "twice"),
        (builder().api_key(ApiKey::new("a").team("../b")), "team"),
        (
            builder().listen("0.0.0.0:0".parse().unwrap()),
            ".allow_public_bind()",
        ),
        (builder().public_url("https://host/path?a"), "public URL"),
    ];
    for (builder, expected) in cases {
        let error = builder.start().await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("a b"), "{error}");
    }
    let other = server().await;
    let address = other.url().strip_prefix("http://").unwrap().parse();
    let error = builder().listen(address.unwrap()).start().await;
    assert!(error.unwrap_err().to_string().contains("cannot listen"));
}

#[tokio::test]
async fn public_addresses_must_be_allowed() {
    let server = builder()
        .listen("0.0.0.0:0".parse().unwrap())
        .allow_public_bind()
        .start()
        .await
        .unwrap();
    assert!(server.url().starts_with("http://127.0.0.1:"));
    assert_eq!(get(&server, "/v1/test").await.status(), 200);
}

#[tokio::test]
async fn a_stopped_or_dropped_server_frees_its_resources() {
    for stop in [true, false] {
        let server = server().await;
        let url = server.url().to_owned();
        assert_eq!(
            reqwest::get(format!("{url}/healthz"))
                .await
                .unwrap()
                .status(),
            200
        );
        let folder = server.media().clone();
        match stop {
            true => server.stop().await,
            false => drop(server),
        }
        let mut is_gone = false;
        for _ in 0..100 {
            is_gone = reqwest::get(format!("{url}/healthz")).await.is_err();
            if is_gone {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(is_gone);
        folder
            .delete_expired(std::time::SystemTime::now())
            .unwrap_err();
    }
}
