//! Startup and shutdown.

use std::time::Duration;

use pyannote_server::store::{Status, Store};
use pyannote_server::{ApiKey, ScriptedEngine, Server};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::{AUDIO, KEY, builder, files, get, post, presigned, server};

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
        (builder().webhook_secret(" "), "webhook secret is empty"),
        (builder().concurrency(0), "must be 1 to 64"),
        (builder().concurrency(200_000), "must be 1 to 64"),
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
        let swept = folder.delete_expired(std::time::SystemTime::now()).await;
        swept.unwrap_err();
    }
}

/// The server opens its files where it finds those of one that was killed.
#[tokio::test]
async fn temporary_files_of_a_killed_server_are_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    for parent in ["temporary", "media/incomplete"] {
        let killed = data.join(parent).join("process-killed");
        fs_err::create_dir_all(&killed).unwrap();
        fs_err::write(killed.join("lock"), "").unwrap();
        fs_err::write(killed.join("recording-1"), "sound").unwrap();
    }
    let start = async || builder().data_dir(data).start().await.unwrap();
    // The second server does not delete the files of the first.
    let (first, second) = (start().await, start().await);
    for parent in ["temporary", "media/incomplete"] {
        assert_eq!(files(&data.join(parent)), 0);
        let entries = fs_err::read_dir(data.join(parent)).unwrap();
        let folders = entries.filter(|entry| entry.as_ref().unwrap().path().is_dir());
        assert_eq!(folders.count(), 2);
    }
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn stopping_aborts_what_is_running_after_the_grace_period() {
    let folder = tempfile::tempdir().unwrap();
    let engine = ScriptedEngine::new();
    engine.then_stuck();
    let server = Server::builder()
        .engine(engine)
        .key(KEY)
        .data_dir(folder.path())
        .grace_period(Duration::from_millis(50))
        .start()
        .await
        .unwrap();
    let url = presigned(&server, "/v1/media/input", "media://a").await;
    let mut upload = tokio::net::TcpStream::connect(server.url().trim_start_matches("http://"))
        .await
        .unwrap();
    let path = url.strip_prefix(server.url()).unwrap();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 900\r\n\r\nstart");
    upload.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..2 {
        let response = post(&server, "/v1/diarize", &json!({ "url": AUDIO })).await;
        assert_eq!(response.status(), 200);
    }
    while server.running_jobs() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop().await;
    // The first job was returned to the queue, where it waits again, and the second one was not claimed.
    let store = Store::open(folder.path().join("jobs.sqlite"))
        .await
        .unwrap();
    for listed in store.list("local", 9, None, None).await.unwrap() {
        let job = store.get("local", listed.id).await.unwrap().unwrap();
        assert_eq!(job.attempts, 0);
        assert!(!job.status.is_final());
    }
    assert_eq!(store.counts().await.unwrap()[0], (Status::Created, 2));
    assert_eq!(files(&folder.path().join("media")), 0);
}
