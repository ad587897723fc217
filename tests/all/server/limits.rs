//! Rate limits, and what the SDK learns of them.

use std::sync::Arc;
use std::time::Duration;

use pyannote::testing::ManualClock;
use pyannote::{Client, ErrorKind, RateLimit, RetryPolicy};
use pyannote_server::Limits;
use reqwest::StatusCode;

use super::{KEY, builder, get, server, shown};

#[tokio::test]
async fn answers_say_what_is_left() {
    let server = server().await;
    for (path, limit) in [("/v1/test", 100), ("/v2/jobs", 300), ("/v1/live/1", 100)] {
        for left in 1..3 {
            let response = get(&server, path).await;
            let header = |name| response.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(header("x-ratelimit-limit"), limit.to_string());
            assert_eq!(header("x-ratelimit-remaining"), (limit - left).to_string());
            let reset: u64 = header("x-ratelimit-reset").parse().unwrap();
            assert!((1..=60).contains(&reset), "{reset}");
        }
    }
}

#[tokio::test]
async fn too_many_are_refused() {
    let limits = Limits {
        posts: Some(1),
        job_reads: None,
    };
    let server = builder().limits(limits).start().await.unwrap();
    assert_eq!(get(&server, "/v1/test").await.status(), StatusCode::OK);
    let response = get(&server, "/v1/test").await;
    let seconds: u64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(response.headers()["x-ratelimit-remaining"], "0");
    insta::assert_json_snapshot!(shown(response).await, @r#"
    {
      "status": 429,
      "body": {
        "requestId": "…",
        "message": "Too many requests"
      }
    }
    "#);
    // The other endpoints are counted for themselves, and this one not at all.
    let response = get(&server, "/v2/jobs").await;
    assert!(!response.headers().contains_key("x-ratelimit-limit"));
}

#[tokio::test]
async fn the_sdk_learns_the_limit_and_the_wait() {
    let limits = Limits {
        posts: Some(2),
        job_reads: Some(300),
    };
    let server = builder().limits(limits).start().await.unwrap();
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
    let heedless = client(Some(RateLimit::off()));
    heedless.test_key().await.unwrap();
    // Another client, which takes the last place and knows from the answer that there is none left.
    let careful = client(None);
    careful.test_key().await.unwrap();
    let error = heedless.test_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    let wait = error.retry_after().unwrap();
    assert!(
        wait <= Duration::from_secs(60) && wait > Duration::from_secs(30),
        "{wait:?}"
    );
    let before = server.requests().len();
    let slept = |clock: &ManualClock| clock.sleeps().iter().sum::<Duration>();
    assert_eq!(slept(&clock), Duration::ZERO);
    // Its own clock jumps; the server's does not, and refuses.
    careful.test_key().await.unwrap_err();
    assert!(
        slept(&clock) > Duration::from_secs(30),
        "{:?}",
        clock.sleeps()
    );
    assert_eq!(server.requests().len(), before + 1);
}
