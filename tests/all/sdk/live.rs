//! Live sessions of the SDK with a scripted service.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use pyannote::live::{LiveEvent, LiveEvents, LiveSession, StreamStatus};
use pyannote::testing::ManualClock;
use pyannote::{Client, ClientBuilder, Error, ErrorKind, Turn};
use pyannote_tests::http::{Response, TestServer};
use pyannote_tests::live_service::{LiveService, Script, Step, TOKEN, speaker_end, speaker_start};
use tokio::net::TcpListener;

use super::logs::Logs;

const SECOND: usize = 16_000;
const END: &str = r#"{"type":"end_of_stream"}"#;

fn builder(url: &str) -> (ClientBuilder, ManualClock) {
    let clock = ManualClock::auto_advancing();
    let builder = Client::builder()
        .api_key("secret-key")
        .base_url(url)
        .clock(Arc::new(clock.clone()));
    (builder, clock)
}

async fn service(scripts: impl IntoIterator<Item = Vec<Step>>) -> (LiveService, Client) {
    let service = LiveService::start(scripts.into_iter().map(Script::Open)).await;
    let (builder, _) = builder(service.url());
    let client = builder.build().unwrap();
    (service, client)
}

/// A session with one connection.
async fn session(steps: impl Into<Vec<Step>>) -> (LiveService, LiveSession) {
    let (service, client) = service([steps.into()]).await;
    let session = client.live().connect().await.unwrap();
    (service, session)
}

/// All events, and the error at the end.
async fn drain(events: &mut LiveEvents) -> (Vec<LiveEvent>, Option<Error>) {
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => all.push(event),
            Err(error) => {
                assert!(events.next().await.is_none());
                return (all, Some(error));
            }
        }
    }
    (all, None)
}

#[tokio::test]
async fn audio_is_sent_in_frames_and_events_become_turns() {
    let steps = [
        Step::Frames(20),
        speaker_start(0.5, "SPEAKER_00"),
        speaker_start(1.0, "SPEAKER_01"),
        speaker_end(1.5, "SPEAKER_00"),
        Step::End,
        speaker_end(2.25, "SPEAKER_01"),
    ];
    let (service, mut session) = session(steps).await;
    assert_eq!(session.stream_id().as_str(), "stream-1");
    let samples: Vec<f32> = (0..2 * SECOND + 4_000).map(|n| n as f32 / 1e6).collect();
    for piece in samples.chunks(777) {
        session.send(piece).await.unwrap();
    }
    let first = session.events().next().await.unwrap().unwrap();
    let speaker = "SPEAKER_00".to_owned();
    assert_eq!(first, LiveEvent::SpeakerStart { time: 0.5, speaker });
    assert_eq!(
        session.events().speaking().collect::<Vec<_>>(),
        ["SPEAKER_00"]
    );
    let turns = session.finish().await.unwrap();
    let expected = [
        Turn::new(0.5, 1.5, "SPEAKER_00"),
        Turn::new(1.0, 2.25, "SPEAKER_01"),
    ];
    assert_eq!(*turns, expected);

    let received = &service.received()[0];
    assert_eq!(received.frame_bytes, [6_400; 23]);
    assert_eq!(received.samples[..samples.len()], samples);
    assert!(
        received.samples[samples.len()..]
            .iter()
            .all(|sample| *sample == 0.0)
    );
    assert_eq!(received.texts, [END]);
    let head = received.head.to_ascii_lowercase();
    assert!(
        !head.contains("authorization") && !head.contains("secret-key"),
        "{head}"
    );
    assert!(head.contains("user-agent: pyannote-rust/"), "{head}");
    assert!(
        service.created()[0].ends_with("\r\n\r\n{}"),
        "{:?}",
        service.created()
    );
}

