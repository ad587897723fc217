//! The store on PostgreSQL, if it is installed: a temporary cluster on a Unix socket.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use pyannote_server::media::{MediaStore, StorageLimits};
use pyannote_server::store::{Store, StoreError, StreamStatus};
use pyannote_server::{LiveLimits, ScriptedEngine, Server};
use pyannote_tests::many_jobs;
use pyannote_tests::postgres::Cluster;
use sqlx::Connection;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use super::{TEAM, crash, fetching, lifecycle, secrets, submit, webhooks};

/// A stream that ends, one that is lost, and the limit of a team.
async fn live_streams_in(store: &Store) {
    let limits = LiveLimits {
        token_lifetime: Duration::from_secs(3),
        ..LiveLimits::default()
    };
    let builder = Server::builder().engine(ScriptedEngine::new()).key("key");
    let builder = builder.live_limits(limits).store(store.clone());
    let server = builder.start().await.unwrap();
    let create = async || {
        let request = reqwest::Client::new().post(format!("{}/v1/live", server.url()));
        request
            .bearer_auth("key")
            .json(&serde_json::json!({}))
            .send()
            .await
            .unwrap()
    };
    let responses = futures_util::future::join_all((0..15).map(|_| create())).await;
    let mut streams = Vec::new();
    for response in responses {
        match response.status().as_u16() {
            200 => streams.push(response.json::<serde_json::Value>().await.unwrap()),
            status => assert_eq!(status, 429),
        }
    }
    assert_eq!(streams.len(), 10);
    let url = streams[0]["url"].as_str().unwrap();
    let (mut socket, _) = connect_async(url).await.unwrap();
    connect_async(url).await.unwrap_err();
    socket.send(Message::binary(vec![0; 6_400])).await.unwrap();
    socket
        .send(Message::text(r#"{"type":"end_of_stream"}"#))
        .await
        .unwrap();
    while socket.next().await.is_some() {}
    for (index, stream) in streams.iter().enumerate() {
        let expected = match index {
            0 => StreamStatus::Done,
            _ => StreamStatus::Error,
        };
        let id = stream["id"].as_str().unwrap().parse().unwrap();
        let stream = async || store.stream("local", id).await.unwrap().unwrap();
        while stream().await.status == StreamStatus::Created {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let stream = stream().await;
        assert_eq!(
            (stream.status, stream.started_at.is_some()),
            (expected, index == 0)
        );
    }
    server.stop().await;
    assert_eq!(store.delete_streams(Duration::ZERO).await.unwrap(), 10);
}

#[tokio::test]
async fn postgres_jobs() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let url = cluster.url();
    // Two servers start concurrently on an empty database.
    let (one, two) = tokio::join!(Store::connect(&url), Store::connect(&url));
    let store = one.unwrap();
    two.unwrap();
    lifecycle::created_running_succeeded_in(&store).await;
    webhooks::all_final_statuses_are_delivered_from(&store).await;
    assert_eq!(store.expire_outputs(Duration::ZERO).await.unwrap(), 4);

    fetching::others_do_not_wait_in(&store).await;
    live_streams_in(&store).await;
    secrets::are_deleted_from(&store, || cluster.dump()).await;

    let first = submit(&store, serde_json::json!({})).await;
    let second = submit(&store, serde_json::json!({})).await;
    let page = store.list(TEAM, 1, Some(second), Some("created")).await;
    assert_eq!(page.unwrap()[0].id, first);
    for id in [first, second] {
        assert!(store.cancel(TEAM, id).await.unwrap());
    }

    crash::survive(&url, 2).await;
}

/// PostgreSQL logs the plan of each statement as it runs it.
#[tokio::test]
async fn lists_of_many_jobs_read_one_page_from_an_index() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    Store::connect(&cluster.url()).await.unwrap();
    many_jobs::insert(&cluster.url(), 50_000, "{}").await;
    let explain = "&options=-c%20session_preload_libraries%3Dauto_explain%20-c%20auto_explain.log_min_duration%3D0";
    let store = Store::connect(&format!("{}{explain}", cluster.url())).await;
    let store = store.unwrap();
    let cursor = many_jobs::id(25_000);
    for (after, status, expected) in [
        (None, None, 50_000),
        (Some(cursor), None, 24_999),
        (None, Some("failed"), 50_000),
        (Some(cursor), Some("failed"), 24_900),
    ] {
        let seen = cluster.log().len();
        // More often than PostgreSQL plans a prepared statement anew.
        for _ in 0..10 {
            let jobs = store.list("local", 100, after, status).await.unwrap();
            assert_eq!((jobs.len(), jobs[0].id), (100, many_jobs::id(expected)));
        }
        let log = &cluster.log()[seen..];
        // An index of the team, or if that is less work, all jobs of a rare status. Never the jobs of other teams.
        let plans = log.matches("Index Scan using jobs_").count();
        assert!(plans >= 10, "{log}");
        assert!(!log.contains("Seq Scan on jobs"), "{log}");
        assert!(!log.contains("using jobs_pkey"), "{log}");
        if status.is_none() {
            assert!(log.contains("using jobs_of_team on jobs"), "{log}");
            assert!(!log.contains("Sort"), "{log}");
        }
    }
    store.close().await;
}

/// Servers on several machines, with a folder that all of them mount.
#[tokio::test]
async fn urls_are_valid_on_servers_that_share_a_database_and_a_folder_of_media() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let start = async || {
        let store = Store::connect(&cluster.url()).await.unwrap();
        let media = MediaStore::folder(folder.path(), StorageLimits::default()).unwrap();
        let builder = Server::builder().engine(ScriptedEngine::new()).key("key");
        builder.store(store).media(media).start().await.unwrap()
    };
    let (one, two) = tokio::join!(start(), start());
    let http = reqwest::Client::new();
    let request = http.post(format!("{}/v1/media/input", one.url()));
    let request = request
        .bearer_auth("key")
        .json(&serde_json::json!({ "url": "media://a" }));
    let response: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
    let path = response["url"].as_str().unwrap().strip_prefix(one.url());
    let url = format!("{}{}", two.url(), path.unwrap());
    let uploaded = http.put(url).body("audio").send().await.unwrap();
    assert_eq!(uploaded.status(), 200);
}

