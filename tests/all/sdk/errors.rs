//! Error messages.

use pyannote::{Diarization, Error, ErrorKind, Job};
use pyannote_tests::http::{Response, TestServer};

use super::{AUDIO, client};

async fn submit_error(response: Response) -> Error {
    let server = TestServer::with_responses([response]).await;
    let (client, _) = client(&server);
    client.diarize(AUDIO).submit().await.unwrap_err()
}

async fn wait_error(response: Response) -> Error {
    let server = TestServer::with_responses([response]).await;
    let (client, _) = client(&server);
    let job: Job<Diarization> = client.job("1");
    job.wait().await.unwrap_err()
}

#[tokio::test]
async fn messages_of_failed_submissions() {
    let api = |status, message: &str| {
        Response::new(
            status,
            format!(r#"{{"requestId":"37a4c3a0","message":"{message}"}}"#),
        )
    };
    let mut messages = String::new();
    for (response, kind) in [
        (
            Response::new(400, pyannote_tests::body("error_400")),
            ErrorKind::Validation,
        ),
        (api(401, "Invalid API key"), ErrorKind::Unauthorized),
        (
            api(402, "Insufficient credits and no active subscription"),
            ErrorKind::PaymentRequired,
        ),
        (api(403, "Forbidden"), ErrorKind::Forbidden),
        (api(404, "Not found"), ErrorKind::NotFound),
        (Response::new(407, ""), ErrorKind::Config),
        (api(413, "Payload too large"), ErrorKind::TooLarge),
        (api(408, "Timeout"), ErrorKind::OutcomeUnknown),
        (
            api(429, "Too many requests").header("retry-after", 3600),
            ErrorKind::RateLimited,
        ),
        (
            Response::new(418, "<html>I am a teapot</html>").header("content-type", "text/html"),
            ErrorKind::UnexpectedStatus,
        ),
        (
            Response::new(500, "<html>\n<h1>502 Bad Gateway</h1>\n</html>"),
            ErrorKind::OutcomeUnknown,
        ),
    ] {
        let error = submit_error(response).await;
        assert_eq!(error.kind(), kind);
        messages.push_str(&format!("{kind:?}: {error:#}\n"));
    }
    insta::assert_snapshot!(messages);
}

#[tokio::test]
async fn field_errors_of_a_400() {
    let error = submit_error(Response::new(400, pyannote_tests::body("error_400"))).await;
    assert_eq!(error.kind(), ErrorKind::Validation);
    assert_eq!(error.field_errors()[0].field, "url");
    assert_eq!(error.field_errors()[0].message, "Invalid URL");
}

#[tokio::test]
async fn one_odd_part_of_a_400_does_not_hide_the_others() {
    let odd = r#"{"requestId":7,"message":["a","b"],"errors":[
        {"field":"url","message":"Invalid URL"},
        null,
        5,
        "the request is odd",
        {"field":["numSpeakers","maxSpeakers"],"message":null},
        {"field":null,"message":["must be at least 1"],"code":{}},
        {},
        []
    ]}"#;
    let error = submit_error(Response::new(400, odd)).await;
    let fields: Vec<_> = error
        .field_errors()
        .iter()
        .map(|error| (error.field.as_str(), error.message.as_str()))
        .collect();
    assert_eq!(
        fields,
        [
            ("url", "Invalid URL"),
            ("", "5"),
            ("", "the request is odd"),
            ("numSpeakers; maxSpeakers", ""),
            ("", "must be at least 1"),
        ]
    );
    assert_eq!(error.request_id(), Some("7"));
    let text = error.to_string();
    assert!(text.contains("the service says: a; b"), "{text}");
    assert!(text.contains("; the request is odd; "), "{text}");

    let error = submit_error(Response::new(400, r#"{"message":5,"errors":{"url":"x"}}"#)).await;
    assert!(error.field_errors().is_empty());
    let error = submit_error(Response::new(400, "\u{feff}{\"message\":\"no\"}")).await;
    assert!(
        error.to_string().contains("the service says: no"),
        "{error}"
    );
}

#[tokio::test]
async fn an_explanation_of_a_407_is_that_of_the_proxy() {
    let error = submit_error(Response::new(407, r#"{"message":"Sign in first"}"#)).await;
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    assert!(text.ends_with("(the proxy says: Sign in first)"), "{text}");
}

#[tokio::test]
async fn test_key_requires_the_response_of_the_service() {
    for (body, is_valid) in [
        (r#"{"status":"OK","message":"valid"}"#, true),
        (r#"{"status":1}"#, true),
        (r#"{"message":null,"new":[]}"#, true),
        ("<html>Sign in to the hotel's network</html>", false),
        ("", false),
        ("OK", false),
        (r#""status""#, false),
        (r#"["status","message"]"#, false),
        (r#"{"signIn":true}"#, false),
        (r#"{"status":"OK""#, false),
    ] {
        let server = TestServer::with_responses([Response::ok(body)]).await;
        let Err(error) = client(&server).0.test_key().await else {
            assert!(is_valid, "{body}");
            continue;
        };
        assert!(!is_valid, "{body}: {error}");
        assert_eq!(error.kind(), ErrorKind::Decode, "{body}");
        assert_eq!(error.status().unwrap(), 200);
        assert!(error.to_string().contains("sign-in"), "{error}");
    }
}

#[tokio::test]
async fn messages_of_failed_waits() {
    let mut messages = String::new();
    for (response, kind) in [
        (
            Response::ok(r#"{"jobId":"1","status":"failed","output":{"error":"no speech found"}}"#),
            ErrorKind::JobFailed,
        ),
        (
            Response::ok(r#"{"jobId":"1","status":"failed"}"#),
            ErrorKind::JobFailed,
        ),
        (
            Response::ok(r#"{"jobId":"1","status":"canceled"}"#),
            ErrorKind::JobCanceled,
        ),
        (
            Response::ok(r#"{"jobId":"1","status":"succeeded"}"#),
            ErrorKind::OutputGone,
        ),
        (
            Response::ok(r#"{"jobId":"1","status":"succeeded","output":{"voiceprint":"AAAA"}}"#),
            ErrorKind::Decode,
        ),
        (
            Response::ok(
                r#"{"jobId":"1","status":"succeeded","output":{"diarization":[{"speaker":"A","start":"soon","end":1}]}}"#,
            ),
            ErrorKind::Decode,
        ),
        (
            Response::ok("<html>Sign in to the hotel's network</html>"),
            ErrorKind::Decode,
        ),
        (
            Response::ok(r#"{"jobId":"1","status":"succ"#),
            ErrorKind::Decode,
        ),
        (
            Response::new(404, r#"{"message":"Not found"}"#),
            ErrorKind::NotFound,
        ),
        (Response::new(500, "{}"), ErrorKind::Server),
    ] {
        let error = wait_error(response).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.job_id().unwrap().as_str(), "1", "{error}");
        messages.push_str(&format!("{kind:?}: {error:#}\n"));
    }
    insta::assert_snapshot!(messages);
}

#[tokio::test]
async fn debug_output() {
    let error = wait_error(Response::ok(
        r#"{"jobId":"1","status":"failed","output":{"error":"no speech found"}}"#,
    ))
    .await;
    insta::assert_debug_snapshot!(error);
    let error = submit_error(Response::new(400, pyannote_tests::body("error_400"))).await;
    insta::assert_debug_snapshot!(error);
}
