//! Retries, and what is never retried.

use std::time::Duration;

use pyannote::{ErrorKind, RateLimit, RetryPolicy};

use super::{AUDIO, CREATED, builder, client};
use pyannote_tests::http::{Response, TestServer, unreachable_url};

const VALID: &str = r#"{"status":"OK","message":"valid"}"#;

#[tokio::test]
async fn a_429_is_waited_out_as_long_as_the_server_says() {
    let server = TestServer::with_responses([
        Response::new(429, "{}").header("retry-after", 7),
        Response::ok(CREATED),
    ])
    .await;
    let (client, clock) = client(&server);
    let job = client.diarize(AUDIO).submit().await.unwrap();
    assert_eq!(job.id().as_str(), "3c8a89a5-dcc6-4edb-a75d-ffd64739674d");
    assert_eq!(
        server.request_lines(),
        ["POST /v1/diarize", "POST /v1/diarize"]
    );
    let slept: Duration = clock.sleeps().iter().sum();
    assert!(
        slept >= Duration::from_secs(7) && slept < Duration::from_secs(9),
        "{slept:?}"
    );
}

#[tokio::test]
async fn a_retry_after_beyond_the_cap_is_the_callers() {
    let server =
        TestServer::with_responses([Response::new(429, "{}").header("retry-after", 121)]).await;
    let (client, _) = client(&server);
    let error = client.diarize(AUDIO).submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(121)));
    assert_eq!(server.request_count(), 1);
}

#[tokio::test]
async fn a_read_is_retried_after_whatever_passes() {
    let server = TestServer::with_responses([
        Response::reset(),
        Response::truncated(VALID, 10),
        Response::new(502, "<html>Bad gateway</html>"),
        Response::new(503, "{}"),
        Response::ok(VALID),
    ])
    .await;
    let (client, _) = client(&server);
    client.test_key().await.unwrap();
    assert_eq!(server.request_count(), 5);
}

#[tokio::test]
async fn attempts_are_bounded() {
    let server = TestServer::with_responses([Response::new(500, "{}")]).await;
    let (client, _) = client(&server);
    let error = client.test_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(error.to_string().contains("after 5 attempts"), "{error}");
    assert_eq!(server.request_count(), 5);
}

#[tokio::test]
async fn the_total_time_is_bounded() {
    let server =
        TestServer::with_responses([Response::new(500, "{}").header("retry-after", 50)]).await;
    let (builder, clock) = builder(&server);
    let client = builder
        .total_timeout(Duration::from_secs(120))
        .build()
        .unwrap();
    let error = client.test_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(error.to_string().contains("total timeout"), "{error}");
    assert_eq!(server.request_count(), 3);
    assert!(pyannote::testing::Clock::now(&clock) < Duration::from_secs(120));
}

/// A submission whose fate nobody knows: sent once, and the error says so.
async fn outcome_unknown(response: Response) -> pyannote::Error {
    let server = TestServer::with_responses([response, Response::ok(CREATED)]).await;
    let (builder, _) = builder(&server);
    let client = builder
        .attempt_timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    let error = client.diarize(AUDIO).submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    assert!(error.to_string().contains("client.jobs()"), "{error}");
    assert_eq!(server.request_count(), 1, "sent exactly once");
    error
}

