//! The storage, by hand: signatures, tricks with paths, sizes and ranges.

use std::time::Duration;

use pyannote_server::{ApiKey, LocalServer};
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{KEY, bare, builder, http, post, presigned, server, shown};

const INPUT: &str = "/v1/media/input";
const OUTPUT: &str = "/v1/media/output";

async fn put(url: &str, body: impl Into<reqwest::Body>) -> StatusCode {
    let request = http().put(url).body(body);
    request.send().await.unwrap().status()
}

/// How many files there are in the server's folders.
fn files(folder: &std::path::Path) -> usize {
    let entries = fs_err::read_dir(folder).unwrap();
    let count = entries.map(|entry| match entry.unwrap().path() {
        path if path.is_dir() => files(&path),
        _ => 1,
    });
    count.sum()
}

#[tokio::test]
async fn stored_whole_and_read_in_parts() {
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
        let said = response.headers().get(CONTENT_RANGE).cloned();
        assert_eq!(
            said.as_ref().map(|said| said.to_str().unwrap()),
            content_range
        );
        assert_eq!(response.text().await.unwrap(), body, "{range:?}");
    }
}

#[tokio::test]
async fn a_url_is_good_for_what_it_was_made_for() {
    let server = server().await;
    let url = presigned(&server, INPUT, "media://a").await;
    put(&url, "one").await;
    let other_method = http().get(&url).send().await.unwrap();
    insta::assert_json_snapshot!("refused_by_the_storage", shown(other_method).await);
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
    // The key is no way in.
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
        .presigned_for(Duration::ZERO)
        .start()
        .await
        .unwrap();
    let url = presigned(&server, INPUT, "media://a").await;
    assert_eq!(put(&url, "late").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn keys_lead_nowhere_else() {
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
            let shown = shown(response).await;
            assert_eq!(shown["body"]["errors"][0]["field"], "url", "{shown}");
        }
    }
    // A signature of one key, with a path that another way of reading makes of it.
    let url = presigned(&server, INPUT, "media://b").await;
    for trick in ["a%2f..%2fb", "..%2flocal%2fb", "%2e%2e/local/b", "b%00"] {
        let tampered = url.replace("/media/local/b?", &format!("/media/local/{trick}?"));
        let address = server.url().strip_prefix("http://").unwrap();
        let path = tampered.strip_prefix(server.url()).unwrap();
        // Sent as it is: clients tidy paths up.
        let head = format!(
            "PUT {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let answer = raw(address, &head).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{trick}: {answer}");
    }
    // The same key of another team is another medium.
    put(&url, "ours").await;
    let body = json!({ "url": "media://b" });
    let theirs = bare(&server, Method::POST, OUTPUT)
        .bearer_auth("other")
        .json(&body);
    insta::assert_json_snapshot!("unknown_medium", shown(theirs.send().await.unwrap()).await);
}

async fn raw(address: &str, head: &str) -> String {
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn limited(folder: &std::path::Path) -> LocalServer {
    let builder = builder().largest_medium(1_000).data(folder);
    builder.start().await.unwrap()
}

#[tokio::test]
async fn too_much_is_refused_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let server = limited(folder.path()).await;
    let url = presigned(&server, INPUT, "media://a").await;
    let piece = || Ok::<_, std::io::Error>("a".repeat(600));
    let pieces = || reqwest::Body::wrap_stream(futures_util::stream::iter([piece(), piece()]));
    assert_eq!(put(&url, pieces()).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(files(&folder.path().join("media")), 0);
    assert_eq!(put(&url, "a".repeat(1_000)).await, StatusCode::OK);
    assert_eq!(put(&url, pieces()).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(files(&folder.path().join("media")), 1);
    let url = presigned(&server, OUTPUT, "media://a").await;
    assert_eq!(
        http().get(&url).send().await.unwrap().content_length(),
        Some(1_000)
    );
}

#[tokio::test]
async fn an_announced_gigabyte_too_much_is_refused_at_once() {
    let server = server().await;
    let url = presigned(&server, INPUT, "media://a").await;
    let address = server.url().strip_prefix("http://").unwrap();
    let path = url.strip_prefix(server.url()).unwrap();
    let length = (1_u64 << 30) + 1;
    // Not a byte of the body is sent.
    let head = format!("PUT {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
    let answer = raw(address, &head).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("larger than 1073741824 bytes"), "{answer}");
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
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
    panic!("something is left");
}
