//! The answer to a request, as the faults change it, down to the bytes and when they are sent.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::http::Request;

/// Number of parts of an answer that is sent slowly.
const PARTS: usize = 8;

/// An answer. It starts as that of the server, or as an empty 200 if the request is not forwarded.
pub(super) struct Reply {
    /// URL of another origin, for redirects.
    pub(super) other_origin: String,
    /// Path and query of the request.
    pub(super) target: String,
    /// Bytes before the head, such as informational responses.
    pub(super) before: Vec<u8>,
    pub(super) status: u16,
    /// Lines of the head, without those about the connection and the length of the body.
    pub(super) headers: Vec<String>,
    pub(super) framing: Framing,
    pub(super) body: Vec<u8>,
    /// Bytes after the body.
    pub(super) after: Vec<u8>,
    /// Where the bytes end.
    pub(super) cut: Cut,
    /// Delay between the parts of an answer that is sent slowly.
    pub(super) pause: Duration,
    pub(super) then: Then,
}

/// How the length of the body is stated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Framing {
    Length,
    Chunked,
    /// Not at all: the end of the connection ends it.
    None,
    /// As 10 bytes more than there are.
    TooLong,
}

/// Which bytes are sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cut {
    /// All.
    No,
    /// None.
    All,
    /// The first ones of the head.
    InHead,
    /// The head, and half of the body.
    InBody,
}

/// What follows the bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Then {
    /// The next request.
    KeepOpen,
    /// The connection is closed.
    Close,
    /// The connection is closed with a TCP reset.
    Reset,
    /// Nothing, until the client closes the connection.
    Stall,
}

impl Reply {
    pub(super) fn new(other_origin: &str, request: &Request) -> Self {
        let target = match request.query.as_str() {
            "" => request.path.clone(),
            query => format!("{}?{query}", request.path),
        };
        Self {
            other_origin: other_origin.to_owned(),
            target,
            before: Vec::new(),
            status: 200,
            headers: vec!["content-type: application/json".to_owned()],
            framing: Framing::Length,
            body: Vec::new(),
            after: Vec::new(),
            cut: Cut::No,
            pause: Duration::ZERO,
            then: Then::KeepOpen,
        }
    }

    /// Takes over the status, headers and body of a response.
    pub(super) fn read_from(&mut self, response: &[u8]) -> io::Result<()> {
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "no HTTP response");
        let mut windows = response.windows(4);
        let end = windows.position(|window| window == b"\r\n\r\n");
        let end = end.ok_or_else(invalid)?;
        let head = str::from_utf8(&response[..end]).map_err(|_| invalid())?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        self.status = status
            .and_then(|status| status.parse().ok())
            .ok_or_else(invalid)?;
        let describes_connection = |line: &&str| {
            let name = line.split(':').next().unwrap_or_default();
            let names = ["connection", "content-length", "transfer-encoding"];
            names.iter().any(|other| name.eq_ignore_ascii_case(other))
        };
        self.headers = lines
            .filter(|line| !describes_connection(line))
            .map(str::to_owned)
            .collect();
        self.body = response[end + 4..].to_vec();
        Ok(())
    }

    /// Replaces the answer by one of this status with a JSON error.
    pub(super) fn status(&mut self, status: u16) {
        self.status = status;
        self.headers = vec!["content-type: application/json".to_owned()];
        self.body = json!({ "message": "injected" }).to_string().into_bytes();
    }

    /// Replaces the answer by one of this status with one more line in its head.
    pub(super) fn status_with(&mut self, status: u16, header: &str) {
        self.status(status);
        self.headers.push(header.to_owned());
    }

    /// Replaces the answer by a redirect to another origin.
    pub(super) fn redirect(&mut self, status: u16) {
        let location = format!("location: {}{}", self.other_origin, self.target);
        self.status_with(status, &location);
    }

    /// Replaces the answer by a redirect to the request's own target.
    pub(super) fn redirect_to_itself(&mut self, status: u16) {
        let location = format!("location: {}", self.target);
        self.status_with(status, &location);
    }

    /// Replaces the answer by a page, as of a captive portal.
    pub(super) fn html(&mut self, status: u16) {
        self.status = status;
        self.headers = vec!["content-type: text/html".to_owned()];
        self.body = b"<!doctype html><title>Sign in</title><p>Welcome to the network".to_vec();
    }

    /// Sets the value of the header `content-type`.
    pub(super) fn content_type(&mut self, value: &str) {
        self.headers
            .retain(|line| !line.starts_with("content-type"));
        self.headers.push(format!("content-type: {value}"));
    }

    /// Sends nothing.
    pub(super) fn silence(&mut self, then: Then) {
        self.cut = Cut::All;
        self.then = then;
    }

    /// Sends only a part.
    pub(super) fn cut(&mut self, cut: Cut, then: Then) {
        self.cut = cut;
        self.then = then;
    }

    /// Replaces the answer by other bytes.
    pub(super) fn raw(&mut self, bytes: &[u8], then: Then) {
        self.before = bytes.to_vec();
        self.silence(then);
    }

    /// Changes the items of a page of the listing.
    pub(super) fn items(&mut self, change: impl FnOnce(&mut Vec<Value>)) {
        let mut page: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        if let Some(items) = page["items"].as_array_mut() {
            change(items);
            self.body = page.to_string().into_bytes();
        }
    }

    /// The bytes before the cut.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Status\r\n", self.status);
        for line in &self.headers {
            let _ = write!(head, "{line}\r\n");
        }
        let length = self.body.len();
        let _ = match self.framing {
            Framing::Length if self.status == 204 => Ok(()),
            Framing::Length => write!(head, "content-length: {length}\r\n"),
            Framing::TooLong => write!(head, "content-length: {}\r\n", length + 10),
            Framing::Chunked => write!(head, "transfer-encoding: chunked\r\n"),
            Framing::None => write!(head, "connection: close\r\n"),
        };
        head.push_str("\r\n");
        let body = match self.framing {
            Framing::Chunked => chunked(&self.body),
            _ => self.body.clone(),
        };
        let (head, body) = match self.cut {
            Cut::No => (head.as_bytes(), [&body[..], &self.after].concat()),
            Cut::All => (&b""[..], Vec::new()),
            Cut::InHead => (&head.as_bytes()[..30.min(head.len())], Vec::new()),
            Cut::InBody => (head.as_bytes(), body[..body.len() / 2].to_vec()),
        };
        [&self.before, head, &body].concat()
    }

    /// Sends the answer. Returns whether the connection remains open.
    pub(super) async fn send(&self, stream: &mut BufReader<TcpStream>) -> bool {
        let bytes = self.bytes();
        let parts = if self.pause.is_zero() { 1 } else { PARTS };
        for part in bytes.chunks(bytes.len().div_ceil(parts).max(1)) {
            if stream.write_all(part).await.is_err() {
                return false;
            }
            tokio::time::sleep(self.pause).await;
        }
        match self.then {
            Then::KeepOpen => return true,
            Then::Close => drop(stream.shutdown().await),
            Then::Reset => drop(stream.get_ref().set_zero_linger()),
            Then::Stall => while matches!(stream.read(&mut [0; 64]).await, Ok(1..)) {},
        }
        false
    }
}

/// The body in chunks of different sizes, one of them with an extension.
fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (first, rest) = body.split_at(body.len().min(1));
    for (chunk, extension) in [(first, ";name=value"), (rest, "")] {
        if !chunk.is_empty() {
            bytes.extend(format!("{:x}{extension}\r\n", chunk.len()).bytes());
            bytes.extend([chunk, b"\r\n"].concat());
        }
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}
