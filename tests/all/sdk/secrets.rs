//! The API key in no error and no log, wherever a service or a gateway repeats it.

use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use pyannote::testing::ManualClock;
use pyannote::webhook::{Signer, Verifier};
use pyannote::{Client, Diarization, Error, Job, MediaUrl, RateLimit, RetryPolicy};
use pyannote_tests::http::{Response, TestServer};
use serde_json::json;

use super::AUDIO;
use super::logs::Logs;

/// Requests of all calls for one response; later ones are unauthorized.
const MAX_REQUESTS: u32 = 60;

/// Everything that an error prints or returns as text.
fn texts(error: &Error) -> String {
    let mut text = format!(
        "{error} {error:#} {error:?} {error:#?} {:?} {:?} {:?}",
        error.field_errors(),
        error.request_id(),
        error.body()
    );
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!("{error} {error:#} {error:?} {error:#?}"));
        cause = error.source();
    }
    text
}

/// The forms in which `key` may be repeated.
fn forms(key: &str) -> Vec<String> {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let url = |text: &str| {
        let mut url = reqwest::Url::parse("http://host").unwrap();
        url.query_pairs_mut().append_pair("", text);
        url.query().unwrap().trim_start_matches('=').to_owned()
    };
    let json = serde_json::to_string(key).unwrap();
    vec![
        key.to_owned(),
        format!("Bearer {key}"),
        format!("Authorization%3A+{}", url(&format!("Bearer {key}"))),
        STANDARD.encode(key),
        STANDARD.encode(format!("Bearer {key}")),
        URL_SAFE_NO_PAD.encode(format!("user:{key}")),
        json.trim_matches('"').to_owned(),
        key.to_ascii_lowercase(),
    ]
}

