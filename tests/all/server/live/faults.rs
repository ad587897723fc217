//! Streams that end badly: each with its close code, its status and its reason, and nothing hangs.

use std::time::Duration;

use pyannote_server::engine::{ScriptedLive, SpeakerEvent};
use pyannote_server::{Fault, LiveLimits, Operation, ScriptedEngine, Server};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::client::LiveClient;
use super::{
    connect, create, live_server, metrics, patient, status, wait_for_end, wait_for_status,
};

/// Checks how a stream ended.
async fn assert_ended(
    server: &Server,
    id: &str,
    client: LiveClient,
    code: u16,
    reason: &str,
    message: &str,
) {
    let received = client.rest().await;
    assert_eq!(received.close, Some((code, message.to_owned())));
    let error = json!({ "type": "error", "message": message });
    assert_eq!(received.messages.last(), Some(&error));
    assert_eq!(status(server, id).await, "error");
    wait_for_end(server, reason, 1).await;
    assert_eq!(server.open_streams(), 0);
}

#[tokio::test]
async fn invalid_messages() {
    let long_text = "a".repeat(20_000);
    for (message, code, reason, text) in [
        (
            Message::binary(vec![0; 6_396]),
            1008,
            "invalid_chunk",
            "Invalid chunk size: 6396 bytes, expected 6400 (1600 f32 samples)",
        ),
        (
            Message::binary(vec![]),
            1008,
            "invalid_chunk",
            "Invalid chunk size: 0 bytes, expected 6400 (1600 f32 samples)",
        ),
        (
            Message::binary(vec![0; 64_000]),
            1008,
            "invalid_chunk",
            "Invalid chunk size: 64000 bytes, expected 6400 (1600 f32 samples)",
        ),
        (
            Message::binary(vec![0; 3_000_000]),
            1009,
            "message_too_large",
            "Invalid chunk size: the message is too large",
        ),
        (
            Message::text("hello"),
            1008,
            "invalid_message",
            "Invalid message: not valid JSON",
        ),
        (
            Message::text(r#"{"type":"end_of_str"#),
            1008,
            "invalid_message",
            "Invalid message: not valid JSON",
        ),
        (
            Message::text(r#"{"type":"pause"}"#),
            1008,
            "invalid_message",
            "Invalid message: unknown type",
        ),
        (
            Message::text(r#"{"kind":"end_of_stream"}"#),
            1008,
            "invalid_message",
            "Invalid message: missing or invalid type",
        ),
        (
            Message::text(long_text),
            1008,
            "invalid_message",
            "Invalid message: not valid JSON",
        ),
    ] {
        let server = live_server(&ScriptedEngine::new(), patient()).await;
        let (id, mut client) = connect(&server).await;
        client.audio(3).await;
        client.send(message).await;
        assert_ended(&server, &id, client, code, reason, text).await;
    }
}

#[tokio::test]
async fn messages_after_the_end() {
    for is_audio in [true, false] {
        let engine = ScriptedEngine::new();
        // The engine is busy when the message arrives.
        engine.then_live(ScriptedLive::new([]).stalls_at(0.1, Duration::from_millis(300)));
        let server = live_server(&engine, patient()).await;
        let (id, mut client) = connect(&server).await;
        client.audio(1).await;
        client.end().await;
        match is_audio {
            true => client.audio(1).await,
            false => client.end().await,
        }
        let text = "Invalid message: after end_of_stream";
        assert_ended(&server, &id, client, 1008, "invalid_message", text).await;
    }
}

/// Also a client that has sent much more, and reads only then, gets the close frame.
#[tokio::test]
async fn audio_that_is_too_fast() {
    let server = live_server(&ScriptedEngine::new(), LiveLimits::default()).await;
    let (id, mut client) = connect(&server).await;
    client.audio(50).await;
    assert_eq!(server.open_streams(), 1);
    client.audio(1_000).await;
    let text = "The audio is more than 5 s ahead of real time";
    assert_ended(&server, &id, client, 1008, "too_fast", text).await;
}

#[tokio::test]
async fn no_audio() {
    let limits = LiveLimits {
        idle_timeout: Duration::from_millis(100),
        ..patient()
    };
    for chunks in [0, 3] {
        let server = live_server(&ScriptedEngine::new(), limits).await;
        let (id, mut client) = connect(&server).await;
        client.audio(chunks).await;
        // Not audio.
        client.send(Message::Ping("".into())).await;
        assert_ended(&server, &id, client, 1008, "idle", "No audio for 0.1 s").await;
    }
}

#[tokio::test]
async fn a_client_that_only_pings_is_idle() {
    let limits = LiveLimits {
        idle_timeout: Duration::from_millis(100),
        ..patient()
    };
    let server = live_server(&ScriptedEngine::new(), limits).await;
    let (id, client) = connect(&server).await;
    let mut tcp = client.into_tcp();
    // A ping without content, masked.
    let pings = [0x89, 0x80, 0, 0, 0, 0].repeat(1_000);
    while tcp.write_all(&pings).await.is_ok() {
        if status(&server, &id).await == "error" {
            break;
        }
    }
    wait_for_end(&server, "idle", 1).await;
}

/// A frame with the mask 0.
fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![first_byte, 0x80 | 126];
    frame.extend(length);
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// The start of a binary message that goes on.
const BINARY_PART: u8 = 0x02;
/// Another part of it.
const CONTINUATION_PART: u8 = 0x00;
/// The last part of it.
const LAST_PART: u8 = 0x80;

/// A chunk may be sent in frames of any size, with pings between them.
#[tokio::test]
async fn a_chunk_in_fragments_is_a_chunk() {
    let engine = ScriptedEngine::new();
    engine.then_live(ScriptedLive::new([SpeakerEvent::start(0.1, "SPEAKER_00")]));
    let server = live_server(&engine, patient()).await;
    let (id, client) = connect(&server).await;
    let mut tcp = client.into_tcp();
    let ping = frame(0x89, b"");
    let end = frame(0x81, br#"{"type":"end_of_stream"}"#);
    let parts = [
        frame(BINARY_PART, &[0; 1]),
        ping,
        frame(CONTINUATION_PART, &[]),
        frame(CONTINUATION_PART, &[0; 6_398]),
        frame(LAST_PART, &[0; 1]),
        end,
    ];
    tcp.write_all(&parts.concat()).await.unwrap();
    wait_for_status(&server, &id, "done").await;
}

/// Neither fragments without content, nor those of a message that never ends, keep a stream alive or fill the memory.
#[tokio::test]
async fn a_message_without_an_end() {
    let limits = LiveLimits {
        idle_timeout: Duration::from_millis(100),
        ..patient()
    };
    for (size, limits, reason) in [(0, limits, "idle"), (6_400, patient(), "message_too_large")] {
        let server = live_server(&ScriptedEngine::new(), limits).await;
        let (id, client) = connect(&server).await;
        let mut tcp = client.into_tcp();
        let mut part = frame(BINARY_PART, &vec![0; size]);
        // The server closes the connection.
        while tcp.write_all(&part).await.is_ok() && status(&server, &id).await != "error" {
            part = frame(CONTINUATION_PART, &vec![0; size]);
        }
        wait_for_status(&server, &id, "error").await;
        wait_for_end(&server, reason, 1).await;
    }
}

/// Bytes that are no frames, and frames that are not allowed.
#[tokio::test]
async fn violations_of_the_websocket_protocol() {
    for (name, bytes) in [
        ("an HTTP request", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("a reserved opcode", frame(0x83, b"")),
        ("reserved bits", frame(0xf2, &[0; 6_400])),
        ("a continuation of nothing", frame(LAST_PART, &[0; 6_400])),
        ("a ping in parts", frame(0x09, b"")),
        ("a ping that is too long", frame(0x89, &[0; 126])),
        ("without a mask", vec![0x82, 0]),
        ("a close frame with half a code", frame(0x88, &[3])),
    ] {
        let server = live_server(&ScriptedEngine::new(), patient()).await;
        let (id, client) = connect(&server).await;
        let mut tcp = client.into_tcp();
        tcp.write_all(&bytes).await.unwrap();
        wait_for_status(&server, &id, "error").await;
        let text = metrics(&server).await;
        let line = r#"pyannote_streams_ended_total{reason="invalid_frame"} 1"#;
        assert!(text.contains(line), "{name}: {text}");
    }
}

#[tokio::test]
async fn the_engine_fails_or_panics() {
    for script in [
        ScriptedLive::new([SpeakerEvent::start(0.1, "SPEAKER_00")]).fails_at(0.2),
        ScriptedLive::new([SpeakerEvent::start(0.1, "SPEAKER_00")]).panics_at(0.2),
    ] {
        let engine = ScriptedEngine::new();
        engine.then_live(script);
        let server = live_server(&engine, patient()).await;
        let (id, mut client) = connect(&server).await;
        client.audio(1).await;
        assert_eq!(client.next().await["data"]["timestamp"], 0.1);
        client.audio(1).await;
        assert_ended(
            &server,
            &id,
            client,
            1011,
            "engine_failed",
            "Internal error",
        )
        .await;
        // The server goes on.
        let (_, mut client) = connect(&server).await;
        client.end().await;
        assert_eq!(client.rest().await.close.unwrap().0, 1000);
    }
}

/// An engine that takes no more audio: the client is stopped by back-pressure, and then the stream ends.
#[tokio::test]
async fn the_engine_stalls() {
    let engine = ScriptedEngine::new();
    engine.then_live(ScriptedLive::new([]).stalls_at(0.1, Duration::from_secs(2)));
    let limits = LiveLimits {
        engine_timeout: Duration::from_millis(200),
        ..patient()
    };
    let server = live_server(&engine, limits).await;
    let (id, mut client) = connect(&server).await;
    client.audio(100).await;
    let text = "Internal error: the server is overloaded";
    assert_ended(&server, &id, client, 1011, "engine_stalled", text).await;
}

/// A slow engine is not the client's fault: it is neither idle nor too fast afterwards.
#[tokio::test]
async fn a_slow_engine_only_delays_events() {
    let engine = ScriptedEngine::new();
    let script = ScriptedLive::new([SpeakerEvent::start(20.0, "SPEAKER_00")]);
    engine.then_live(script.stalls_at(0.1, Duration::from_millis(1_500)));
    let limits = LiveLimits {
        idle_timeout: Duration::from_secs(1),
        ..patient()
    };
    let server = live_server(&engine, limits).await;
    let (_, mut client) = connect(&server).await;
    client.audio(200).await;
    client.end().await;
    let received = client.rest().await;
    assert_eq!(
        (received.messages.len(), received.close.unwrap().0),
        (2, 1000)
    );
}

#[tokio::test]
async fn the_client_disappears() {
    let server = live_server(&ScriptedEngine::new(), patient()).await;
    // Without a close frame: the connection is closed, and reset.
    for is_reset in [false, true] {
        let (id, mut client) = connect(&server).await;
        client.audio(3).await;
        let tcp = client.into_tcp();
        if is_reset {
            tcp.set_zero_linger().unwrap();
        }
        drop(tcp);
        wait_for_status(&server, &id, "error").await;
    }
    wait_for_end(&server, "disconnected", 2).await;
    // With a close frame, but without the end of the audio.
    let (id, mut client) = connect(&server).await;
    client.audio(3).await;
    let frame = CloseFrame {
        code: 1001.into(),
        reason: "bye".into(),
    };
    client.send(Message::Close(Some(frame))).await;
    assert_eq!(client.rest().await.close.unwrap().0, 1001);
    wait_for_status(&server, &id, "error").await;
    wait_for_end(&server, "closed_by_client", 1).await;
    assert_eq!(server.open_streams(), 0);
}

/// The client is gone, but its connection was never closed: nothing arrives any more.
#[tokio::test]
async fn a_half_open_connection() {
    // Before the end of the audio, it is idle.
    let limits = LiveLimits {
        idle_timeout: Duration::from_millis(100),
        client_timeout: Duration::from_millis(300),
        ..patient()
    };
    let server = live_server(&ScriptedEngine::new(), limits).await;
    let (id, mut client) = connect(&server).await;
    client.audio(1).await;
    let silent = client.into_tcp();
    wait_for_status(&server, &id, "error").await;
    wait_for_end(&server, "idle", 1).await;
    drop(silent);
    // After that, it answers no pings.
    let limits = LiveLimits {
        idle_timeout: patient().idle_timeout,
        ..limits
    };
    let engine = ScriptedEngine::new();
    engine.then_live(ScriptedLive::new([]).stalls_at(0.1, Duration::from_secs(2)));
    let server = live_server(&engine, limits).await;
    let (id, mut client) = connect(&server).await;
    client.audio(1).await;
    client.end().await;
    let silent = client.into_tcp();
    wait_for_status(&server, &id, "error").await;
    wait_for_end(&server, "unresponsive", 1).await;
    drop(silent);
}

/// A client that answers pings may wait for a slow engine.
#[tokio::test]
async fn a_client_that_answers_pings_gets_the_last_events() {
    let engine = ScriptedEngine::new();
    let script = ScriptedLive::new([SpeakerEvent::start(0.1, "SPEAKER_00")]);
    engine.then_live(script.stalls_at(0.1, Duration::from_secs(3)));
    let limits = LiveLimits {
        client_timeout: Duration::from_secs(1),
        ..patient()
    };
    let server = live_server(&engine, limits).await;
    let (id, mut client) = connect(&server).await;
    client.audio(1).await;
    client.end().await;
    let received = client.rest().await;
    assert_eq!(
        (received.messages.len(), received.close.unwrap().0),
        (2, 1000)
    );
    assert_eq!(status(&server, &id).await, "done");
}

/// A client that sends audio and never reads blocks neither the engine nor the server.
#[tokio::test]
async fn a_client_that_reads_no_events() {
    let engine = ScriptedEngine::new();
    // More events than the buffers of the connection hold.
    let long_name = "S".repeat(10_000);
    let events = (0..2_000).map(|_| SpeakerEvent::start(0.1, long_name.clone()));
    engine.then_live(ScriptedLive::new(events));
    let limits = LiveLimits {
        client_timeout: Duration::from_millis(300),
        ..patient()
    };
    let server = live_server(&engine, limits).await;
    let (id, mut client) = connect(&server).await;
    client.audio(1).await;
    wait_for_status(&server, &id, "error").await;
    wait_for_end(&server, "unresponsive", 1).await;
    assert_eq!(server.open_streams(), 0);
    drop(client);
}

#[tokio::test]
async fn injected_faults_reject_the_connection() {
    let server = live_server(&ScriptedEngine::new(), patient()).await;
    let (_, url) = create(&server).await;
    let fault = Fault::Status {
        status: http::StatusCode::BAD_GATEWAY,
        retry_after: None,
        body: None,
    };
    server.faults().inject(Operation::ConnectStream, 1, fault);
    assert_eq!(LiveClient::connect(&url).await.err(), Some(502));
    LiveClient::connect(&url).await.unwrap();
}
