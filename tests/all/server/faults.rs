//! Injected faults, and how the SDK handles them.

use std::sync::Arc;
use std::time::Duration;

use pyannote::testing::ManualClock;
use pyannote::{Client, ErrorKind};
use pyannote_server::{Fault, Operation, ScriptedEngine, Server};
use pyannote_tests::http::{Response, TestServer};
use reqwest::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{AUDIO, KEY, builder, get, server, server_with, status_and_body};

/// A client with a clock that skips sleeps.
fn client(server: &Server) -> Client {
    Client::builder()
        .api_key(KEY)
        .base_url(server.url())
        .clock(Arc::new(ManualClock::auto_advancing()))
        .build()
        .unwrap()
}

fn status(status: u16) -> Fault {
    Fault::Status {
        status: StatusCode::from_u16(status).unwrap(),
        retry_after: None,
        body: None,
    }
}

#[tokio::test]
async fn reads_survive_faults() {
    let server = server().await;
    let faults = server.faults();
    faults.inject(Operation::TestKey, 1, Fault::Reset);
    faults.inject(
        Operation::TestKey,
        1,
        Fault::TruncateBody { after_bytes: 10 },
    );
    faults.inject(Operation::TestKey, 1, status(503));
    client(&server).test_key().await.unwrap();
    assert_eq!((faults.remaining(), server.requests().len()), (0, 4));
}

#[tokio::test]
async fn submissions_are_retried_only_if_they_were_not_accepted() {
    for (fault, kind, requests) in [
        (Fault::Reset, ErrorKind::OutcomeUnknown, 1),
        (
            Fault::TruncateBody { after_bytes: 5 },
            ErrorKind::OutcomeUnknown,
            1,
        ),
        (status(502), ErrorKind::OutcomeUnknown, 1),
        (status(402), ErrorKind::PaymentRequired, 1),
    ] {
        let server = server().await;
        server.faults().inject(Operation::Diarize, 1, fault.clone());
        let error = client(&server).diarize(AUDIO).submit().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}");
        assert_eq!(server.requests().len(), requests);
    }
    let server = server().await;
    let busy = Fault::Status {
        status: StatusCode::TOO_MANY_REQUESTS,
        retry_after: Some(7),
        body: Some(json!({ "requestId": "1", "message": "later" })),
    };
    server.faults().inject(Operation::Diarize, 2, busy);
    client(&server).diarize(AUDIO).submit().await.unwrap();
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn malformed_response() {
    let server = server().await;
    // As many as there are attempts.
    server
        .faults()
        .inject(Operation::ListJobs, 5, Fault::MalformedJson);
    let error = client(&server).jobs().page(None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn delayed_response() {
    let server = server().await;
    let delay = Duration::from_millis(100);
    server
        .faults()
        .inject(Operation::TestKey, 1, Fault::Delay(delay));
    let start = std::time::Instant::now();
    assert_eq!(get(&server, "/v1/test").await.status(), StatusCode::OK);
    assert!(start.elapsed() >= delay);
}

#[tokio::test]
async fn injected_status_has_a_default_body() {
    let server = server().await;
    server.faults().inject(Operation::TestKey, 1, status(500));
    server.faults().inject(Operation::TestKey, 1, status(500));
    server.faults().clear();
    assert_eq!(get(&server, "/v1/test").await.status(), StatusCode::OK);
    server.faults().inject(Operation::TestKey, 1, status(500));
    insta::assert_json_snapshot!(status_and_body(get(&server, "/v1/test").await).await, @r#"
    {
      "status": 500,
      "body": {
        "requestId": "…",
        "message": "Internal Server Error"
      }
    }
    "#);
}

/// All bytes that the server sends on a connection after one request.
async fn raw(server: &Server) -> String {
    let address = server.url().strip_prefix("http://").unwrap();
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET /v1/test HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {KEY}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let _ = socket.read_to_end(&mut response).await;
    String::from_utf8(response).unwrap()
}

#[tokio::test]
async fn reset_and_truncated_body_on_the_wire() {
    let server = server().await;
    server.faults().inject(Operation::TestKey, 1, Fault::Reset);
    assert_eq!(raw(&server).await, "");
    for after in [0, 1, 10] {
        server.faults().inject(
            Operation::TestKey,
            1,
            Fault::TruncateBody { after_bytes: after },
        );
        let response = raw(&server).await;
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("content-length: 44"), "{head}");
        assert_eq!(body.len(), after, "{body}");
    }
}

#[tokio::test]
async fn stuck_job() {
    let engine = ScriptedEngine::new();
    engine.then_stuck();
    let server = server_with(engine).await;
    let client = super::client(&server);
    let job = client.diarize(AUDIO).submit().await.unwrap();
    let mut status = job.status().await.unwrap();
    while status != pyannote::JobStatus::Running {
        tokio::time::sleep(Duration::from_millis(10)).await;
        status = job.status().await.unwrap();
    }
    let error = job.wait().timeout(Duration::ZERO).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitTimeout);
}

#[tokio::test]
async fn a_lost_webhook_is_delivered_again() {
    let mut receiver = TestServer::with_responses([Response::ok("")]).await;
    let builder = builder().webhook_secret("whs").allow_private_networks();
    let server = builder.start().await.unwrap();
    server.faults().fail_webhooks(1);
    let job = super::client(&server)
        .diarize(AUDIO)
        .webhook(receiver.url())
        .submit()
        .await
        .unwrap();
    let delivery = receiver.next_request().await;
    let event = pyannote::webhook::Verifier::new("whs")
        .unwrap()
        .verify(&delivery.headers, &delivery.body)
        .unwrap();
    assert_eq!(event.job_id(), job.id());
    let retry = event.delivery().retry.clone().unwrap();
    assert_eq!(
        (retry.number, retry.reason.as_str()),
        (1, "connection_failed")
    );
    let diarization = event.output::<pyannote::Diarization>().unwrap().unwrap();
    assert_eq!(diarization.turns().len(), 2);
}