#[tokio::test]
async fn a_file_is_sent_in_real_time() {
    let service = LiveService::start([Script::Open(vec![Step::End])]).await;
    let (builder, clock) = builder(service.url());
    let mut session = builder.build().unwrap().live().connect().await.unwrap();
    session.send(&vec![0.0; 60 * SECOND]).await.unwrap();
    session.finish().await.unwrap();
    assert_eq!(service.received()[0].frame_bytes.len(), 600);
    let waited: Duration = clock.sleeps().into_iter().sum();
    assert_eq!(waited, Duration::from_secs(56), "4 s ahead at the end");
}

#[tokio::test]
async fn unknown_messages_are_events() {
    let unknown = [
        r#"{"type":"transcript","data":{"text":"Hello"}}"#,
        "not JSON",
        "[1]",
    ];
    let steps = unknown.map(|text| Step::Send(text.to_owned())).into_iter();
    let problem = Step::Send(r#"{"type":"error","message":"Invalid chunk size"}"#.to_owned());
    let (_service, session) = session(steps.chain([problem, Step::End]).collect::<Vec<_>>()).await;
    let (sender, mut events) = session.split();
    sender.finish();
    let (events, error) = drain(&mut events).await;
    assert!(error.is_none(), "{error:?}");
    let message = "Invalid chunk size".to_owned();
    let expected = unknown.map(|message| LiveEvent::Unknown {
        message: message.to_owned(),
    });
    assert_eq!(events[..3], expected);
    assert_eq!(events[3..], [LiveEvent::Error { message }]);
}

#[tokio::test]
async fn dropping_the_session_ends_the_stream() {
    let (service, mut session) = session([Step::End]).await;
    session.send(&[0.5; 100]).await.unwrap();
    drop(session);
    while service.received()[0].texts.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(service.received()[0].texts, [END]);
    assert_eq!(service.received()[0].samples[..100], [0.5; 100]);
}

/// The error of a session that sends audio until it fails, and whether events say the same.
async fn failure(step: Step) -> Error {
    let problem = Step::Send(r#"{"type":"error","message":"Too much audio"}"#.to_owned());
    let (_service, mut session) = session([problem, Step::Frames(1), step]).await;
    loop {
        if let Err(error) = session.send(&[0.0; 1_600]).await {
            assert!(session.send(&[0.0]).await.is_err());
            let (events, none) = drain(session.events()).await;
            assert!(
                matches!(&events[..], [LiveEvent::Error { .. }]),
                "{events:?}"
            );
            assert!(none.is_none());
            return error;
        }
    }
}

#[tokio::test]
async fn ends_have_kinds_and_codes() {
    for (step, kind, code) in [
        (
            Step::Close(1008, "no audio"),
            ErrorKind::StreamRejected,
            Some(1008),
        ),
        (
            Step::Close(1011, "internal"),
            ErrorKind::StreamFailed,
            Some(1011),
        ),
        (Step::Close(1000, ""), ErrorKind::StreamFailed, Some(1000)),
        (
            Step::Close(4321, "other"),
            ErrorKind::StreamFailed,
            Some(4321),
        ),
        (Step::Drop, ErrorKind::Network, None),
    ] {
        let name = format!("{step:?}");
        let error = failure(step).await;
        assert_eq!(
            (error.kind(), error.close_code()),
            (kind, code),
            "{name}: {error:?}"
        );
        let is_explained = error.to_string().contains("it says: Too much audio");
        assert_eq!(is_explained, code.is_some(), "{name}: {error}");
    }
}

#[tokio::test]
async fn turns_that_are_open_at_a_failure_end_with_the_audio() {
    let steps = [
        Step::Frames(1),
        speaker_start(0.05, "SPEAKER_00"),
        Step::Close(1011, ""),
    ];
    let (_service, session) = session(steps).await;
    let (mut sender, mut events) = session.split();
    sender.send(&[0.0; 1_600]).await.unwrap();
    assert!(drain(&mut events).await.1.is_some());
    assert_eq!(*events.turns(), [Turn::new(0.05, 0.1, "SPEAKER_00")]);
}

/// The error of a session whose service sends nothing for the stall timeout, after the first frame or the end.
async fn stalled(steps: Vec<Step>, finishes: bool) -> Error {
    let service = LiveService::start([Script::Open(steps)]).await;
    let (builder, clock) = builder(service.url());
    let client = builder
        .stall_timeout(Duration::from_secs(30))
        .build()
        .unwrap();
    let (mut sender, mut events) = client.live().connect().await.unwrap().split();
    sender.send(&[0.0; 1_600]).await.unwrap();
    let _sender = match finishes {
        true => {
            sender.finish();
            None
        }
        false => Some(sender),
    };
    let mut next = Box::pin(events.next());
    for _ in 0..600 {
        clock.advance(Duration::from_secs(1));
        let pause = tokio::time::timeout(Duration::from_millis(1), &mut next);
        if let Ok(event) = pause.await {
            return event.unwrap().unwrap_err();
        }
    }
    panic!("the session waits for a service that does nothing");
}

#[tokio::test]
async fn a_service_that_stops_responding_is_noticed() {
    for finishes in [false, true] {
        let error = stalled(vec![Step::Frames(1), Step::Hang], finishes).await;
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.to_string().contains("also to pings"), "{error}");
    }
}

/// Its connection works, but the end of the stream never comes.
#[tokio::test]
async fn a_service_that_only_responds_to_pings_after_the_end_is_noticed() {
    let error = stalled(vec![Step::End, Step::Idle], true).await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("neither closed"), "{error}");
}

