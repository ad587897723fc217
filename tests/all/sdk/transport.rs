//! Retries, rate limiting, redirects and headers of requests.

use std::time::Duration;

use pyannote::{ErrorKind, RateLimit, RetryPolicy};
use pyannote_tests::http::{Response, TestServer, unreachable_url};

use super::{AUDIO, CREATED, builder, client};

const VALID: &str = r#"{"status":"OK","message":"valid"}"#;

#[tokio::test]
async fn retries_after_429_with_retry_after() {
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
async fn returns_a_retry_after_beyond_the_maximum() {
    let server =
        TestServer::with_responses([Response::new(429, "{}").header("retry-after", 121)]).await;
    let (client, _) = client(&server);
    let error = client.diarize(AUDIO).submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(121)));
    assert_eq!(server.request_count(), 1);
}

#[tokio::test]
async fn retries_reads_after_transient_errors() {
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
async fn stops_after_the_maximum_of_attempts() {
    let server = TestServer::with_responses([Response::new(500, "{}")]).await;
    let (client, _) = client(&server);
    let error = client.test_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(error.to_string().contains("after 5 attempts"), "{error}");
    assert_eq!(server.request_count(), 5);
}

#[tokio::test]
async fn stops_at_the_total_timeout() {
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

/// Submits once to a server that responds ambiguously, and returns the error, which must be `OutcomeUnknown`.
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
    assert!(!error.is_transient());
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.downcast_ref::<pyannote::Error>().is_some());
    assert!(!error.to_string().contains(&source.to_string()), "{error}");
    error
}

