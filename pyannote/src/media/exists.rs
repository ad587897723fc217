//! Whether a media object is already in the storage.

use std::future::pending;
use std::sync::Arc;

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::Request;
use tracing::debug;

use super::MediaUrl;
use super::presigned::PresignedUrl;
use crate::transport::{Endpoint, Executor};

/// Whether the storage has `media` with a length of `len` bytes. An object of unknown length does not count.
///
/// Returns false after any error: the upload that follows fails with a proper error, if at all.
pub(super) async fn exists(executor: &Arc<Executor>, media: &MediaUrl, len: u64) -> bool {
    let url = match PresignedUrl::request(executor, Endpoint::MediaOutput, media).await {
        Ok(url) => url,
        Err(error) => {
            debug!(kind = ?error.kind(), "cannot check whether the media exists");
            return false;
        }
    };
    let mut request = Request::new(Method::GET, url.url());
    // A pre-signed URL is valid for one method, so HEAD would be rejected; one byte is enough.
    let headers = request.headers_mut();
    headers.insert(RANGE, HeaderValue::from_static("bytes=0-0"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    *request.timeout_mut() = Some(executor.settings.attempt_timeout);
    // The body is not read: a server without support for ranges would send all of it.
    match executor.send_to_storage(request, pending()).await {
        Ok(response) => {
            let status = response.status();
            debug!(status = status.as_u16(), "checked whether the media exists");
            stored_length(status, response.headers()) == Some(len)
        }
        Err((failure, _)) => {
            debug!(?failure, "cannot check whether the media exists");
            false
        }
    }
}

/// The length of the stored object, according to the response to a request for its first byte.
fn stored_length(status: StatusCode, headers: &HeaderMap) -> Option<u64> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // The length of an encoding is not that of the object.
    if text(CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return None;
    }
    match status {
        // The storage does not support ranges: the response has the whole object.
        StatusCode::OK => text(CONTENT_LENGTH)?.trim().parse().ok(),
        // The total in a range such as `bytes 0-0/1234`.
        StatusCode::PARTIAL_CONTENT => {
            let (_, total) = text(CONTENT_RANGE)?.rsplit_once('/')?;
            total.trim().parse().ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_of_each_response() {
        for (status, header, expected) in [
            (200, None, None),
            (200, Some((CONTENT_LENGTH, "10")), Some(10)),
            (200, Some((CONTENT_RANGE, "bytes 0-0/10")), None),
            (206, None, None),
            (206, Some((CONTENT_LENGTH, "1")), None),
            (206, Some((CONTENT_RANGE, "bytes 0-0/10")), Some(10)),
            (206, Some((CONTENT_RANGE, "bytes 0-0/*")), None),
            (206, Some((CONTENT_RANGE, "bytes 0-0")), None),
            (302, Some((CONTENT_LENGTH, "10")), None),
            (403, Some((CONTENT_LENGTH, "10")), None),
            (404, Some((CONTENT_LENGTH, "10")), None),
            (416, Some((CONTENT_RANGE, "bytes */0")), None),
            (500, Some((CONTENT_LENGTH, "10")), None),
        ] {
            let headers: HeaderMap = header
                .into_iter()
                .map(|(name, value)| (name, HeaderValue::from_static(value)))
                .collect();
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                stored_length(status, &headers),
                expected,
                "{status} {headers:?}"
            );
            let mut encoded = headers;
            encoded.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            assert_eq!(stored_length(status, &encoded), None);
        }
    }
}
