//! Every response, through axum's router.

use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, FromRef, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::post;
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
        (None, DEFAULT_LIMIT_BYTES, 401),
        (None, DEFAULT_LIMIT_BYTES + 1, 413),
        (limit(1_000), 1_000, 401),
        (limit(1_000), 1_001, 413),
        (limit(DEFAULT_LIMIT_BYTES + 1), DEFAULT_LIMIT_BYTES + 1, 401),
        (
            Some(DefaultBodyLimit::disable()),
            DEFAULT_LIMIT_BYTES + 1,
            401,
        ),
    ] {
        let mut app = app(verifier());
        if let Some(limit) = limit {
            app = app.layer(limit);
        }
        // Unsigned: 401 means that the whole body was read. Verifying a body this large would be slow in a test.
        let (status, _) = respond(app, HeaderMap::new(), vec![b' '; bytes]).await;
        assert_eq!(status, expected, "{bytes} bytes, {limit:?}");
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