/// Bodies that repeat `echo`, valid and invalid ones for each operation.
fn bodies(echo: &str, storage: &str) -> Vec<Vec<u8>> {
    let mut bodies = vec![
        json!({ "message": echo, "requestId": echo, "errors": [{ "field": echo, "message": echo }] }),
        json!({ "message": [echo], "errors": [null, echo, 5, { "message": [echo] }] }),
        json!({ "error": echo, "status": { echo: echo } }),
        json!({ "jobId": echo, "status": echo, "warning": echo }),
        json!({ "jobId": [echo], "status": "created" }),
        json!({ "jobId": echo, "status": "failed", "output": { "error": echo } }),
        json!({ "status": "failed", "output": { "error": { "code": echo } } }),
        json!({ "status": "canceled", "output": echo }),
        json!({ "status": "succeeded", "output": { "diarization": echo } }),
        json!({ "status": "succeeded", "output": { "diarization": [{ "speaker": "A", "start": echo, "end": 1 }] } }),
        json!({ "status": "succeeded", "output": { echo: echo } }),
        json!({ "items": [{ "id": echo, "status": echo, "createdAt": echo, echo: echo }], "pagination": echo }),
        json!({ "items": echo, "pagination": { "nextCursor": echo } }),
        json!({ "url": format!("https://{echo}@host/{echo}") }),
        json!({ "url": echo }),
        json!({ "url": format!("{storage}/object") }),
        json!(echo),
    ]
    .into_iter()
    .map(|body| body.to_string().into_bytes())
    .collect::<Vec<_>>();
    bodies.push(format!("<html><body>{echo}</body></html>").into_bytes());
    bodies.push(format!(r#"{{"jobId":"{echo}"#).into_bytes());
    bodies.push([b"\xff\xfe\x00\x01", echo.as_bytes(), b"\x80"].concat());
    bodies.push(echo.encode_utf16().flat_map(u16::to_le_bytes).collect());
    bodies.push(format!("{} {echo} {}", "A".repeat(2_395), "a ".repeat(2_000)).into_bytes());
    bodies
}

/// A response with `echo` in its reason, its headers and its body.
fn response(status: u16, echo: &str, body: &[u8]) -> Response {
    let mut head = format!(
        "HTTP/1.1 {status} {echo}\r\ncontent-length: {}\r\n",
        body.len()
    );
    for name in [
        "content-disposition",
        "content-range",
        "content-type",
        "date",
        "location",
        "retry-after",
        "server",
        "set-cookie",
        "www-authenticate",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-request-id",
    ] {
        head.push_str(&format!("{name}: {echo}\r\n"));
    }
    Response::raw([head.as_bytes(), b"\r\n", body].concat())
}

/// Makes each kind of call once, and returns what its errors print.
async fn call_everything(client: &Client) -> String {
    let mut text = String::new();
    let mut add = |error: Option<Error>| {
        if let Some(error) = error {
            text.push_str(&texts(&error));
        }
    };
    let job: Job<Diarization> = client.job("1");
    let short = Duration::from_secs(30);
    add(client.test_key().await.err());
    match client.diarize(AUDIO).submit().await {
        Ok(job) => add(job.wait().timeout(short).await.err()),
        Err(error) => add(Some(error)),
    }
    add(job.wait().timeout(short).await.err());
    add(job.status().await.err());
    add(client.jobs().page(Some("cursor")).await.err());
    let jobs: Vec<_> = client.jobs().stream().take(3).collect().await;
    jobs.into_iter().for_each(|job| add(job.err()));
    let waited: Vec<_> = client.wait_all([job]).collect().await;
    waited.into_iter().for_each(|(_, result)| add(result.err()));
    let upload = || client.upload(b"audio".to_vec());
    add(upload().await.err());
    add(upload().skip_existing(true).await.err());
    let folder = tempfile::tempdir().unwrap();
    let media = MediaUrl::from_key("a").unwrap();
    let path = folder.path().join("a");
    add(client.download(&media, path).await.err());
    text
}

/// Checks that no error and no log contains `key` if responses repeat it.
async fn check(key: &str) {
    let logs = Logs::default();
    let _recording = logs.record();
    let (mut texts, mut calls) = (String::new(), 0);
    let script = Arc::new(Mutex::new((Response::ok(""), 0)));
    let respond = Arc::clone(&script);
    let server = TestServer::start(move |_| {
        let (response, requests) = &mut *respond.lock().unwrap();
        *requests += 1;
        // Some responses would never end a wait.
        match *requests > MAX_REQUESTS {
            true => Response::new(401, "{}"),
            false => response.clone(),
        }
    })
    .await;
    let client = Client::builder()
        .api_key(key)
        .base_url(server.url())
        .retry(RetryPolicy::none())
        .rate_limit(RateLimit::off())
        .clock(Arc::new(ManualClock::auto_advancing()))
        .build()
        .unwrap();
    let forms = forms(key);
    for status in [200, 302, 400, 401, 407, 500] {
        let bodies = bodies(key, server.url()).len();
        for index in 0..bodies {
            // Each form occurs in each place with some status.
            let echo = &forms[(index + usize::from(status)) % forms.len()];
            let body = &self::bodies(echo, server.url())[index];
            *script.lock().unwrap() = (response(status, echo, body), 0);
            texts.push_str(&call_everything(&client).await);
            calls += 1;
        }
    }
    assert!(calls > 100 && texts.len() > 500_000, "{calls}");
    let logs = logs.text();
    assert!(logs.contains("diarize"), "{logs}");
    for (what, text) in [("errors", texts), ("logs", logs)] {
        for form in &forms {
            let found = text.matches(form).count();
            let at = text.find(form).unwrap_or_default();
            let around: String = text[..at].chars().rev().take(300).collect();
            let around: String = around.chars().rev().collect();
            assert_eq!(found, 0, "{form} in {what} after {around}");
        }
    }
}

#[tokio::test]
async fn no_error_and_no_log_contains_a_key_of_letters_that_a_response_repeats() {
    check("Sk_secret-key.0123456789").await;
}

#[tokio::test]
async fn no_error_and_no_log_contains_a_key_of_symbols_that_a_response_repeats() {
    check(r#"S/ecret"key+1&2\3=="#).await;
}

#[test]
fn no_webhook_error_contains_the_api_key_of_a_client() {
    let key = "secret-key-of-webhooks";
    let _client = Client::builder().api_key(key).build().unwrap();
    let (signer, verifier) = (Signer::new("whs"), Verifier::new("whs").unwrap());
    let now = chrono::Utc::now().timestamp().unsigned_abs();
    let mut headers = http::HeaderMap::new();
    headers.insert("x-signature", "00".parse().unwrap());
    headers.insert("x-request-timestamp", key.parse().unwrap());
    let error = verifier.verify(&headers, b"{}").unwrap_err();
    let mut text = format!("{error} {error:?}");
    for body in bodies(key, "http://host") {
        let headers = signer.sign(now, &body);
        match verifier.verify(&headers, &body) {
            Err(error) => text.push_str(&format!("{error} {error:?}")),
            Ok(event) => {
                let errors = [event.output::<Diarization>().err(), event.outcome().err()];
                errors
                    .iter()
                    .flatten()
                    .for_each(|error| text.push_str(&texts(error)));
            }
        }
    }
    assert!(!text.contains(key), "{text}");
}
