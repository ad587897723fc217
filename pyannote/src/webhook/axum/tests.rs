//! Every response, through axum's router.

use std::task::Poll;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, FromRef, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::post;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use super::super::{SIGNATURE, Signer, TIMESTAMP, VerifyError};
use super::*;

const SECRET: &str = "whs_0123456789abcdef";
const BODY: &str = r#"{"jobId":"3c8a89a5","status":"succeeded"}"#;

fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

fn signed(body: impl AsRef<[u8]>) -> HeaderMap {
    Signer::new(SECRET).sign(now(), body)
}

async fn receive(VerifiedEvent(event): VerifiedEvent) -> String {
    format!("{} {}", event.job_id(), event.status())
}

fn verifier() -> Verifier {
    Verifier::new(SECRET).unwrap()
}

fn app(verifier: Verifier) -> Router {
    Router::new()
        .route("/webhook", post(receive))
        .with_state(verifier)
}

async fn respond(app: Router, headers: HeaderMap, body: impl Into<Body>) -> (u16, String) {
    let mut request = Request::post("/webhook").body(body.into()).unwrap();
    request.headers_mut().extend(headers);
    let response = app.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 10_000).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn without(name: &str) -> HeaderMap {
    let mut headers = signed(BODY);
    headers.remove(name);
    headers
}

fn with(name: &'static str, value: &'static str) -> HeaderMap {
    let mut headers = signed(BODY);
    headers.insert(name, HeaderValue::from_static(value));
    headers
}

#[tokio::test]
async fn every_response() {
    let unverified = (401, "the delivery cannot be verified\n");
    let invalid_timestamp = (400, "the delivery has no valid timestamp\n");
    let not_an_event = (400, "the body is not a job event\n");
    for (case, headers, body, expected) in [
        ("authentic", signed(BODY), BODY, (200, "3c8a89a5 succeeded")),
        ("no headers", HeaderMap::new(), BODY, unverified),
        ("no signature", without(SIGNATURE), BODY, unverified),
        ("garbled signature", with(SIGNATURE, "00"), BODY, unverified),
        (
            "tampered",
            signed(BODY),
            r#"{"jobId":"3c8a89a6","status":"succeeded"}"#,
            unverified,
        ),
        (
            "forged",
            Signer::new("whs_guessed").sign(now(), BODY),
            BODY,
            unverified,
        ),
        (
            "empty secret",
            Signer::new("").sign(now(), BODY),
            BODY,
            unverified,
        ),
        (
            "too old",
            Signer::new(SECRET).sign(now() - 400, BODY),
            BODY,
            unverified,
        ),
        (
            "too new",
            Signer::new(SECRET).sign(now() + 400, BODY),
            BODY,
            unverified,
        ),
        ("no timestamp", without(TIMESTAMP), BODY, invalid_timestamp),
        (
            "garbled timestamp",
            with(TIMESTAMP, "soon"),
            BODY,
            invalid_timestamp,
        ),
        ("not JSON", signed("hello"), "hello", not_an_event),
        ("no event", signed("{}"), "{}", not_an_event),
        ("empty", signed(""), "", not_an_event),
    ] {
        let (status, text) = respond(app(verifier()), headers, body).await;
        assert_eq!((status, text.as_str()), expected, "{case}");
    }
}

#[tokio::test]
async fn replay_gets_200_and_is_not_handled() {
    let app = app(verifier().replay_guard(10));
    let headers = signed(BODY);
    let first = respond(app.clone(), headers.clone(), BODY).await;
    assert_eq!(first, (200, "3c8a89a5 succeeded".to_owned()));
    for _ in 0..2 {
        let replayed = respond(app.clone(), headers.clone(), BODY).await;
        assert_eq!(replayed, (200, "received before\n".to_owned()));
    }
}

#[tokio::test]
async fn retry_of_a_forgotten_delivery_is_handled() {
    async fn fail(
        State(verifier): State<Verifier>,
        VerifiedEvent(event): VerifiedEvent,
    ) -> StatusCode {
        verifier.forget(event.delivery());
        StatusCode::SERVICE_UNAVAILABLE
    }
    let app: Router = Router::new()
        .route("/webhook", post(fail))
        .with_state(verifier().replay_guard(10));
    let headers = signed(BODY);
    for _ in 0..2 {
        let (status, _) = respond(app.clone(), headers.clone(), BODY).await;
        assert_eq!(status, 503);
    }
}

