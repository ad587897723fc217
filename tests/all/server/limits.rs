//! Rate limits and their headers, and how the SDK adapts to them.

use std::sync::Arc;
use std::time::Duration;

use pyannote::testing::ManualClock;
use pyannote::{Client, ErrorKind, RateLimit, RetryPolicy};
use pyannote_server::RateLimits;
use reqwest::StatusCode;

use super::{KEY, builder, get, server, status_and_body};

#[tokio::test]
async fn responses_have_rate_limit_headers() {
    let server = server().await;
    for (path, limit) in [("/v1/test", 100), ("/v2/jobs", 300), ("/v1/live/1", 100)] {
        for used in 1..3 {
            let response = get(&server, path).await;
            let header = |name| response.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(header("x-ratelimit-limit"), limit.to_string());
            assert_eq!(header("x-ratelimit-remaining"), (limit - used).to_string());
            let reset: u64 = header("x-ratelimit-reset").parse().unwrap();
            assert!((1..=60).contains(&reset), "{reset}");
        }
    }
}

#[tokio::test]
async fn requests_over_the_limit_are_refused() {
    let limits = RateLimits {
        posts_per_minute: Some(1),
        job_reads_per_minute: None,
    };
    let server = builder().rate_limits(limits).start().await.unwrap();
    assert_eq!(get(&server, "/v1/test").await.status(), StatusCode::OK);
    let response = get(&server, "/v1/test").await;
    let seconds: u64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(response.headers()["x-ratelimit-remaining"], "0");
    insta::assert_json_snapshot!(status_and_body(response).await, @r#"
    {
      "status": 429,
      "body": {
        "requestId": "…",
        "message": "Too many requests"
      }
    }
    "#);
    // Other endpoints have their own limits, and this one has none.
    let response = get(&server, "/v2/jobs").await;
    assert!(!response.headers().contains_key("x-ratelimit-limit"));
}

#[tokio::test]
async fn the_sdk_waits_until_the_limit_resets() {
    let limits = RateLimits {
        posts_per_minute: Some(2),
        job_reads_per_minute: Some(300),
    };
    let server = builder().rate_limits(limits).start().await.unwrap();
    let clock = ManualClock::auto_advancing();
    let client = |limit: Option<RateLimit>| {
        let mut builder = Client::builder()
            .api_key(KEY)
            .base_url(server.url())
            .retry(RetryPolicy::default().max_attempts(1))
            .clock(Arc::new(clock.clone()));
        if let Some(limit) = limit {
            builder = builder.rate_limit(limit);
        }
        builder.build().unwrap()
    };
    let unlimited = client(Some(RateLimit::off()));
    unlimited.test_key().await.unwrap();
    // Another client uses the last request of the limit and learns from the response that none is left.
    let limited = client(None);
    limited.test_key().await.unwrap();
    let error = unlimited.test_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    let wait = error.retry_after().unwrap();
    assert!(
        wait <= Duration::from_secs(60) && wait > Duration::from_secs(30),
        "{wait:?}"
    );
    let before = server.requests().len();
    let slept = |clock: &ManualClock| clock.sleeps().iter().sum::<Duration>();
    assert_eq!(slept(&clock), Duration::ZERO);
    // The client skips the sleep, but the server's clock does not, so the server refuses.
    limited.test_key().await.unwrap_err();
    assert!(
        slept(&clock) > Duration::from_secs(30),
        "{:?}",
        clock.sleeps()
    );
    assert_eq!(server.requests().len(), before + 1);
}
