//! The size of responses, and responses that stall.

use std::error::Error as _;
use std::time::Duration;

use pyannote::{Client, Diarization, Error, ErrorKind, Job, ResponseLimits, RetryPolicy};
use pyannote_tests::http::{Response, TestServer};

use super::{AUDIO, CREATED, builder};

/// What may arrive beyond a limit before it is noticed.
const MAX_EXCESS_BYTES: u64 = 1 << 20;

/// A client with small limits, for a server that sends this response only.
async fn small(response: Response) -> (TestServer, Client) {
    let server = TestServer::with_responses([response]).await;
    let limits = ResponseLimits::default()
        .job(3_000)
        .list(2_000)
        .other(1_000);
    let (builder, _) = builder(&server);
    let client = builder.response_limits(limits).build().unwrap();
    (server, client)
}

/// The error of each kind of read, and the name and size of its limit.
async fn errors(client: &Client) -> [(Error, &'static str, u64); 3] {
    let job: Job<Diarization> = client.job("1");
    [
        (job.status().await.unwrap_err(), "job", 3_000),
        (client.jobs().page(None).await.unwrap_err(), "list", 2_000),
        (client.test_key().await.unwrap_err(), "other", 1_000),
    ]
}

#[tokio::test]
async fn an_endless_response_ends_at_the_limit_of_its_kind() {
    let (server, client) = small(Response::endless(&[b' '; 512])).await;
    for (error, name, max_bytes) in errors(&client).await {
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        let limit = format!("more than {max_bytes} bytes");
        let setting = format!("`.response_limits(ResponseLimits::default().{name}(bytes))`");
        let text = error.to_string();
        assert!(text.contains(&limit) && text.contains(&setting), "{text}");
    }
    assert_eq!(server.request_count(), 3, "not retried");
    let received = client.metrics().bytes_received;
    assert!(received < 6_000 + MAX_EXCESS_BYTES, "{received}");
}

#[tokio::test]
async fn a_response_that_announces_too_many_bytes_fails_before_they_arrive() {
    // The body never arrives.
    let (_server, client) = small(Response::stalled(&"1".repeat(4_000), 0)).await;
    for (error, ..) in errors(&client).await {
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    }
    assert_eq!(client.metrics().bytes_received, 0);
}

#[tokio::test]
async fn a_response_of_exactly_the_limit_is_read() {
    let body = format!(r#"{{"status":"OK"{}}}"#, " ".repeat(1_000 - 15));
    assert_eq!(body.len(), 1_000);
    let (_server, client) = small(Response::ok(body.clone())).await;
    client.test_key().await.unwrap();
    let (_server, client) = small(Response::ok(body + " ")).await;
    client.test_key().await.unwrap_err();
}

#[tokio::test]
async fn a_submission_whose_response_is_too_large_may_have_been_accepted() {
    let (server, client) = small(Response::endless(&[b' '; 512])).await;
    let error = client.diarize(AUDIO).submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    let cause: &Error = error.source().unwrap().downcast_ref().unwrap();
    assert_eq!(cause.kind(), ErrorKind::TooLarge);
    assert_eq!(server.request_count(), 1);
    assert_eq!(client.metrics().submissions_unknown, 1);
}

#[tokio::test]
async fn an_endless_explanation_does_not_hide_the_status() {
    let response = Response::endless_with_status(401, &[b'x'; 16 * 1024]);
    let (_server, client) = small(response).await;
    let error = client.test_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    let received = client.metrics().bytes_received;
    assert!(received < 2 * MAX_EXCESS_BYTES, "{received}");
}

#[tokio::test]
async fn raw_calls_have_the_same_limits() {
    let (_server, client) = small(Response::endless(&[b' '; 512])).await;
    let error = client.raw().test_key().send().await.unwrap_err();
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(text.contains("more than 1000 bytes"), "{text}");
}

/// A client with a short stall timeout, and otherwise long ones.
fn impatient(server: &TestServer) -> Client {
    Client::builder()
        .api_key("secret-key")
        .base_url(server.url())
        .stall_timeout(Duration::from_millis(100))
        .retry(RetryPolicy::none())
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_response_that_stalls_ends_the_attempt() {
    let server = TestServer::with_responses([Response::stalled(CREATED, 10)]).await;
    let client = impatient(&server);
    let error = client.test_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let text = error.to_string();
    assert!(
        text.contains("for 0.1 s") && text.contains(".stall_timeout("),
        "{text}"
    );
    let error = client.diarize(AUDIO).submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    let cause: &Error = error.source().unwrap().downcast_ref().unwrap();
    assert_eq!(cause.kind(), ErrorKind::Timeout);
    assert_eq!(server.request_count(), 2);
    let results: Vec<_> = client.metrics().requests;
    assert!(
        results.iter().all(|count| count.result == "stalled"),
        "{results:?}"
    );
}

#[tokio::test]
async fn an_explanation_that_stalls_does_not_hide_the_status() {
    let head = "HTTP/1.1 402 Status\r\ncontent-length: 100\r\n\r\n{";
    let server = TestServer::with_responses([Response::raw_stalled(head)]).await;
    let error = impatient(&server).test_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PaymentRequired);
}