/// An event of a succeeded job, padded to this many bytes.
fn event_of(bytes: usize) -> String {
    let mut body = BODY.replace('}', r#","filler":""#);
    let filler = bytes - body.len() - 2;
    body.extend(std::iter::repeat_n('x', filler));
    body.push_str("\"}");
    assert_eq!(body.len(), bytes);
    body
}

#[tokio::test]
async fn body_may_exceed_the_default_limit_of_axum() {
    let body = event_of(3_000_000);
    let (status, text) = respond(app(verifier()), signed(&body), body).await;
    assert_eq!((status, text.as_str()), (200, "3c8a89a5 succeeded"));
}

#[tokio::test]
async fn limit_is_64_mib_unless_the_application_sets_one() {
    let limit = |bytes| Some(DefaultBodyLimit::max(bytes));
    for (limit, bytes, expected) in [
        (None, DEFAULT_LIMIT_BYTES, 400),
        (None, DEFAULT_LIMIT_BYTES + 1, 413),
        (limit(1_000), 1_000, 400),
        (limit(1_000), 1_001, 413),
        (limit(DEFAULT_LIMIT_BYTES + 1), DEFAULT_LIMIT_BYTES + 1, 400),
        (
            Some(DefaultBodyLimit::disable()),
            DEFAULT_LIMIT_BYTES + 1,
            400,
        ),
    ] {
        let mut app = app(verifier());
        if let Some(limit) = limit {
            app = app.layer(limit);
        }
        // Its length is not announced. After the limit, nothing is read, so 400 means that the limit is not reached.
        let parts = futures_util::stream::iter([Ok(vec![b' '; bytes]), Err("gone")]);
        let (status, _) = respond(app, signed(BODY), Body::from_stream(parts)).await;
        assert_eq!(status, expected, "{bytes} bytes, {limit:?}");
    }
}

#[tokio::test]
async fn refuses_before_it_reads_the_body() {
    let signed_at = |seconds| Signer::new("whs_guessed").sign(seconds, BODY);
    for (case, headers, status) in [
        ("no headers", HeaderMap::new(), 401),
        ("no signature", without(SIGNATURE), 401),
        ("no timestamp", without(TIMESTAMP), 400),
        ("garbled signature", with(SIGNATURE, "v0=00"), 401),
        ("garbled timestamp", with(TIMESTAMP, "soon"), 400),
        ("too old", signed_at(now() - 400), 401),
        ("too new", signed_at(now() + 400), 401),
    ] {
        let unread =
            futures_util::stream::poll_fn(|_| -> Poll<Option<Result<Bytes, std::io::Error>>> {
                panic!("the body is read")
            });
        let (actual, _) = respond(app(verifier()), headers, Body::from_stream(unread)).await;
        assert_eq!(actual, status, "{case}");
    }
}

/// Sends an unfinished request to a server on loopback, and returns the status of its response.
async fn respond_to_the_start(
    app: Router,
    headers: HeaderMap,
    framing: &str,
    start: &str,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut head = format!("POST /webhook HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n");
    for (name, value) in &headers {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    stream
        .write_all(format!("{head}\r\n{start}").as_bytes())
        .await
        .unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    String::from_utf8(status.to_vec()).unwrap()
}

// Time passes by itself whenever nothing else can happen.
#[tokio::test(start_paused = true)]
async fn slow_and_large_bodies_on_loopback() {
    let long = "content-length: 100000";
    let too_long = "content-length: 1000000000";
    let chunked = "transfer-encoding: chunked";
    let small = || app(verifier()).layer(DefaultBodyLimit::max(10));
    for (case, app, headers, framing, start, status) in [
        ("stalled", app(verifier()), signed(BODY), long, BODY, "408"),
        ("not begun", app(verifier()), signed(BODY), long, "", "408"),
        (
            "unsigned",
            app(verifier()),
            HeaderMap::new(),
            long,
            "",
            "401",
        ),
        (
            "announced as large",
            app(verifier()),
            signed(BODY),
            too_long,
            "",
            "413",
        ),
        (
            "large",
            small(),
            signed(BODY),
            chunked,
            "b\r\n0123456789a\r\n",
            "413",
        ),
    ] {
        let response = respond_to_the_start(app, headers, framing, start).await;
        assert_eq!(response, format!("HTTP/1.1 {status}"), "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn read_timeout_is_10_s_unless_the_verifier_has_one() {
    for (verifier, expected) in [
        (verifier(), Duration::from_secs(10)),
        (
            verifier().read_timeout(Duration::from_secs(3)),
            Duration::from_secs(3),
        ),
    ] {
        let start = tokio::time::Instant::now();
        let silent =
            Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let (status, text) = respond(app(verifier), signed(BODY), silent).await;
        assert_eq!(
            (status, text.as_str()),
            (408, "the body did not arrive in time\n")
        );
        // Timers have a resolution of 1 ms.
        assert_eq!(start.elapsed().as_secs(), expected.as_secs());
    }
}

#[tokio::test]
async fn incomplete_body_is_rejected() {
    let parts = futures_util::stream::iter([
        Ok(Bytes::from_static(BODY.as_bytes())),
        Err(std::io::Error::other("gone")),
    ]);
    let broken = Body::from_stream(parts);
    let (status, text) = respond(app(verifier()), signed(BODY), broken).await;
    assert_eq!((status, text.as_str()), (400, "the body is incomplete\n"));
}

#[tokio::test]
async fn verifier_may_be_part_of_the_state() {
    #[derive(Clone)]
    struct App {
        verifier: Verifier,
    }
    impl FromRef<App> for Verifier {
        fn from_ref(app: &App) -> Self {
            app.verifier.clone()
        }
    }
    let verifier = verifier().tolerance(Duration::from_secs(10));
    let app: Router = Router::new()
        .route("/webhook", post(receive))
        .with_state(App { verifier });
    assert_eq!(respond(app.clone(), signed(BODY), BODY).await.0, 200);
    let old = Signer::new(SECRET).sign(now() - 60, BODY);
    assert_eq!(respond(app, old, BODY).await.0, 401);
}

#[tokio::test]
async fn handler_can_get_the_rejection() {
    async fn explain(event: Result<VerifiedEvent, EventRejection>) -> String {
        match event {
            Ok(VerifiedEvent(event)) => event.job_id().to_string(),
            Err(rejection) => format!("{} {rejection}", rejection.status()),
        }
    }
    let app: Router = Router::new()
        .route("/webhook", post(explain))
        .with_state(verifier());
    let (_, text) = respond(app, with(SIGNATURE, "00"), BODY).await;
    let expected = format!("401 Unauthorized {}", VerifyError::BadSignature);
    assert_eq!(text, expected);
}
