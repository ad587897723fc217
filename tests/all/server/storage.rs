//! The storage, with plain HTTP requests: signatures, path traversal, sizes and ranges.

use std::time::Duration;

use pyannote_server::{ApiKey, Server};
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{KEY, anonymous, builder, files, http, post, presigned, server, status_and_body};

const INPUT: &str = "/v1/media/input";
const OUTPUT: &str = "/v1/media/output";

async fn put(url: &str, body: impl Into<reqwest::Body>) -> StatusCode {
    let request = http().put(url).body(body);
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn upload_and_range_requests() {
    let server = server().await;
    let url = presigned(&server, INPUT, "media://a/b.wav").await;
    assert!(url.starts_with(&format!("{}/media/local/a/b.wav?expires=", server.url())));
    assert_eq!(put(&url, "0123456789").await, StatusCode::OK);
    let url = presigned(&server, OUTPUT, "media://a/b.wav").await;
    for (range, status, body, content_range) in [
        (None, 200, "0123456789", None),
        (Some("bytes=0-0"), 206, "0", Some("bytes 0-0/10")),
        (Some("bytes=2-4"), 206, "234", Some("bytes 2-4/10")),
        (Some("bytes=8-"), 206, "89", Some("bytes 8-9/10")),
        (Some("bytes=-2"), 206, "89", Some("bytes 8-9/10")),
        (Some("bytes=10-"), 416, "", Some("bytes */10")),
    ] {
        let mut request = http().get(&url);
        if let Some(range) = range {
            request = request.header(RANGE, range);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{range:?}");
        let header = response.headers().get(CONTENT_RANGE).cloned();
        assert_eq!(
            header.as_ref().map(|header| header.to_str().unwrap()),
            content_range
        );
        assert_eq!(response.text().await.unwrap(), body, "{range:?}");
    }
}

#[tokio::test]
async fn urls_are_valid_for_one_method_and_key() {
    let server = server().await;
    let url = presigned(&server, INPUT, "media://a").await;
    put(&url, "one").await;
    let other_method = http().get(&url).send().await.unwrap();
    insta::assert_json_snapshot!("wrong_method", status_and_body(other_method).await);
    let (start, query) = url.split_once('?').unwrap();
    let (expires, signature) = query.split_once('&').unwrap();
    let later = expires
        .strip_prefix("expires=")
        .unwrap()
        .parse::<i64>()
        .unwrap()
        + 1;
    let flipped = match url.ends_with('0') {
        true => "1",
        false => "0",
    };
    for tampered in [
        start.to_owned(),
        format!("{start}?{expires}"),
        format!("{start}?{signature}"),
        format!("{start}?expires={later}&{signature}"),
        format!("{start}?expires=soon&{signature}"),
        format!("{start}b?{query}"),
        format!("{start}/b?{query}"),
        url.replace("/media/local/", "/media/other/"),
        format!("{}{flipped}", &url[..url.len() - 1]),
        url[..url.len() - 2].to_owned(),
    ] {
        assert_eq!(
            put(&tampered, "two").await,
            StatusCode::FORBIDDEN,
            "{tampered}"
        );
    }
    // An API key is not accepted instead of a signature.
    let request = http().put(start).bearer_auth(KEY).body("two");
    assert_eq!(
        request.send().await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
    let url = presigned(&server, OUTPUT, "media://a").await;
    assert_eq!(
        http().get(&url).send().await.unwrap().text().await.unwrap(),
        "one"
    );
}

#[tokio::test]
async fn urls_expire() {
    let server = builder()
        .presigned_url_lifetime(Duration::ZERO)
        .start()
        .await
        .unwrap();
    let url = presigned(&server, INPUT, "media://a").await;
    assert_eq!(put(&url, "late").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn urls_survive_a_restart_and_are_valid_on_servers_with_the_same_data() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || builder().data_dir(folder.path()).start().await.unwrap();
    let first = start().await;
    let url = presigned(&first, INPUT, "media://a").await;
    let path = url.strip_prefix(first.url()).unwrap();
    let upload = async |server: &Server| put(&format!("{}{path}", server.url()), "one").await;
    let beside = start().await;
    assert_eq!(upload(&beside).await, StatusCode::OK);
    for server in [first, beside] {
        server.stop().await;
    }
    let restarted = start().await;
    assert_eq!(upload(&restarted).await, StatusCode::OK);
    let other = server().await;
    assert_eq!(upload(&other).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn invalid_keys_and_path_traversal_are_refused() {
    let server = builder()
        .api_key(ApiKey::new("other").team("other"))
        .start()
        .await
        .unwrap();
    for media in [
        "media://",
        "media:///etc/passwd",
        "media://../a",
        "media://a/../../b",
        "media://a//b",
        "media://a/.",
        "media://a%2f..%2fb",
        "media://a\\..\\b",
        "media://a\u{0}",
        "media://ä",
        "MEDIA://a",
        "a",
        "file:///a",
    ] {
        for path in [INPUT, OUTPUT] {
            let response = post(&server, path, &json!({ "url": media })).await;
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{media}");
            let body = status_and_body(response).await;
            assert_eq!(body["body"]["errors"][0]["field"], "url", "{body}");
        }
    }
    // A signature for one key, with encoded paths that could be normalized to that key.
    let url = presigned(&server, INPUT, "media://b").await;
    for encoded in ["a%2f..%2fb", "..%2flocal%2fb", "%2e%2e/local/b", "b%00"] {
        let tampered = url.replace("/media/local/b?", &format!("/media/local/{encoded}?"));
        let address = server.url().strip_prefix("http://").unwrap();
        let path = tampered.strip_prefix(server.url()).unwrap();
        // Over a raw connection, since clients normalize paths.
        let head = format!(
            "PUT {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let response = raw(address, &head).await;
        assert!(
            response.starts_with("HTTP/1.1 403"),
            "{encoded}: {response}"
        );
    }
    // The same key of another team is another recording.
    put(&url, "ours").await;
    let body = json!({ "url": "media://b" });
    let theirs = anonymous(&server, Method::POST, OUTPUT)
        .bearer_auth("other")
        .json(&body);
    insta::assert_json_snapshot!(
        "unknown_recording",
        status_and_body(theirs.send().await.unwrap()).await
    );
}

async fn raw(address: &str, head: &str) -> String {
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).await.unwrap();
    response
}

async fn limited(folder: &std::path::Path) -> Server {
    let builder = builder().max_media_bytes(1_000).data_dir(folder);
    builder.start().await.unwrap()
}

#[tokio::test]
async fn uploads_over_the_limit_are_refused_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let server = limited(folder.path()).await;
    let url = presigned(&server, INPUT, "media://a").await;
    let chunk = || Ok::<_, std::io::Error>("a".repeat(600));
    let chunks = || reqwest::Body::wrap_stream(futures_util::stream::iter([chunk(), chunk()]));
    assert_eq!(put(&url, chunks()).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(files(&folder.path().join("media")), 0);
    assert_eq!(put(&url, "a".repeat(1_000)).await, StatusCode::OK);
    assert_eq!(put(&url, chunks()).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(files(&folder.path().join("media")), 1);
    let url = presigned(&server, OUTPUT, "media://a").await;
    assert_eq!(
        http().get(&url).send().await.unwrap().content_length(),
        Some(1_000)
    );
}

#[tokio::test]
async fn an_announced_length_over_the_limit_is_refused_at_once() {
    let server = server().await;
    let url = presigned(&server, INPUT, "media://a").await;
    let address = server.url().strip_prefix("http://").unwrap();
    let path = url.strip_prefix(server.url()).unwrap();
    let length = (1_u64 << 30) + 1;
    // No byte of the body is sent.
    let head = format!("PUT {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
    let response = raw(address, &head).await;
    assert!(response.starts_with("HTTP/1.1 413"), "{response}");
    assert!(
        response.contains("larger than 1073741824 bytes"),
        "{response}"
    );
}

/// A client that does not look at the response before it has sent everything.
#[tokio::test]
async fn a_refused_upload_is_read_to_its_end_so_that_the_response_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let server = limited(folder.path()).await;
    let url = presigned(&server, INPUT, "media://a").await;
    let address = server.url().strip_prefix("http://").unwrap();
    let path = url.strip_prefix(server.url()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    for expect in ["", "expect: 100-continue\r\n"] {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let head =
            format!("PUT {path} HTTP/1.1\r\nhost: a\r\n{expect}transfer-encoding: chunked\r\n\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        if !expect.is_empty() {
            let mut asked = [0; 25];
            socket.read_exact(&mut asked).await.unwrap();
            assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        for _ in 0..256 {
            socket.write_all(chunk.as_bytes()).await.unwrap();
        }
        socket.write_all(b"0\r\n\r\n").await.unwrap();
        let mut response = String::new();
        socket.read_to_string(&mut response).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 413"), "{response}");
        assert!(response.contains("larger than 1000 bytes"), "{response}");
    }
    // One whose announced size is refused is not asked for the body.
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2000\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 413"), "{response}");
}

#[tokio::test]
async fn an_aborted_upload_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let server = limited(folder.path()).await;
    let url = presigned(&server, INPUT, "media://a").await;
    let address = server.url().strip_prefix("http://").unwrap();
    let path = url.strip_prefix(server.url()).unwrap();
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 900\r\n\r\nstart");
    socket.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(socket);
    for _ in 0..100 {
        if files(&folder.path().join("media")) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the partial upload was not deleted");
}