/// A database counts the bytes of an output in its own encoding.
#[tokio::test]
async fn an_encoding_works_or_is_rejected() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let mut connection = sqlx::PgConnection::connect(&cluster.url()).await.unwrap();
    for (encoding, works) in [("SQL_ASCII", true), ("UTF8", true), ("LATIN1", false)] {
        let name = encoding.to_lowercase();
        let create = format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
        );
        let create = sqlx::query(sqlx::AssertSqlSafe(create));
        create.execute(&mut connection).await.unwrap();
        let url = cluster.url().replace("/postgres?", &format!("/{name}?"));
        let store = Store::connect(&url).await;
        if !works {
            let error = store.unwrap_err().to_string();
            let expected =
                "the encoding of the database is LATIN1: create one with the encoding UTF8";
            assert_eq!(error, expected);
            continue;
        }
        // In several parts.
        let text = "é語".repeat(500_000);
        let engine = ScriptedEngine::new();
        engine.then(Ok(serde_json::json!({ "text": text })));
        let store = store.unwrap();
        let builder = Server::builder().engine(engine).key("key");
        let server = builder.store(store.clone()).start().await.unwrap();
        let job = submit(&store, serde_json::json!({})).await;
        let stored = async || store.get(TEAM, job).await.unwrap().unwrap();
        while !stored().await.status.is_final() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let output = stored().await.output.unwrap().to_value();
        assert!(output["text"] == *text, "{encoding}");
        server.stop().await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_missing_database_is_an_error_at_once() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    for (from, to) in [("/postgres?", "/missing?"), ("postgres@", "nobody:secret@")] {
        let url = cluster.url().replace(from, to);
        let error = Store::connect(&url).await.unwrap_err();
        assert!(matches!(error, StoreError::Rejected(_)), "{error:?}");
        assert!(!format!("{error:?}").contains("secret"));
    }
}