#[tokio::test]
async fn pauses_are_filled_with_silence_if_wanted() {
    let service = LiveService::start([Script::Open(vec![Step::End])]).await;
    let (builder, clock) = builder(service.url());
    let live = builder.build().unwrap().live().keep_alive();
    let mut session = live.connect().await.unwrap();
    session.send(&[0.5; 2_000]).await.unwrap();
    let frames = |service: &LiveService| service.received()[0].frame_bytes.len();
    // The first frame, then 1 s of silence of which the rest of the audio is a part.
    for (advance_ms, expected) in [(0, 1), (999, 1), (1, 11), (100, 12), (100, 13)] {
        clock.advance(Duration::from_millis(advance_ms));
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if frames(&service) >= expected {
                break;
            }
        }
        assert_eq!(frames(&service), expected, "after {advance_ms} ms");
    }
    session.send(&[0.25; 1_600]).await.unwrap();
    session.finish().await.unwrap();
    let samples = &service.received()[0].samples;
    assert_eq!(samples.len(), 14 * 1_600);
    assert_eq!(samples[..2_000], [0.5; 2_000]);
    assert!(
        samples[2_000..13 * 1_600]
            .iter()
            .all(|sample| *sample == 0.0)
    );
    assert_eq!(samples[13 * 1_600..], [0.25; 1_600]);
}

