//! Live streams through the SDK, whose side of the protocol was written independently.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use pyannote::live::LiveEvents;
use pyannote::live::{LiveEvent, StreamStatus};
use pyannote::output::Turn;
use pyannote::{Client, ErrorKind};
use pyannote_server::engine::ScriptedLive;
use pyannote_server::{Fault, LiveLimits, Operation, ScriptedEngine};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::super::client;
use super::{live_builder, live_server, patient, two_speakers, wait_for_end, wait_for_status};

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
        idle_timeout: Duration::from_millis(100),
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

/// Passes connections on to `target`. When it is notified, the present ones stay open, but nothing passes any more.
async fn stalling_proxy(listener: TcpListener, target: SocketAddr, stall: Arc<Notify>) {
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let stall = Arc::clone(&stall);
        tokio::spawn(async move {
            let stalled = stall.notified();
            let mut server = TcpStream::connect(target).await.unwrap();
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut server) => {}
                () = stalled => std::future::pending().await,
            }
        });
    }
}

/// Reads events until the session has continued with another stream.
async fn reconnected(events: &mut LiveEvents) {
    while !matches!(
        events.next().await.unwrap().unwrap(),
        LiveEvent::Reconnected { .. }
    ) {}
}

/// Neither side gets anything from the other, but the connection never ends.
#[tokio::test]
async fn both_sides_notice_a_connection_that_stalls() {
    let engine = ScriptedEngine::new();
    engine.then_live(two_speakers());
    engine.then_live(two_speakers());
    let limits = LiveLimits {
        client_timeout: Duration::from_secs(1),
        ..patient()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let public_url = format!("http://{}", listener.local_addr().unwrap());
    let builder = live_builder(&engine, limits).public_url(public_url);
    let server = builder.start().await.unwrap();
    let stall = Arc::new(Notify::new());
    let target = server.url().trim_start_matches("http://").parse().unwrap();
    tokio::spawn(stalling_proxy(listener, target, Arc::clone(&stall)));
    let client = Client::builder()
        .api_key(server.api_key())
        .base_url(server.url())
        .stall_timeout(Duration::from_secs(1))
        .build()
        .unwrap();
    let session = client.live().reconnect(1).connect().await.unwrap();
    let (mut sender, mut events) = session.split();
    sender.send(&audio(1)).await.unwrap();
    let first = events.next().await.unwrap().unwrap();
    assert!(matches!(first, LiveEvent::SpeakerStart { time: 0.5, .. }));
    stall.notify_waiters();
    reconnected(&mut events).await;
    wait_for_end(&server, "unresponsive", 1).await;
    sender.send(&audio(2)).await.unwrap();
    sender.finish();
    while let Some(event) = events.next().await {
        event.unwrap();
    }
    let turns = events.turns();
    let speakers: Vec<_> = turns.iter().map(|turn| turn.speaker.as_str()).collect();
    assert_eq!(speakers, ["SPEAKER_00", "SPEAKER_00-2", "SPEAKER_01-2"]);
    assert_eq!(turns[1].start, 1.5, "half a second after the first second");
    wait_for_end(&server, "completed", 1).await;
}

#[tokio::test]
async fn a_session_continues_when_the_server_restarts() {
    let engine = ScriptedEngine::new();
    engine.then_live(two_speakers());
    engine.then_live(two_speakers());
    let server = live_server(&engine, patient()).await;
    let address = server.url().trim_start_matches("http://").parse().unwrap();
    let live = client(&server).live().reconnect(5);
    let (mut sender, mut events) = live.connect().await.unwrap().split();
    sender.send(&audio(1)).await.unwrap();
    events.next().await.unwrap().unwrap();
    drop(server);
    // Until the old one has let go of the address.
    let server = loop {
        let builder = live_builder(&engine, patient()).listen(address);
        match builder.start().await {
            Ok(server) => break server,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    reconnected(&mut events).await;
    sender.send(&audio(2)).await.unwrap();
    sender.finish();
    while let Some(event) = events.next().await {
        event.unwrap();
    }
    assert_eq!(events.turns().len(), 3);
    wait_for_end(&server, "completed", 1).await;
}
