//! Whether a media object is already in the storage.

use std::sync::Arc;

use http::header::{ACCEPT_ENCODING, CONTENT_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::Request;
use tracing::debug;

use super::MediaUrl;
use super::presigned::PresignedUrl;
use crate::transport::{Endpoint, Executor};

/// Whether the storage has `media`, with a length of `len` bytes if it reports one.
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
    match executor.send_to_storage(request).await {
        Ok(response) => {
            let status = response.status();
            debug!(status = status.as_u16(), "checked whether the media exists");
            response_means_exists(status, response.headers(), len)
        }
        Err((failure, _)) => {
            debug!(?failure, "cannot check whether the media exists");
            false
        }
    }
}

fn response_means_exists(status: StatusCode, headers: &HeaderMap, len: u64) -> bool {
    match status {
        StatusCode::OK => true,
        // An object of a different length under the same key has different content.
        StatusCode::PARTIAL_CONTENT => total_length(headers).is_none_or(|total| total == len),
        _ => false,
    }
}

/// The total length in a `Content-Range` such as `bytes 0-0/1234`.
fn total_length(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    range.rsplit_once('/')?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_responses_mean_that_it_exists() {
        for (status, range, expected) in [
            (200, None, true),
            (206, None, true),
            (206, Some("bytes 0-0/10"), true),
            (206, Some("bytes 0-0/*"), true),
            (206, Some("bytes 0-0/11"), false),
            (302, None, false),
            (403, None, false),
            (404, None, false),
            (416, Some("bytes */0"), false),
            (500, None, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(range) = range {
                headers.insert(CONTENT_RANGE, HeaderValue::from_static(range));
            }
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                response_means_exists(status, &headers, 10),
                expected,
                "{status} {range:?}"
            );
        }
    }
}
