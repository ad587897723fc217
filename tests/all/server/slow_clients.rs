//! Clients that are slow, do not read, or are many.
//!
//! No assertion is about time: without the limits, the tests would wait for ever, and fail after a minute.

use std::time::Duration;

use pyannote_server::{ConnectionLimits, Server};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{KEY, anonymous, builder, get, presigned, server};

/// Limit for what ends, unless the server is at fault.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The limit that is tested. The others are long.
const SHORT: Duration = Duration::from_millis(50);

const LONG: ConnectionLimits = ConnectionLimits {
    connections: 1_000,
    header_timeout: Duration::from_secs(3_600),
    stall_timeout: Duration::from_secs(3_600),
    body_timeout: Duration::from_secs(3_600),
    min_upload_bytes_per_s: 0,
};

/// A server with long limits, except for what `set` changes.
async fn server_with(set: impl FnOnce(&mut ConnectionLimits)) -> Server {
    let mut limits = LONG;
    set(&mut limits);
    let builder = builder().connection_limits(limits);
    builder.start().await.unwrap()
}

/// Opens a connection and sends bytes.
async fn send(server: &Server, bytes: &[u8]) -> TcpStream {
    let address = server.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// What the server sends before it closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let reading = stream.read_to_end(&mut bytes);
    let result = timeout(TIMEOUT, reading).await;
    result.expect("the connection is not closed").unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Reads a response of `/healthz`.
async fn read_response(stream: &mut TcpStream) {
    let mut bytes = Vec::new();
    let reading = async {
        while !bytes.ends_with(b"\r\n\r\nOK") {
            bytes.push(stream.read_u8().await.unwrap());
        }
    };
    let result = timeout(TIMEOUT, reading).await;
    result.expect("there is no response");
}

/// A submission of which half of the body is missing.
fn half_submission(key: &str) -> String {
    let head = "POST /v1/diarize HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 90";
    format!("{head}\r\nauthorization: Bearer {key}\r\n\r\n{{\"url\":")
}

#[tokio::test]
async fn the_body_of_a_request_without_a_valid_key_is_not_awaited() {
    let server = server_with(|_| ()).await;
    let response = rest(send(&server, half_submission("wrong").as_bytes()).await).await;
    assert!(response.starts_with("HTTP/1.1 401"), "{response}");
    assert!(response.contains("connection: close"), "{response}");
    let recorded = server.requests();
    assert_eq!(recorded[0].authorized, Some(false));
    assert!(recorded[0].body.is_empty());
}

/// The body does not fit into the buffers of the connection.
#[tokio::test]
async fn a_client_that_sends_its_whole_body_first_sees_that_its_key_is_invalid() {
    let server = server().await;
    let request = anonymous(&server, Method::POST, "/v1/diarize").bearer_auth("wrong");
    let response = request.body(vec![b' '; 20_000_000]).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn connections_without_a_complete_head_are_closed() {
    let server = server_with(|limits| limits.header_timeout = SHORT).await;
    for start in ["", "GET /v1/test HTTP/1.1\r\nhos"] {
        assert_eq!(rest(send(&server, start.as_bytes()).await).await, "");
    }
    // After a response, too.
    let request = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\nGET";
    let response = rest(send(&server, request).await).await;
    assert!(response.ends_with("OK"), "{response}");
}

#[tokio::test]
async fn a_body_that_stalls_or_takes_too_long_fails_with_408() {
    let stall = |limits: &mut ConnectionLimits| limits.stall_timeout = SHORT;
    let total = |limits: &mut ConnectionLimits| limits.body_timeout = SHORT;
    for limit in [stall, total] as [fn(&mut ConnectionLimits); 2] {
        let server = server_with(limit).await;
        let response = rest(send(&server, half_submission(KEY).as_bytes()).await).await;
        assert!(response.starts_with("HTTP/1.1 408"), "{response}");
    }
}

#[tokio::test]
async fn an_upload_that_stalls_fails_with_408_and_stores_nothing() {
    let server = server_with(|limits| limits.stall_timeout = SHORT).await;
    let url = presigned(&server, "/v1/media/input", "media://a").await;
    let path = url.strip_prefix(server.url()).unwrap();
    let request = format!("PUT {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 90\r\n\r\nstart");
    let response = rest(send(&server, request.as_bytes()).await).await;
    assert!(response.starts_with("HTTP/1.1 408"), "{response}");
    let body = serde_json::json!({ "url": "media://a" });
    let response = super::post(&server, "/v1/media/output", &body).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

/// It sends all the time, but little.
#[tokio::test]
async fn an_upload_that_is_too_slow_fails_with_408_and_stores_nothing() {
    let server = server_with(|limits| {
        limits.stall_timeout = Duration::from_millis(500);
        limits.min_upload_bytes_per_s = 8 << 10;
    })
    .await;
    let url = presigned(&server, "/v1/media/input", "media://a").await;
    let path = url.strip_prefix(server.url()).unwrap();
    let request = format!("PUT {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 900000\r\n\r\n");
    let (reader, mut writer) = send(&server, request.as_bytes()).await.into_split();
    let slow = tokio::spawn(async move {
        while writer.write_all(b"R").await.is_ok() {
            tokio::time::sleep(SHORT).await;
        }
    });
    let mut response = Vec::new();
    // It ends with an error if the client still sends when the connection is closed.
    let reading = timeout(TIMEOUT, { reader }.read_to_end(&mut response)).await;
    let _ = reading.expect("the connection is not closed");
    let response = String::from_utf8(response).unwrap();
    assert!(response.starts_with("HTTP/1.1 408"), "{response}");
    let message = "The upload is too slow: less than 4096 bytes arrived in 500ms";
    assert!(response.contains(message), "{response}");
    slow.abort();
    let body = serde_json::json!({ "url": "media://a" });
    let response = super::post(&server, "/v1/media/output", &body).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

/// An upload is not limited as a whole.
#[tokio::test]
async fn a_download_that_is_not_read_ends() {
    let server = server_with(|limits| {
        limits.stall_timeout = SHORT;
        limits.body_timeout = SHORT;
    })
    .await;
    let url = presigned(&server, "/v1/media/input", "media://a").await;
    let upload = super::http().put(url).body(vec![7; 30_000_000]);
    assert_eq!(upload.send().await.unwrap().status(), StatusCode::OK);
    let url = presigned(&server, "/v1/media/output", "media://a").await;
    let path = url.strip_prefix(server.url()).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
    let mut stream = send(&server, request.as_bytes()).await;
    stream.read_exact(&mut [0; 1_000]).await.unwrap();
    let closed = async {
        while server.open_connections() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let result = timeout(TIMEOUT, closed).await;
    result.expect("the connection is not closed");
    drop(stream);
}

#[tokio::test]
async fn a_connection_over_the_limit_replaces_idle_ones() {
    let server = server_with(|limits| limits.connections = 2).await;
    let request = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut idle = Vec::new();
    for _ in 0..2 {
        let mut stream = send(&server, request).await;
        read_response(&mut stream).await;
        idle.push(stream);
    }
    let mut third = send(&server, request).await;
    read_response(&mut third).await;
    for stream in idle {
        assert_eq!(rest(stream).await, "");
    }
    assert_eq!(server.open_connections(), 1);
}

#[tokio::test]
async fn a_connection_over_the_limit_replaces_those_without_a_request() {
    let server = server_with(|limits| limits.connections = 2).await;
    let silent = send(&server, b"").await;
    let half = send(&server, b"GET /v1/test HTTP/1.1\r\nhos").await;
    let response = timeout(TIMEOUT, get(&server, "/v1/test")).await;
    assert_eq!(response.unwrap().status(), StatusCode::OK);
    drop((silent, half));
}

#[tokio::test]
async fn connections_over_the_limit_wait() {
    let server = server_with(|limits| limits.connections = 3).await;
    let requests = (0..50).map(|_| get(&server, "/v2/jobs"));
    for response in futures_util::future::join_all(requests).await {
        assert_eq!(response.status(), StatusCode::OK);
    }
}