#[tokio::test]
async fn a_session_continues_with_a_new_stream() {
    let (service, client) = service([
        vec![
            Step::Frames(10),
            speaker_start(0.25, "SPEAKER_00"),
            Step::Drop,
        ],
        vec![
            Step::Frames(5),
            speaker_start(0.5, "SPEAKER_00"),
            Step::Close(1011, "restart"),
        ],
        vec![Step::End, speaker_start(0.1, "SPEAKER_01")],
    ])
    .await;
    let live = client.live().reconnect(2);
    let (mut sender, mut events) = live.connect().await.unwrap().split();
    let samples: Vec<f32> = (0..5 * SECOND).map(|n| n as f32 / 1e6).collect();
    for frame in samples.chunks(1_600) {
        sender.send(frame).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    sender.finish();
    let (all, error) = drain(&mut events).await;
    assert!(error.is_none(), "{error:?}");
    let gaps: Vec<_> = all
        .iter()
        .filter_map(|event| match event {
            LiveEvent::Reconnected { gap, stream_id } => {
                Some((gap.start, gap.end, stream_id.as_str()))
            }
            _ => None,
        })
        .collect();
    let [(start, first_s, "stream-2"), (_, second_s, "stream-3")] = gaps[..] else {
        panic!("{gaps:?}");
    };
    assert_eq!(start, 0.25, "the last event");
    assert!(first_s >= 1.0 && second_s >= first_s + 0.5, "{gaps:?}");
    let turns = events.turns();
    let turns: Vec<_> = turns
        .iter()
        .map(|turn| (turn.start, turn.end, turn.speaker.as_str()))
        .collect();
    let expected = [
        (0.25, first_s, "SPEAKER_00"),
        (first_s + 0.5, second_s, "SPEAKER_00-2"),
        (second_s + 0.1, 5.0, "SPEAKER_01-3"),
    ];
    assert_eq!(turns, expected);
    // What the service received last is what it should have: no frame was skipped or sent twice.
    let last = &service.received()[2].samples;
    let first = (second_s * SECOND as f64).round() as usize;
    assert_eq!(last[..], samples[first..]);
    assert_eq!(service.received()[2].texts, [END]);
}

#[tokio::test]
async fn a_session_does_not_continue_after_its_own_mistake_or_too_often() {
    let reject = vec![Step::Frames(1), Step::Close(1008, "too fast")];
    let lose = vec![Step::Frames(1), Step::Drop];
    for (scripts, kind) in [
        (vec![reject.clone()], ErrorKind::StreamRejected),
        (vec![lose.clone(), reject], ErrorKind::StreamRejected),
        (vec![lose.clone(), lose.clone(), lose], ErrorKind::Network),
    ] {
        let (service, client) = service(scripts.clone()).await;
        let mut session = client.live().reconnect(2).connect().await.unwrap();
        let error = loop {
            if let Err(error) = session.send(&[0.0; 1_600]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), kind, "{error:?}");
        assert_eq!(service.created().len(), scripts.len());
    }
}

#[tokio::test]
async fn handshakes_that_fail_have_kinds() {
    let response = |status: &str, headers: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}")
    };
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\n";
    for (response, kind, text) in [
        (
            response("401 Unauthorized", "", &format!("token {TOKEN} was used")),
            ErrorKind::Unauthorized,
            "does not accept the token",
        ),
        (
            response("403 Forbidden", "", ""),
            ErrorKind::Forbidden,
            "(HTTP 403)",
        ),
        (
            response("407 Proxy Authentication Required", "", ""),
            ErrorKind::Config,
            "the proxy requires",
        ),
        (
            response("502 Bad Gateway", "", "<html>"),
            ErrorKind::Server,
            "or a proxy",
        ),
        (
            response("200 OK", "", "Sign in"),
            ErrorKind::UnexpectedStatus,
            "check the proxy",
        ),
        (
            response("301 Moved", "location: https://example.com/\r\n", ""),
            ErrorKind::UnexpectedStatus,
            "check the proxy",
        ),
        (
            format!(
                "HTTP/1.1 101 Switching Protocols\r\n{upgrade}sec-websocket-accept: AAAA\r\n\r\n"
            ),
            ErrorKind::Decode,
            "did not open a WebSocket",
        ),
        (String::new(), ErrorKind::Network, "was lost"),
    ] {
        let service = LiveService::start([Script::Refuse(response.clone())]).await;
        let (builder, _) = builder(service.url());
        let error = builder.build().unwrap().live().connect().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{response}: {error:?}");
        let all = format!("{error:#} {error:?}");
        assert!(all.contains(text), "{all}");
        assert!(!all.contains(TOKEN), "{all}");
    }
}

