//! Uploads and downloads against servers on loopback, with a clock that skips sleeps.

mod download;
mod rejected_url;
mod secrets;
mod skip_existing;
mod stall;
mod upload;
mod upload_content;
mod upload_retry;
mod upload_source;

use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use pyannote::testing::ManualClock;
use pyannote::{Client, Error, RetryPolicy};
use pyannote_tests::http::{Request, Response, TestServer};

const MIB: usize = 1024 * 1024;
/// A signature of real length, and a short one of AWS Signature Version 2.
const SIGNATURE: &str = "X-Amz-Signature=0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0&Signature=vjbyPxybdZaNmGa%2ByT272YEAiv4%3D";
const SECRETS: [&str; 5] = [
    "0f1e2d3c4b5a",
    "vjbyPxybdZaN",
    "Signature=",
    "sk-secret",
    "gateway-secret",
];

fn client(server: &TestServer) -> (Client, ManualClock) {
    let clock = ManualClock::auto_advancing();
    let client = Client::builder()
        .api_key("sk-secret")
        .base_url(server.url())
        .header("x-gateway", "gateway-secret")
        .user_agent("tests/1")
        .retry(RetryPolicy::default().max_attempts(3))
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    (client, clock)
}

/// The API, which returns `urls` in order and then the last one again and again, from both media operations.
async fn service(urls: Vec<String>) -> TestServer {
    TestServer::with_responses(urls.iter().map(|url| granted(url))).await
}

/// The API's response with a pre-signed URL.
fn granted(url: &str) -> Response {
    Response::new(201, serde_json::json!({ "url": url }).to_string())
}

/// A storage that accepts every request.
async fn storage() -> TestServer {
    TestServer::with_responses([Response::ok("")]).await
}

fn presigned(server: &str, object: &str) -> String {
    format!("{server}/{object}?{SIGNATURE}")
}

/// Audio whose bytes do not repeat, so that a lost or duplicated chunk is noticed.
fn audio(len: usize) -> Vec<u8> {
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
    bytes.extend(
        (0_u32..)
            .flat_map(|n| n.to_le_bytes())
            .take(len - bytes.len()),
    );
    bytes
}

fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Asserts that an error, its causes and its body contain no secret.
fn assert_no_secrets(error: &Error) {
    let mut text = format!("{error} {error:?} {:?}", error.body());
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

/// Asserts that a request to the storage has neither the API key nor the client's own headers.
fn assert_no_credentials(request: &Request) {
    assert_eq!(request.header("authorization"), None);
    assert_eq!(request.header("x-gateway"), None);
    let agent = request.header("user-agent").unwrap();
    assert!(agent.starts_with("tests/1 pyannote-rust/"), "{agent}");
}

/// The calls of a progress callback: bytes transferred and total.
type Progress = Arc<Mutex<Vec<(u64, u64)>>>;

/// A progress callback that records its calls.
fn recorder() -> (Progress, impl FnMut(u64, u64) + Send + 'static) {
    let progress = Progress::default();
    let calls = Arc::clone(&progress);
    (progress, move |transferred, total| {
        calls.lock().unwrap().push((transferred, total));
    })
}
