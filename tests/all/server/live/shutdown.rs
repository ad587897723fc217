//! Streams when the server stops, or is killed.

use std::time::Duration;

use pyannote_server::engine::ScriptedLive;
use pyannote_server::store::{Store, Stream, StreamStatus};
use pyannote_server::{LiveLimits, ScriptedEngine, Server};
use serde_json::json;

use super::{connect, live_builder, live_server, patient, two_speakers, wait_for_status};

/// A server, and its store, which can still be read when the server has stopped.
async fn server_and_store(engine: &ScriptedEngine, grace_period: Duration) -> (Server, Store) {
    let store = Store::temporary().await.unwrap();
    let builder = live_builder(engine, patient()).store(store.clone());
    let server = builder.grace_period(grace_period).start().await.unwrap();
    (server, store)
}

async fn stored(store: &Store, id: &str) -> Stream {
    let stream = store.stream("local", id.parse().unwrap()).await;
    stream.unwrap().unwrap()
}

#[tokio::test]
async fn a_server_that_stops_sends_the_last_events() {
    let engine = ScriptedEngine::new();
    engine.then_live(two_speakers());
    let (server, store) = server_and_store(&engine, Duration::from_secs(600)).await;
    let (id, mut client) = connect(&server).await;
    client.audio(20).await;
    for _ in 0..3 {
        client.next().await;
    }
    let ((), received) = tokio::join!(server.stop(), client.rest());
    assert_eq!(
        received.close,
        Some((1001, "The server is stopping".to_owned()))
    );
    let last_event = json!({ "type": "diarization_speaker_end", "data": { "timestamp": 2.0, "speaker": "SPEAKER_01" } });
    let error = json!({ "type": "error", "message": "The server is stopping" });
    assert_eq!(received.messages, [last_event, error]);
    let stream = stored(&store, &id).await;
    assert_eq!(stream.status, StreamStatus::Error);
    assert!(stream.started_at.is_some() && stream.completed_at.is_some());
}

/// Neither an engine nor a client that does not react extends the grace period.
#[tokio::test]
async fn a_stream_does_not_keep_the_server_from_stopping() {
    let engine = ScriptedEngine::new();
    engine.then_live(ScriptedLive::new([]).stalls_at(0.1, Duration::from_secs(3)));
    let (server, store) = server_and_store(&engine, Duration::from_millis(100)).await;
    let (id, mut client) = connect(&server).await;
    client.audio(1).await;
    let (_, silent) = connect(&server).await;
    let silent = silent.into_tcp();
    wait_for_status(&server, &id, "running").await;
    server.stop().await;
    assert_eq!(client.rest().await.close.unwrap().0, 1001);
    let stream = stored(&store, &id).await;
    assert_eq!(stream.status, StreamStatus::Error);
    drop(silent);
}

/// The server disappears: its runtime is dropped.
#[test]
fn a_stream_of_a_killed_server_has_failed_after_the_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let limits = LiveLimits {
        lease: Duration::from_secs(2),
        ..patient()
    };
    let engine = ScriptedEngine::new();
    let runtime = || tokio::runtime::Runtime::new().unwrap();

    let first = runtime();
    let (id, client) = first.block_on(async {
        let store = Store::open(&path).await.unwrap();
        let builder = live_builder(&engine, limits).store(store);
        let server = builder.start().await.unwrap();
        let (id, mut client) = connect(&server).await;
        client.audio(3).await;
        wait_for_status(&server, &id, "running").await;
        // A stream keeps its lease as long as its server lives.
        tokio::time::sleep(limits.lease * 3 / 2).await;
        wait_for_status(&server, &id, "running").await;
        // Dropping it would end the stream.
        std::mem::forget(server);
        (id, client)
    });
    drop(first);
    drop(client);

    runtime().block_on(async {
        let store = Store::open(&path).await.unwrap();
        let builder = live_builder(&engine, limits).store(store);
        let server = builder.start().await.unwrap();
        wait_for_status(&server, &id, "error").await;
    });
}

/// A server that is dropped ends its streams at once.
#[tokio::test]
async fn a_dropped_server_closes_its_connections() {
    let server = live_server(&ScriptedEngine::new(), patient()).await;
    let (_, mut client) = connect(&server).await;
    client.audio(3).await;
    drop(server);
    assert_eq!(client.rest().await.close.unwrap().0, 1001);
}
