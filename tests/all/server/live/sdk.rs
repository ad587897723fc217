//! Live streams through the SDK, whose side of the protocol was written independently.

use futures_util::StreamExt;
use pyannote::ErrorKind;
use pyannote::live::{LiveEvent, StreamStatus};
use pyannote::output::Turn;
use pyannote_server::engine::ScriptedLive;
use pyannote_server::{Fault, LiveLimits, Operation, ScriptedEngine};

use super::super::client;
use super::{live_server, patient, two_speakers, wait_for_status};

/// Audio that is sent at once, since it is less than the SDK sends ahead.
fn audio(seconds: usize) -> Vec<f32> {
    vec![0.0; seconds * 16_000]
}

#[tokio::test]
async fn a_session() {
    let engine = ScriptedEngine::new();
    engine.then_live(two_speakers());
    let server = live_server(&engine, LiveLimits::default()).await;
    let client = client(&server);
    let mut session = client.live().connect().await.unwrap();
    let id = session.stream_id().clone();
    // Not a whole number of chunks.
    session.send(&audio(2)).await.unwrap();
    session.send(&[0.0; 800]).await.unwrap();
    let turns = session.finish().await.unwrap();
    assert_eq!(turns[0], Turn::new(0.5, 1.5, "SPEAKER_00"));
    assert_eq!((turns.len(), turns[1].start), (2, 1.75));
    let stream = client.live().status(&id).await.unwrap();
    assert_eq!(stream.status, Some(StreamStatus::Done));
    assert!(stream.started_at.is_some() && stream.completed_at.is_some());
}

#[tokio::test]
async fn ends_have_their_kinds_of_errors() {
    let engine = ScriptedEngine::new();
    let server = live_server(&engine, patient()).await;
    let client = client(&server);
    // The engine fails.
    engine.then_live(ScriptedLive::new([]).fails_at(0.5));
    let mut session = client.live().connect().await.unwrap();
    session.send(&audio(1)).await.unwrap();
    let error = session.finish().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.close_code()),
        (ErrorKind::StreamFailed, Some(1011))
    );
    // The connection is rejected.
    let fault = Fault::Status {
        status: http::StatusCode::FORBIDDEN,
        retry_after: None,
        body: None,
    };
    server.faults().inject(Operation::ConnectStream, 1, fault);
    let stream = client.live().create().await.unwrap();
    assert_eq!(
        stream.connect().await.unwrap_err().status(),
        Some(http::StatusCode::FORBIDDEN)
    );
    // The server stops while audio is sent.
    engine.then_live(two_speakers());
    let mut session = client.live().connect().await.unwrap();
    let id = session.stream_id().as_str().to_owned();
    session.send(&audio(1)).await.unwrap();
    assert!(matches!(
        session.events().next().await,
        Some(Ok(LiveEvent::SpeakerStart { .. }))
    ));
    wait_for_status(&server, &id, "running").await;
    let ((), ended) = tokio::join!(server.stop(), async {
        loop {
            match session.events().next().await.unwrap() {
                Ok(LiveEvent::SpeakerEnd { .. } | LiveEvent::Error { .. }) => {}
                Ok(event) => panic!("{event:?}"),
                Err(error) => break error,
            }
        }
    });
    assert_eq!(
        (ended.kind(), ended.close_code()),
        (ErrorKind::StreamFailed, Some(1001))
    );
}

#[tokio::test]
async fn a_client_that_pauses_too_long() {
    let limits = LiveLimits {
        idle_timeout: std::time::Duration::from_millis(100),
        ..patient()
    };
    let server = live_server(&ScriptedEngine::new(), limits).await;
    let client = client(&server);
    let mut session = client.live().connect().await.unwrap();
    let error = loop {
        if let Err(error) = session.events().next().await.unwrap() {
            break error;
        }
    };
    assert_eq!(
        (error.kind(), error.close_code()),
        (ErrorKind::StreamRejected, Some(1008))
    );
}
