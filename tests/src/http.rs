//! An HTTP/1.1 server for tests: it sends scripted responses and records the requests.
//!
//! It also does what a web framework would not: it truncates bodies, resets connections and stalls.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test cannot continue without its server"
)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// How long [`TestServer::next_request`] waits.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Delay after which the server tries again to accept a connection.
const ACCEPT_DELAY: Duration = Duration::from_millis(10);

/// A request that the server received.
#[derive(Clone, Debug)]
pub struct Request {
    /// The position among the server's requests, from 0.
    pub index: usize,
    /// The method, such as `POST`.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, without `?`; empty if there is none.
    pub query: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The bytes of the body that were read and kept, see [`Bodies`].
    pub body: Bytes,
    /// Number of bytes of the body that were read.
    pub body_len: u64,
    /// Whether the body was read to the end that `content-length` announced.
    pub complete: bool,
}

impl Request {
    /// Method and target, such as `GET /v2/jobs?limit=1`.
    #[must_use]
    pub fn line(&self) -> String {
        match self.query.as_str() {
            "" => format!("{} {}", self.method, self.path),
            query => format!("{} {}?{query}", self.method, self.path),
        }
    }

    /// The value of a header, if it was sent.
    ///
    /// # Panics
    ///
    /// If the value is not ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body as text.
    ///
    /// # Panics
    ///
    /// If the body is not UTF-8.
    #[must_use]
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If the body is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the server does once it has read a request.
#[derive(Clone, Debug)]
pub struct Response(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// A complete response. The connection stays open.
    Complete {
        status: u16,
        headers: HeaderMap,
        body: Bytes,
    },
    /// These bytes, whatever they are.
    Raw { bytes: Vec<u8>, then: Then },
}

/// What follows raw bytes.
#[derive(Clone, Debug)]
enum Then {
    /// The connection is closed.
    Close,
    /// The connection is closed with a TCP reset.
    Reset,
    /// Nothing: the connection stays open and silent.
    Stall,
    /// These bytes, until the client closes the connection.
    Repeat(Bytes),
}

impl Response {
    /// A complete response, with `content-type: application/json` unless [`header`](Self::header) replaces it.
    ///
    /// # Panics
    ///
    /// If `status` is not a status code.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        let json = HeaderValue::from_static("application/json");
        Self(Kind::Complete {
            status,
            headers: HeaderMap::from_iter([(http::header::CONTENT_TYPE, json)]),
            body: body.into(),
        })
    }

    /// A complete response with status 200.
    #[must_use]
    pub fn ok(body: impl Into<Bytes>) -> Self {
        Self::new(200, body)
    }

    /// A redirect with status 302.
    #[must_use]
    pub fn redirect(location: &str) -> Self {
        Self::new(302, "").header("location", location)
    }