#[tokio::test]
async fn a_submission_is_never_sent_twice_on_doubt() {
    outcome_unknown(Response::reset()).await;
    outcome_unknown(Response::none()).await;
    outcome_unknown(Response::truncated(CREATED, 5)).await;
    for status in [408, 500, 502, 503, 504] {
        let error = outcome_unknown(Response::new(status, "{}")).await;
        assert_eq!(error.status().unwrap(), status);
    }
    // Accepted, but who knows under which id.
    outcome_unknown(Response::ok(r#"{"jobId":" ","status":"created"}"#)).await;
    let error = outcome_unknown(Response::ok(r#"{"job":"1"}"#)).await;
    assert!(error.body().unwrap().contains(r#"{"job":"1"}"#));
}

#[tokio::test]
async fn a_connection_that_was_used_before_makes_no_difference() {
    let server = TestServer::with_responses([
        Response::ok(VALID),
        Response::reset(),
        Response::ok(CREATED),
    ])
    .await;
    let (client, _) = client(&server);
    client.test_key().await.unwrap();
    let error = client.diarize(AUDIO).submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(server.request_lines(), ["GET /v1/test", "POST /v1/diarize"]);
    assert_eq!(server.requests()[1].body, format!(r#"{{"url":"{AUDIO}"}}"#));
}

#[tokio::test]
async fn a_submission_is_sent_again_where_nothing_was_taken() {
    let server = TestServer::with_responses([
        Response::new(503, "{}").header("retry-after", "Thu, 01 Jan 2026 00:00:05 GMT"),
        Response::new(429, "{}"),
        Response::ok(CREATED),
    ])
    .await;
    let (client, _) = client(&server);
    client.diarize(AUDIO).submit().await.unwrap();
    assert_eq!(server.request_count(), 3);
}

#[tokio::test]
async fn no_connection_is_retried_and_then_told() {
    let server = TestServer::with_responses([Response::ok(VALID)]).await;
    let (builder, clock) = builder(&server);
    let client = builder.base_url(unreachable_url()).build().unwrap();
    let error = client.diarize(AUDIO).submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(
        clock.sleeps().len() >= 4,
        "a submission that was never sent may be sent again"
    );
}

#[tokio::test]
async fn a_storm_of_503_empties_the_budget() {
    let server = TestServer::with_responses([Response::new(503, "{}")]).await;
    let (builder, _) = builder(&server);
    let client = builder.rate_limit(RateLimit::off()).build().unwrap();
    let mut exhausted = 0;
    for _ in 0..200 {
        let error = client.clone().test_key().await.unwrap_err();
        exhausted += usize::from(
            error
                .to_string()
                .contains("too many requests of this client fail"),
        );
    }
    // 200 calls would be 1,000 requests. The budget allows 100 retries in all.
    assert_eq!(server.request_count(), 300);
    assert!(exhausted > 150, "{exhausted}");
}

#[tokio::test]
async fn a_policy_of_none_sends_once() {
    let server = TestServer::with_responses([Response::new(429, "{}")]).await;
    let (builder, _) = builder(&server);
    let client = builder.retry(RetryPolicy::none()).build().unwrap();
    assert_eq!(
        client.test_key().await.unwrap_err().kind(),
        ErrorKind::RateLimited
    );
    assert_eq!(server.request_count(), 1);
}

#[tokio::test]
async fn the_key_does_not_follow_a_redirect() {
    let other = TestServer::with_responses([Response::ok(VALID)]).await;
    let redirect = Response::new(302, "").header("location", other.url());
    let server = TestServer::with_responses([redirect]).await;
    let (client, _) = client(&server);
    let error = client.test_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedStatus);
    assert!(other.requests().is_empty());

    // Also where a client of one's own follows redirects.
    let (builder, _) = builder(&server);
    let client = builder.http_client(reqwest::Client::new()).build().unwrap();
    client.test_key().await.unwrap();
    assert_eq!(other.requests()[0].header("authorization"), None);
    assert_eq!(
        server.requests()[0].header("authorization"),
        Some("Bearer secret-key")
    );
}

#[tokio::test]
async fn every_request_says_who_is_calling() {
    let server = TestServer::with_responses([Response::ok(VALID)]).await;
    let (builder, _) = builder(&server);
    let client = builder
        .user_agent("my-app/1.0")
        .header("x-team", "blue")
        .build()
        .unwrap();
    client.test_key().await.unwrap();
    client.raw().test_key().send().await.unwrap();
    for request in server.requests() {
        let agent = request.header("user-agent").unwrap();
        assert!(agent.starts_with("my-app/1.0 pyannote-rust/"), "{agent}");
        assert_eq!(request.header("x-team"), Some("blue"));
        assert_eq!(request.header("authorization"), Some("Bearer secret-key"));
        assert_eq!(request.header("api-version"), None);
    }
}

#[tokio::test]
async fn raw_calls_share_the_transport() {
    let server = TestServer::with_responses([
        Response::new(503, "{}"),
        Response::new(429, "{}"),
        Response::ok(VALID),
    ])
    .await;
    let (client, _) = client(&server);
    let answer = client.raw().test_key().send().await.unwrap();
    assert_eq!(answer.message, "valid");
    assert_eq!(server.request_count(), 3);

    let server = TestServer::with_responses([Response::reset(), Response::ok(CREATED)]).await;
    let (client, _) = super::client(&server);
    let body = client.raw().diarize().body_map(|body| body.url(AUDIO));
    body.send().await.unwrap_err();
    assert_eq!(
        server.request_count(),
        1,
        "a raw submission is not sent twice either"
    );

    let server = TestServer::with_responses([Response::new(
        402,
        r#"{"requestId":"r","message":"no credit"}"#,
    )])
    .await;
    let (client, _) = super::client(&server);
    let error = client.raw().test_key().send().await.unwrap_err();
    assert_eq!(
        error.status().unwrap(),
        402,
        "and its errors are the service's"
    );
}

#[tokio::test]
async fn the_client_stays_under_the_limit_before_the_server_has_to_say_so() {
    let server = TestServer::with_responses([Response::ok(VALID)]).await;
    let (builder, clock) = builder(&server);
    let client = builder.total_timeout(None).build().unwrap();
    for _ in 0..250 {
        client.test_key().await.unwrap();
    }
    let now = pyannote::testing::Clock::now(&clock);
    // 100 at once, 100 after a minute, 50 after two.
    assert!(
        now >= Duration::from_secs(120) && now < Duration::from_secs(125),
        "{now:?}"
    );
}

#[tokio::test]
async fn the_client_learns_the_limit_of_its_team() {
    for reset in ["30", "1767225630"] {
        let mut left = 3_u32;
        let server = TestServer::start(move |_| {
            left = if left == 0 { 2 } else { left - 1 };
            Response::ok(VALID)
                .header("x-ratelimit-limit", 3)
                .header("x-ratelimit-remaining", left)
                .header("x-ratelimit-reset", reset)
        })
        .await;
        let (client, clock) = client(&server);
        for _ in 0..4 {
            client.test_key().await.unwrap();
        }
        let now = pyannote::testing::Clock::now(&clock);
        assert!(
            now >= Duration::from_secs(30) && now < Duration::from_secs(61),
            "{reset}: {now:?}"
        );
    }
}

#[tokio::test]
async fn secrets_are_in_no_error() {
    let body = r#"{"url":"https://host/a?X-Amz-Signature=abc","voiceprint":""#.to_owned()
        + &"A".repeat(400)
        + r#""}"#;
    let server = TestServer::with_responses([Response::new(400, body.clone())]).await;
    let (client, _) = client(&server);
    let audio = "https://example.com/a.wav?token=private-token";
    let error = client.diarize(audio).submit().await.unwrap_err();
    let mut shown = format!("{error} {error:?} {:?}", client.diarize(audio));
    shown.push_str(&format!(
        "{:?}",
        client.diarize("https://ada:pass-word@host/a.wav")
    ));

    let field = r#"{"requestId":"https://h/x?t=req-token","message":"no","errors":[{"field":"https://h/?f=field-token","message":"https://b/a?s=message-token"}]}"#;
    let server = TestServer::with_responses([Response::new(400, field)]).await;
    let error = super::client(&server)
        .0
        .diarize(AUDIO)
        .submit()
        .await
        .unwrap_err();
    shown.push_str(&format!("{error} {error:?}"));

    let server = TestServer::with_responses([Response::new(
        401,
        r#"{"message":"invalid key secret-key"}"#,
    )])
    .await;
    let error = super::client(&server).0.test_key().await.unwrap_err();
    shown.push_str(&format!("{error} {error:?}"));
    for secret in [
        "secret-key",
        "private-token",
        "Signature=abc",
        "AAAA",
        "pass-word",
        "req-token",
        "field-token",
        "message-token",
    ] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn a_client_of_ones_own_that_follows_redirects_sends_no_submission_twice() {
    // The service accepts the job and redirects to a server that does not listen.
    let redirect = Response::new(303, "").header("location", unreachable_url());
    let server = TestServer::with_responses([redirect]).await;
    let (builder, _) = builder(&server);
    let client = builder.http_client(reqwest::Client::new()).build().unwrap();
    let error = client.diarize(AUDIO).submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    assert_eq!(server.request_count(), 1);
}

#[tokio::test]
async fn a_client_of_ones_own_that_refuses_the_request_sends_nothing() {
    let server = TestServer::with_responses([Response::ok(CREATED)]).await;
    let (builder, _) = builder(&server);
    let http = reqwest::Client::builder().https_only(true).build().unwrap();
    let client = builder.http_client(http).build().unwrap();
    let error = client.diarize(AUDIO).submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_closed_endpoint_is_told_with_the_time_of_its_opening() {
    let server =
        TestServer::with_responses([Response::new(429, "{}").header("retry-after", 600)]).await;
    let (client, _) = client(&server);
    assert_eq!(
        client.test_key().await.unwrap_err().retry_after(),
        Some(Duration::from_secs(600))
    );
    let (builder, _) = builder(&server);
    let client = builder.total_timeout(Duration::ZERO).build().unwrap();
    let error = client.diarize(AUDIO).submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.to_string().contains("nothing was sent"), "{error}");
    assert_eq!(
        server.request_count(),
        1,
        "with no time at all, nothing is sent"
    );
}

#[tokio::test]
async fn a_failure_is_told_also_where_the_limit_leaves_no_room_for_another_attempt() {
    let full = Response::new(500, "{}")
        .header("x-ratelimit-limit", 1)
        .header("x-ratelimit-remaining", 0)
        .header("x-ratelimit-reset", 90);
    let server = TestServer::with_responses([full]).await;
    let (builder, _) = builder(&server);
    let client = builder
        .total_timeout(Duration::from_secs(60))
        .build()
        .unwrap();
    let error = client.test_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    assert_eq!(error.status().unwrap(), 500);
}