#[tokio::test]
async fn the_token_is_in_no_error_no_log_and_no_debug_output() {
    let logs = Logs::default();
    let _guard = logs.record();
    let service = LiveService::start([Script::Open(vec![
        Step::Send(format!(
            r#"{{"type":"error","message":"{TOKEN} is invalid"}}"#
        )),
        Step::Close(1008, TOKEN),
    ])])
    .await;
    let (builder, _) = builder(service.url());
    let live = builder.build().unwrap().live();
    let stream = live.create().await.unwrap();
    assert_eq!(stream.id().as_str(), "stream-1");
    let mut texts = vec![format!("{live:?} {stream:?}")];
    let mut session = stream.connect().await.unwrap();
    texts.push(format!("{session:?}"));
    let (_, error) = drain(session.events()).await;
    texts.push(format!("{error:?} {:#}", error.as_ref().unwrap()));
    let logged = logs.text();
    assert!(logged.contains("create_stream"), "{logged}");
    texts.push(logged);
    for text in texts {
        assert!(
            !text.contains(TOKEN) && !text.contains("secret-key"),
            "{text}"
        );
    }
}

/// The service creates a stream, but its WebSocket cannot be reached.
#[tokio::test]
async fn connections_that_fail_have_kinds() {
    // Neither reads nor responds.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("ws://{}", silent.local_addr().unwrap());
    for (name, url, kind) in [
        ("refused", "ws://127.0.0.1:1", ErrorKind::Connect),
        ("no such host", "wss://host.invalid", ErrorKind::Connect),
        ("not TLS", "", ErrorKind::Connect),
    ] {
        let service = LiveService::start([]).await;
        service.set_socket_url(match url {
            "" => service.url().replacen("http", "wss", 1),
            url => url.to_owned(),
        });
        let (builder, _) = builder(service.url());
        let error = builder.build().unwrap().live().connect().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error:?}");
        let all = format!("{error:#} {error:?}");
        assert!(!all.contains(TOKEN), "{name}: {all}");
        // Another stream would be another matter.
        assert_eq!(service.created().len(), 1, "{name}");
    }
    let service = LiveService::start([]).await;
    service.set_socket_url(silent);
    let (builder, clock) = builder(service.url());
    let client = builder.build().unwrap();
    let live = client.live();
    let mut connect = Box::pin(live.connect());
    let error = loop {
        clock.advance(Duration::from_secs(1));
        let pause = tokio::time::timeout(Duration::from_millis(1), &mut connect);
        if let Ok(connected) = pause.await {
            break connected.unwrap_err();
        }
    };
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("within 60 s"), "{error}");
}

/// A service cannot fill the memory of its clients with one message.
#[tokio::test]
async fn messages_that_are_too_large_end_the_connection() {
    let script = vec![Step::Send("x".repeat(2 << 20)), Step::End];
    let (_service, session) = session(script).await;
    let (_sender, mut events) = session.split();
    let (events, error) = drain(&mut events).await;
    assert_eq!(events, []);
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(format!("{error:#}").contains("too long"), "{error:#}");
}

#[tokio::test]
async fn urls_of_other_schemes_are_rejected() {
    for (url, kind) in [
        ("ws://example.com", ErrorKind::Config),
        ("https://example.com", ErrorKind::Decode),
        ("file://", ErrorKind::Decode),
        ("wss://user:password@example.com", ErrorKind::Decode),
        ("", ErrorKind::Decode),
    ] {
        let service = LiveService::start([]).await;
        service.set_socket_url(url);
        let (builder, _) = builder(service.url());
        let error = builder.build().unwrap().live().create().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{url}: {error:?}");
        assert!(!format!("{error:?}").contains(TOKEN), "{error:?}");
    }
}