    /// Sets a header of a complete response.
    ///
    /// # Panics
    ///
    /// If the name or the value is invalid, or the response is not a complete one.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        let Kind::Complete { headers, .. } = &mut self.0 else {
            unreachable!("only a complete response has headers");
        };
        let name: HeaderName = name.parse().unwrap();
        headers.insert(name, value.to_string().parse().unwrap());
        self
    }

    /// A response whose connection is closed after `len` bytes of the body.
    #[must_use]
    pub fn truncated(body: &str, len: usize) -> Self {
        let bytes = start(body, len);
        let then = Then::Close;
        Self(Kind::Raw { bytes, then })
    }

    /// A response that stalls after `len` bytes of the body.
    #[must_use]
    pub fn stalled(body: &str, len: usize) -> Self {
        let bytes = start(body, len);
        let then = Then::Stall;
        Self(Kind::Raw { bytes, then })
    }

    /// These bytes, after which the connection stays open and silent.
    #[must_use]
    pub fn raw_stalled(bytes: &str) -> Self {
        let bytes = bytes.as_bytes().to_vec();
        let then = Then::Stall;
        Self(Kind::Raw { bytes, then })
    }

    /// A response with status 200 and of unknown length that repeats a chunk forever.
    #[must_use]
    pub fn endless(chunk: &[u8]) -> Self {
        Self::endless_with_status(200, chunk)
    }

    /// The same with another status.
    #[must_use]
    pub fn endless_with_status(status: u16, chunk: &[u8]) -> Self {
        let head = format!("HTTP/1.1 {status} Status\r\ntransfer-encoding: chunked\r\n\r\n");
        let bytes = head.into_bytes();
        let head = format!("{:x}\r\n", chunk.len());
        let chunk = [head.as_bytes(), chunk, b"\r\n"].concat();
        let then = Then::Repeat(chunk.into());
        Self(Kind::Raw { bytes, then })
    }

    /// These bytes, after which the connection is closed.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        let (bytes, then) = (bytes.into(), Then::Close);
        Self(Kind::Raw { bytes, then })
    }

    /// No response: the connection is closed with a TCP reset.
    #[must_use]
    pub fn reset() -> Self {
        let (bytes, then) = (Vec::new(), Then::Reset);
        Self(Kind::Raw { bytes, then })
    }

    /// No response: the connection stays open.
    #[must_use]
    pub fn none() -> Self {
        let (bytes, then) = (Vec::new(), Then::Stall);
        Self(Kind::Raw { bytes, then })
    }
}

/// The head of a response with status 200, and the first `len` bytes of its body.
fn start(body: &str, len: usize) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), &body.as_bytes()[..len]].concat()
}

/// What the server does with the bodies of requests.
#[derive(Clone, Copy, Debug, Default)]
pub enum Bodies {
    /// Reads and records them.
    #[default]
    Keep,
    /// Reads them and records their length only.
    Discard,
    /// Reads this many bytes at most. The connection is closed after the response to a longer body, with a TCP reset,
    /// since bytes are left unread.
    Truncate(u64),
}

type Handler = Box<dyn FnMut(&Request) -> Response + Send>;

struct Shared {
    handler: Mutex<Handler>,
    bodies: Bodies,
    requests: Mutex<Vec<Request>>,
    received: Notify,
}

/// A server on a free port of 127.0.0.1. It runs until the test's runtime ends.
pub struct TestServer {
    url: String,
    shared: Arc<Shared>,
    /// Number of requests that `next_request` returned.
    taken: usize,
}

impl TestServer {
    /// Sends these responses in order, then the last one again and again.
    ///
    /// # Panics
    ///
    /// If there are no responses, or no free port.
    pub async fn with_responses(responses: impl IntoIterator<Item = Response>) -> Self {
        let mut responses: VecDeque<Response> = responses.into_iter().collect();
        let last = responses.pop_back().expect("at least one response");
        Self::start(move |_| responses.pop_front().unwrap_or_else(|| last.clone())).await
    }

    /// Sends what `handler` returns.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub async fn start(handler: impl FnMut(&Request) -> Response + Send + 'static) -> Self {
        Self::start_with(Bodies::Keep, handler).await
    }

    /// The same, with a choice of what happens to request bodies.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub async fn start_with(
        bodies: Bodies,
        handler: impl FnMut(&Request) -> Response + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            handler: Mutex::new(Box::new(handler)),
            bodies,
            requests: Mutex::default(),
            received: Notify::new(),
        });
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => drop(tokio::spawn(serve(stream, Arc::clone(&accepting)))),
                    // Too many files are open at present. Clients of a server that has ended would wait for minutes.
                    Err(_) => tokio::time::sleep(ACCEPT_DELAY).await,
                }
            }
        });
        let taken = 0;
        Self { url, shared, taken }
    }

    /// The base URL, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All requests so far.
    ///
    /// # Panics
    ///
    /// If the handler panicked.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Method and target of each request, such as `GET /v1/test`.
    #[must_use]
    pub fn request_lines(&self) -> Vec<String> {
        self.requests().iter().map(Request::line).collect()
    }

    /// Number of requests so far.
    ///
    /// # Panics
    ///
    /// If the handler panicked.
    #[must_use]
    pub fn request_count(&self) -> usize {
        self.shared.requests.lock().unwrap().len()
    }

    /// The next request that this method has not returned yet.
    ///
    /// # Panics
    ///
    /// If none arrives within 30 s.
    pub async fn next_request(&mut self) -> Request {
        let arrived = async {
            loop {
                let received = self.shared.received.notified();
                if let Some(request) = self.requests().get(self.taken) {
                    return request.clone();
                }
                received.await;
            }
        };
        let request = tokio::time::timeout(REQUEST_TIMEOUT, arrived).await;
        self.taken += 1;
        request.expect("no request arrived")
    }

    /// Whether there are requests that `next_request` has not returned.
    #[must_use]
    pub fn has_more_requests(&self) -> bool {
        self.request_count() > self.taken
    }
}

