//! Log of received requests, for tests that check what a client sent.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, Method};

/// A request that the server received.
///
/// `Debug` hides what may be secret: it shows the names of the headers, and only the length of the query and the body.
#[derive(Clone)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// HTTP method.
    pub method: Method,
    /// URL path.
    pub path: String,
    /// Query string, without the question mark. The query of a pre-signed URL is a secret while the URL is valid.
    pub query: Option<String>,
    /// Headers, without `Authorization`.
    pub headers: HeaderMap,
    /// Whether the request's API key was valid; `None` if the request had no key.
    pub authorized: Option<bool>,
    /// Body. Empty if it was not kept: in uploads to pre-signed URLs, in requests without a valid API key, and if it is over
    /// the size limit or did not arrive.
    pub body: Bytes,
}

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = |bytes: usize| format!("<{bytes} bytes>");
        let header_names: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        let query = self.query.as_deref().map(|query| length(query.len()));
        f.debug_struct("RecordedRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &query)
            .field("headers", &header_names)
            .field("authorized", &self.authorized)
            .field("body", &length(self.body.len()))
            .finish()
    }
}

/// Ring buffer of the latest requests.
#[derive(Debug)]
pub(crate) struct RequestLog {
    capacity: usize,
    requests: Mutex<VecDeque<RecordedRequest>>,
}

impl RequestLog {
    /// Creates a log that holds at most `capacity` requests.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            requests: Mutex::default(),
        }
    }

    /// Appends a request and drops the oldest ones beyond the capacity.
    pub(crate) fn push(&self, request: RecordedRequest) {
        if self.capacity == 0 {
            return;
        }
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        while requests.len() >= self.capacity {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    /// Returns the requests, newest last.
    pub(crate) fn to_vec(&self) -> Vec<RecordedRequest> {
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
    fn debug_hides_query_header_values_and_body() {
        let mut request = request("/v1/identify");
        request.query = Some("signature=secret-1".to_owned());
        request
            .headers
            .insert("x-token", HeaderValue::from_static("secret-2"));
        request.body = Bytes::from_static(b"secret-3");
        let debug = format!("{request:?}");
        assert!(!debug.contains("secret"), "{debug}");
        for expected in ["GET", "/v1/identify", "<18 bytes>", "x-token", "<8 bytes>"] {
            assert!(debug.contains(expected), "{expected} in {debug}");
        }
    }

    #[test]
    fn drops_the_oldest_requests_beyond_its_capacity() {
        let log = RequestLog::new(2);
        for path in ["/1", "/2", "/3"] {
            log.push(request(path));
        }
        let paths: Vec<String> = log
            .to_vec()
            .into_iter()
            .map(|request| request.path)
            .collect();
        assert_eq!(paths, ["/2", "/3"]);
        let disabled = RequestLog::new(0);
        disabled.push(request("/1"));
        assert!(disabled.to_vec().is_empty());
    }
}