#[tokio::test]
async fn a_stream_cannot_be_created_without_access() {
    let forbidden = Response::new(403, r#"{"message":"Streaming is disabled"}"#);
    let server = TestServer::with_responses([forbidden]).await;
    let (client, _) = super::client(&server);
    let error = client.live().connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(
        error.to_string().contains("Streaming is disabled"),
        "{error}"
    );
}

#[tokio::test]
async fn the_status_of_a_stream_is_read() {
    let body = r#"{"id":"a/b","status":"paused","startedAt":"2026-11-26T10:00:00Z","completedAt":null,"input":{}}"#;
    let server = TestServer::with_responses([Response::ok(body)]).await;
    let (client, _) = super::client(&server);
    let info = client.live().status(&"a/b".into()).await.unwrap();
    assert_eq!(server.request_lines(), ["GET /v1/live/a%2Fb"]);
    assert_eq!(info.status, Some(StreamStatus::Other("paused".to_owned())));
    assert!(info.started_at.is_some() && info.completed_at.is_none());
    let error = client.live().status(&" ".into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[allow(dead_code, reason = "the program itself does not run here")]
#[path = "../../../pyannote/examples/live_words.rs"]
mod live_words;

#[allow(dead_code, reason = "the program itself does not run here")]
#[path = "../../../pyannote/examples/live_speakers.rs"]
mod live_speakers;

#[tokio::test]
async fn the_example_assigns_words_to_live_turns() {
    let steps = vec![
        Step::Frames(20),
        speaker_start(0.5, "SPEAKER_00"),
        speaker_end(2.0, "SPEAKER_00"),
        speaker_start(2.5, "SPEAKER_01"),
        Step::End,
        speaker_end(4.0, "SPEAKER_01"),
    ];
    let (_service, client) = service([steps]).await;
    let words = "3.0 3.4 there.\n0.6 1.0 Hello,\n1.0 1.4 Bob.\n2.6 3.0 Hi\n9.0 9.5 lost\n";
    let recognizer = live_words::Recognizer::parse(words).unwrap();
    let mut output = Vec::new();
    let samples = vec![0.0; 5 * SECOND];
    live_words::transcribe(&client, samples, recognizer, &mut output)
        .await
        .unwrap();
    // The audio is sent faster than in reality, so some words are assigned before the events arrive, and corrected.
    let output = String::from_utf8(output).unwrap();
    let lines = output
        .lines()
        .map(|line| line.trim_start_matches("corrected: "));
    let last: BTreeMap<_, _> = lines.filter_map(|line| line.split_once(' ')).collect();
    let expected = [
        ("0.60", "SPEAKER_00: Hello,"),
        ("1.00", "SPEAKER_00: Bob."),
        ("2.60", "SPEAKER_01: Hi"),
        ("3.00", "SPEAKER_01: there."),
        ("9.00", "?: lost"),
    ];
    assert_eq!(last, BTreeMap::from(expected), "{output}");
    assert!(live_words::Recognizer::parse("1.0 Hello").is_err());
}

#[tokio::test]
async fn the_example_gives_each_speaker_a_recognizer() {
    let steps = vec![
        Step::Frames(40),
        speaker_start(0.5, "SPEAKER_00"),
        speaker_start(1.0, "SPEAKER_01"),
        speaker_end(2.0, "SPEAKER_00"),
        Step::End,
        speaker_end(2.5, "SPEAKER_01"),
        speaker_start(3.0, "SPEAKER_00"),
        speaker_end(4.0, "SPEAKER_00"),
    ];
    let (_service, client) = service([steps]).await;
    let mut output = Vec::new();
    let samples = vec![0.0; 5 * SECOND];
    live_speakers::transcribe(&client, &samples, &mut output)
        .await
        .unwrap();
    let expected = "0.5 2.0 SPEAKER_00: 1.5 s of audio, 1.5 s in all\n\
                    1.0 2.5 SPEAKER_01: 1.5 s of audio, 1.5 s in all\n\
                    3.0 4.0 SPEAKER_00: 1.0 s of audio, 2.5 s in all\n";
    assert_eq!(String::from_utf8(output).unwrap(), expected);
}