#[tokio::test]
async fn an_ambiguous_submission_is_not_retried() {
    outcome_unknown(Response::reset()).await;
    outcome_unknown(Response::none()).await;
    outcome_unknown(Response::truncated(CREATED, 5)).await;
    for status in [408, 500, 502, 503, 504] {
        let error = outcome_unknown(Response::new(status, "{}")).await;
        assert_eq!(error.status().unwrap(), status);
    }
    // Accepted, but without a valid id.
    outcome_unknown(Response::ok(r#"{"jobId":" ","status":"created"}"#)).await;
    let error = outcome_unknown(Response::ok(r#"{"job":"1"}"#)).await;
    assert!(error.body().unwrap().contains(r#"{"job":"1"}"#));
}

#[tokio::test]
async fn an_ambiguous_submission_on_a_reused_connection_is_not_retried() {
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
async fn retries_a_submission_after_503_with_retry_after_and_429() {
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
async fn retries_connection_errors() {
    let server = TestServer::with_responses([Response::ok(VALID)]).await;
    let (builder, clock) = builder(&server);
    let client = builder.base_url(unreachable_url()).build().unwrap();
    let error = client.diarize(AUDIO).submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(
        clock.sleeps().len() >= 4,
        "a submission that was not sent is retried"
    );
}

#[tokio::test]
async fn repeated_503_exhausts_the_retry_budget() {
    let server = TestServer::with_responses([Response::new(503, "{}")]).await;
    let (builder, _) = builder(&server);
    let client = builder.rate_limit(RateLimit::off()).build().unwrap();
    let mut over_budget = 0;
    for _ in 0..200 {
        let error = client.clone().test_key().await.unwrap_err();
        over_budget += usize::from(
            error
                .to_string()
                .contains("too many requests of this client fail"),
        );
    }
    // 200 calls with 5 attempts would be 1,000 requests. The budget allows 100 retries in total.
    assert_eq!(server.request_count(), 300);
    assert!(over_budget > 150, "{over_budget}");
}

#[tokio::test]
async fn retry_policy_none_sends_once() {
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
async fn does_not_send_the_key_to_a_redirect_target() {
    let other = TestServer::with_responses([Response::ok(VALID)]).await;
    let redirect = Response::new(302, "").header("location", other.url());
    let server = TestServer::with_responses([redirect]).await;
    let (client, _) = client(&server);
    let error = client.test_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedStatus);
    assert!(other.requests().is_empty());

    // Nor if a custom HTTP client follows redirects.
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
async fn sends_user_agent_and_custom_headers() {
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
async fn raw_calls_use_the_same_transport() {
    let server = TestServer::with_responses([
        Response::new(503, "{}"),
        Response::new(429, "{}"),
        Response::ok(VALID),
    ])
    .await;
    let (client, _) = client(&server);
    let response = client.raw().test_key().send().await.unwrap();
    assert_eq!(response.message, "valid");
    assert_eq!(server.request_count(), 3);

    let server = TestServer::with_responses([Response::reset(), Response::ok(CREATED)]).await;
    let (client, _) = super::client(&server);
    let body = client.raw().diarize().body_map(|body| body.url(AUDIO));
    body.send().await.unwrap_err();
    assert_eq!(
        server.request_count(),
        1,
        "a raw submission is sent only once"
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
        "errors of raw calls are those of the API"
    );
}

#[tokio::test]
async fn limits_the_request_rate() {
    let server = TestServer::with_responses([Response::ok(VALID)]).await;
    let (builder, clock) = builder(&server);
    let client = builder.total_timeout(None).build().unwrap();
    for _ in 0..250 {
        client.test_key().await.unwrap();
    }
    let now = pyannote::testing::Clock::now(&clock);
    // 100 at once, 100 after a minute, 50 after two minutes.
    assert!(
        now >= Duration::from_secs(120) && now < Duration::from_secs(125),
        "{now:?}"
    );
}

#[tokio::test]
async fn adopts_the_rate_limit_of_response_headers() {
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
        // The service said 30 s. The client's own window is a minute, and has a margin of 1 s.
        assert!(
            now >= Duration::from_secs(30) && now <= Duration::from_secs(61),
            "{reset}: {now:?}"
        );
    }
}

#[tokio::test]
async fn errors_and_debug_output_contain_no_secrets() {
    let body = r#"{"url":"https://host/a?X-Amz-Signature=abc","voiceprint":""#.to_owned()
        + &"A".repeat(400)
        + r#""}"#;
    let server = TestServer::with_responses([Response::new(400, body.clone())]).await;
    let (client, _) = client(&server);
    let audio = "https://example.com/a.wav?token=private-token";
    let error = client.diarize(audio).submit().await.unwrap_err();
    let mut text = format!("{error:#} {error:?} {:?}", client.diarize(audio));
    text.push_str(&format!(
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
    text.push_str(&format!("{error:#} {error:?}"));

    let server = TestServer::with_responses([Response::new(
        401,
        r#"{"message":"invalid key secret-key"}"#,
    )])
    .await;
    let error = super::client(&server).0.test_key().await.unwrap_err();
    text.push_str(&format!("{error:#} {error:?}"));
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
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn custom_http_client_that_follows_redirects_sends_a_submission_once() {
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
async fn custom_http_client_that_rejects_the_request_sends_nothing() {
    let server = TestServer::with_responses([Response::ok(CREATED)]).await;
    let (builder, _) = builder(&server);
    let http = reqwest::Client::builder().https_only(true).build().unwrap();
    let client = builder.http_client(http).build().unwrap();
    let error = client.diarize(AUDIO).submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_rate_limited_endpoint_is_reported_with_retry_after() {
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
        "nothing is sent without any time left"
    );
}

#[tokio::test]
async fn returns_the_server_error_if_the_rate_limit_allows_no_retry() {
    let exhausted = Response::new(500, "{}")
        .header("x-ratelimit-limit", 1)
        .header("x-ratelimit-remaining", 0)
        .header("x-ratelimit-reset", 90);
    let server = TestServer::with_responses([exhausted]).await;
    let (builder, _) = builder(&server);
    let client = builder
        .total_timeout(Duration::from_secs(60))
        .build()
        .unwrap();
    let error = client.test_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    assert_eq!(error.status().unwrap(), 500);
}

#[tokio::test]
async fn sends_requests_through_the_proxy() {
    let proxy = TestServer::with_responses([Response::ok(VALID)]).await;
    let clock = std::sync::Arc::new(pyannote::testing::ManualClock::auto_advancing());
    // Nothing listens at the base URL.
    let base_url = unreachable_url();
    let client = pyannote::Client::builder()
        .api_key("secret-key")
        .base_url(base_url.as_str())
        .proxy(proxy.url().replace("http://", "http://user:pass-word@"))
        .clock(clock.clone())
        .build()
        .unwrap();
    client.test_key().await.unwrap();
    assert_eq!(proxy.request_lines(), [format!("GET {base_url}/v1/test")]);
    let request = &proxy.requests()[0];
    // `user:pass-word` in base64.
    assert_eq!(
        request.header("proxy-authorization"),
        Some("Basic dXNlcjpwYXNzLXdvcmQ=")
    );
    assert_eq!(request.header("authorization"), Some("Bearer secret-key"));
    let debug = format!("{client:?}");
    assert!(!debug.contains("pass-word"), "{debug}");

    let client = pyannote::Client::builder()
        .api_key("secret-key")
        .base_url(base_url)
        .proxy(unreachable_url().replace("http://", "http://user:pass-word@"))
        .clock(clock)
        .build()
        .unwrap();
    let error = client.test_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    let text = format!("{error:#} {error:?}");
    assert!(
        !text.contains("pass-word") && !text.contains("dXNlcjpw"),
        "{text}"
    );
}

#[tokio::test]
async fn reports_that_the_proxy_requires_authentication() {
    let proxy = TestServer::with_responses([Response::new(407, "")]).await;
    let client = pyannote::Client::builder()
        .api_key("secret-key")
        .base_url(unreachable_url())
        .proxy(proxy.url())
        .build()
        .unwrap();
    let error = client.test_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.to_string(),
        "the proxy requires authentication; set its user and password in `.proxy(url)` (no reason given)"
    );
    assert_eq!(proxy.request_count(), 1, "not retried");

    // Over https, the proxy refuses to tunnel.
    let client = pyannote::Client::builder()
        .api_key("secret-key")
        .base_url("https://api.example.com")
        .proxy(proxy.url())
        .build()
        .unwrap();
    let error = client.diarize(AUDIO).submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.to_string(),
        "the proxy requires authentication; set its user and password in `.proxy(url)`"
    );
    assert_eq!(
        proxy.request_lines()[1..],
        ["CONNECT api.example.com:443"],
        "not retried"
    );
}

#[tokio::test]
async fn headers_of_a_request_take_precedence_over_those_of_the_client() {
    let server = TestServer::with_responses([Response::ok(CREATED)]).await;
    let (builder, _) = builder(&server);
    let client = builder
        .header("x-team", "blue")
        .header("x-gateway", "a")
        .build()
        .unwrap();
    let request = client
        .diarize(AUDIO)
        .header("X-Team", "red")
        .header("traceparent", "00-1");
    let debug = format!("{request:?}");
    assert!(
        debug.contains("X-Team") && !debug.contains("red"),
        "{debug}"
    );
    request.submit().await.unwrap();
    client.diarize(AUDIO).submit().await.unwrap();
    let requests = server.requests();
    assert_eq!(requests[0].header("x-team"), Some("red"));
    assert_eq!(requests[0].header("x-gateway"), Some("a"));
    assert_eq!(requests[0].header("traceparent"), Some("00-1"));
    assert_eq!(
        requests[0].header("authorization"),
        Some("Bearer secret-key")
    );
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    assert_eq!(requests[1].header("x-team"), Some("blue"));
    assert_eq!(requests[1].header("traceparent"), None);
}