/// A URL on loopback at which nothing listens.
///
/// # Panics
///
/// If there is no free port.
#[must_use]
pub fn unreachable_url() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Serves one connection.
async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let mut stream = BufReader::with_capacity(64 * 1024, stream);
    while let Some(mut request) = read(&mut stream, shared.bodies).await {
        let may_continue = request.complete;
        {
            let mut requests = shared.requests.lock().unwrap();
            request.index = requests.len();
            requests.push(request.clone());
        }
        let Response(kind) = shared.handler.lock().unwrap()(&request);
        shared.received.notify_waiters();
        let written = match kind {
            Kind::Complete {
                status,
                headers,
                body,
            } => write(&mut stream, status, &headers, &body).await,
            Kind::Raw { bytes, then } => return write_raw(stream, &bytes, then).await,
        };
        if written.is_err() || !may_continue {
            return;
        }
    }
}

async fn write(
    stream: &mut BufReader<TcpStream>,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> std::io::Result<()> {
    let length = body.len();
    let mut head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\n").into_bytes();
    for (name, value) in headers {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    stream.write_all(&[&head, body].concat()).await
}

async fn write_raw(mut stream: BufReader<TcpStream>, bytes: &[u8], then: Then) {
    let _ = stream.write_all(bytes).await;
    match then {
        Then::Close => {
            let _ = stream.shutdown().await;
        }
        Then::Reset => {
            let _ = stream.get_ref().set_zero_linger();
        }
        Then::Stall => std::future::pending().await,
        Then::Repeat(chunk) => while stream.write_all(&chunk).await.is_ok() {},
    }
}

/// The next request of a connection, or `None` at its end.
pub(crate) async fn read(stream: &mut BufReader<TcpStream>, bodies: Bodies) -> Option<Request> {
    let mut line = String::new();
    if stream.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let (method, target) = line
        .trim_end()
        .trim_end_matches(" HTTP/1.1")
        .split_once(' ')?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = HeaderMap::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, value.trim().parse().unwrap());
    }
    let length = headers.get(http::header::CONTENT_LENGTH);
    let length: u64 = length.map_or(0, |length| length.to_str().unwrap().parse().unwrap());
    let wanted = match bodies {
        Bodies::Truncate(limit) => length.min(limit),
        Bodies::Keep | Bodies::Discard => length,
    };
    let mut body = Vec::new();
    let mut unread = stream.take(wanted);
    // A client that closes the connection early leaves an incomplete body.
    let _ = match bodies {
        Bodies::Discard => tokio::io::copy_buf(&mut unread, &mut tokio::io::sink()).await,
        Bodies::Keep | Bodies::Truncate(_) => {
            let read = unread.read_to_end(&mut body).await;
            read.map(|read| read as u64)
        }
    };
    let body_len = wanted - unread.limit();
    Some(Request {
        index: 0,
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: body.into(),
        body_len,
        complete: body_len == length,
    })
}
