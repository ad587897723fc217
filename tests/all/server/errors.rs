//! Error responses.

use reqwest::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{AUDIO, builder, get, post, request, server, status_and_body};

#[tokio::test]
async fn all_violations_are_reported_at_once() {
    let server = server().await;
    let body = json!({
        "url": "meeting.wav",
        "numSpeakers": 0,
        "minSpeakers": 5,
        "maxSpeakers": 2,
        "model": "community-1",
        "webhook": "http://example.com",
        "exclusive": "yes",
        "matching": { "threshold": 250 },
        "voiceprints": [
            { "label": "SPEAKER_00", "voiceprint": "U29tZQ" },
            { "label": "", "voiceprint": "no base64!" },
            { "voiceprint": 1 },
        ],
    });
    insta::assert_json_snapshot!(status_and_body(post(&server, "/v1/identify", &body).await).await);
}

#[tokio::test]
async fn integers_may_be_written_with_a_fraction() {
    let server = server().await;
    for (min, fields) in [(json!(2.0), vec![]), (json!(3.0), vec!["minSpeakers"])] {
        let body = json!({ "url": AUDIO, "minSpeakers": min, "maxSpeakers": 2 });
        let response = status_and_body(post(&server, "/v1/diarize", &body).await).await;
        let errors = response["body"]["errors"].as_array().into_iter().flatten();
        let invalid: Vec<&Value> = errors.map(|error| &error["field"]).collect();
        assert_eq!(invalid, fields, "{min}");
    }
}

#[tokio::test]
async fn bodies_that_are_not_json_objects() {
    let server = server().await;
    let send = async |content_type: &str, body: &str| {
        let request = request(&server, Method::POST, "/v1/diarize")
            .header(CONTENT_TYPE, content_type)
            .body(body.to_owned());
        status_and_body(request.send().await.unwrap()).await
    };
    insta::assert_json_snapshot!(
        "truncated_json",
        send("application/json", r#"{"url": "#).await
    );
    insta::assert_json_snapshot!(
        "not_an_object",
        send("application/json; charset=utf-8", "[]").await
    );
    insta::assert_json_snapshot!("wrong_content_type", send("text/plain", "{}").await);
    let deep = "[".repeat(100_000);
    assert_eq!(send("application/json", &deep).await["status"], 400);
}

#[tokio::test]
async fn invalid_query_of_the_listing() {
    let server = server().await;
    let response = get(&server, "/v2/jobs?limit=101&cursor=1&status=done").await;
    insta::assert_json_snapshot!(status_and_body(response).await);
}

#[tokio::test]
async fn unknown_paths_jobs_and_methods() {
    let server = server().await;
    insta::assert_json_snapshot!(
        "unknown_path",
        status_and_body(get(&server, "/v3/diarize").await).await
    );
    let nobody = uuid::Uuid::new_v4();
    for id in [nobody.to_string().as_str(), "1", "%ff", "..%2F.."] {
        let response = get(&server, &format!("/v1/jobs/{id}")).await;
        insta::assert_json_snapshot!("unknown_job", status_and_body(response).await);
    }
    let response = get(&server, "/v1/diarize").await;
    assert_eq!(response.headers()[ALLOW], "POST");
    insta::assert_json_snapshot!("method", status_and_body(response).await);
}

#[tokio::test]
async fn missing_or_invalid_key() {
    let server = server().await;
    for key in [None, Some("wrong")] {
        let mut request = super::anonymous(&server, Method::GET, "/v1/test");
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
        insta::assert_json_snapshot!("unauthorized", status_and_body(response).await);
    }
    let requests = server.requests();
    assert_eq!(
        (requests[0].authorized, requests[1].authorized),
        (None, Some(false))
    );
}

#[tokio::test]
async fn body_over_the_limit() {
    let server = builder().max_body_bytes(1_000).start().await.unwrap();
    let body = json!({ "url": AUDIO, "extra": "a".repeat(1_000) });
    let response = post(&server, "/v1/diarize", &body).await;
    insta::assert_json_snapshot!(status_and_body(response).await, @r#"
    {
      "status": 413,
      "body": {
        "requestId": "…",
        "message": "The body is larger than 1000 bytes"
      }
    }
    "#);
    // Chunked, so that the length is not announced.
    let chunk = || Ok::<_, std::io::Error>("a".repeat(600));
    let chunks = futures_util::stream::iter([chunk(), chunk()]);
    let request = request(&server, Method::POST, "/v1/diarize")
        .header(CONTENT_TYPE, "application/json")
        .body(reqwest::Body::wrap_stream(chunks));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}
