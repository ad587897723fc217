//! Servers on loopback: the service and its storage as these tests need them, and everything that was sent to them.

use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A request as a server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the body came as long as announced.
    pub(crate) whole: bool,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A server, and what was sent to it.
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// A server that answers each request with what `respond` makes of it and of its number, from 0.
    pub(crate) async fn start(
        respond: impl Fn(&Seen, usize) -> Response + Send + Sync + 'static,
    ) -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let log = Arc::clone(&seen);
        let respond = Arc::new(respond);
        let handler = move |request: Request| {
            let (log, respond) = (Arc::clone(&log), Arc::clone(&respond));
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await;
                let request = Seen {
                    method: parts.method,
                    path: parts.uri.path().to_owned(),
                    query: parts.uri.query().unwrap_or_default().to_owned(),
                    headers: parts.headers,
                    whole: body.is_ok(),
                    body: body.unwrap_or_default(),
                };
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push(request.clone());
                    log.len() - 1
                };
                respond(&request, number)
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(handler);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

/// A service that hands out `urls` in turn, the last one for good, at both of its media operations.
pub(crate) async fn service(urls: Vec<String>) -> Server {
    Server::start(move |_, number| granted(&urls[number.min(urls.len() - 1)])).await
}

/// The answer of the service with a pre-signed URL.
pub(crate) fn granted(url: &str) -> Response {
    let body = serde_json::json!({ "url": url }).to_string();
    (StatusCode::CREATED, body).into_response()
}

/// A storage that takes and answers everything.
pub(crate) async fn storage() -> Server {
    Server::start(|_, _| StatusCode::OK.into_response()).await
}

pub(crate) fn answer(status: u16, body: impl Into<Body>) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, body.into()).into_response()
}

/// A storage that reads about `read` bytes of each connection, writes `answer` and closes, or keeps it open.
pub(crate) async fn rude_storage(read: usize, answer: &'static [u8], close: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 16 * 1024];
            let mut total = 0;
            while total < read {
                match socket.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(some) => total += some,
                }
            }
            let _ = socket.write_all(answer).await;
            // Closed with bytes unread, the connection is reset and not merely ended.
            if !close {
                kept.push(socket);
            }
        }
    });
    url
}
