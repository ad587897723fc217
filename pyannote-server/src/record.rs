//! A record of what was received, for tests that ask what a client sent.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, Method};

/// A request that the server received.
///
/// Its `Debug` keeps to itself what may be secret: of the query and the body it tells the length, of the headers the
/// names.
#[derive(Clone)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The query, without the question mark. That of a pre-signed URL is a secret, as long as the URL is valid.
    pub query: Option<String>,
    /// The headers, without `Authorization`.
    pub headers: HeaderMap,
    /// Whether the key was right; none where there was none.
    pub authorized: Option<bool>,
    /// The body. Empty for what went to the storage, and for a body over the limit.
    pub body: Bytes,
}

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = |length: usize| format!("<{length} bytes>");
        let names: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("RecordedRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field(
                "query",
                &self.query.as_deref().map(|query| bytes(query.len())),
            )
            .field("headers", &names)
            .field("authorized", &self.authorized)
            .field("body", &bytes(self.body.len()))
            .finish()
    }
}

/// The latest requests.
#[derive(Debug)]
pub(crate) struct Record {
    kept: usize,
    requests: Mutex<VecDeque<RecordedRequest>>,
}

impl Record {
    /// A record of at most `kept` requests.
    pub(crate) fn new(kept: usize) -> Self {
        Self {
            kept,
            requests: Mutex::default(),
        }
    }

    pub(crate) fn add(&self, request: RecordedRequest) {
        if self.kept == 0 {
            return;
        }
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        while requests.len() >= self.kept {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    /// The requests, newest last.
    pub(crate) fn all(&self) -> Vec<RecordedRequest> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn request(path: &str) -> RecordedRequest {
        RecordedRequest {
            method: Method::GET,
            path: path.to_owned(),
            query: None,
            headers: HeaderMap::new(),
            authorized: None,
            body: Bytes::new(),
        }
    }

    #[test]
    fn what_may_be_secret_does_not_show() {
        let mut request = request("/v1/identify");
        request.query = Some("signature=secret-1".to_owned());
        request
            .headers
            .insert("x-token", HeaderValue::from_static("secret-2"));
        request.body = Bytes::from_static(b"secret-3");
        let shown = format!("{request:?}");
        assert!(!shown.contains("secret"), "{shown}");
        for told in ["GET", "/v1/identify", "<18 bytes>", "x-token", "<8 bytes>"] {
            assert!(shown.contains(told), "{told} in {shown}");
        }
    }

    #[test]
    fn the_oldest_goes_first() {
        let record = Record::new(2);
        for path in ["/1", "/2", "/3"] {
            record.add(request(path));
        }
        let paths: Vec<String> = record.all().into_iter().map(|seen| seen.path).collect();
        assert_eq!(paths, ["/2", "/3"]);
        let nothing = Record::new(0);
        nothing.add(request("/1"));
        assert!(nothing.all().is_empty());
    }
}
