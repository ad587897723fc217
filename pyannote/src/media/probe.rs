//! Whether a medium is in the storage already.

use http::header::{ACCEPT_ENCODING, CONTENT_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::Request;
use tracing::debug;

use super::MediaUrl;
use super::presigned::Presigned;
use crate::transport::{Endpoint, Executor};

/// Whether the storage has `media`, with `len` bytes where it says how many. Whatever goes wrong means no: the upload
/// that follows finds out what is the matter, and says so.
pub(super) async fn is_stored(executor: &Executor, media: &MediaUrl, len: u64) -> bool {
    let url = match Presigned::ask(executor, Endpoint::MediaOutput, media).await {
        Ok(url) => url,
        Err(error) => {
            debug!(kind = ?error.kind(), "not known to be stored");
            return false;
        }
    };
    let mut request = Request::new(Method::GET, url.url());
    // A pre-signed URL is signed for one method, so HEAD would be refused; one byte is enough.
    let headers = request.headers_mut();
    headers.insert(RANGE, HeaderValue::from_static("bytes=0-0"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    *request.timeout_mut() = Some(executor.settings.attempt_timeout);
    // The body is dropped unread: a server without ranges would send all of it.
    match executor.send_to_storage(request).await {
        Ok(response) => {
            let status = response.status();
            debug!(status = status.as_u16(), "looked whether it is stored");
            says_stored(status, response.headers(), len)
        }
        Err((failure, _)) => {
            debug!(?failure, "not known to be stored");
            false
        }
    }
}

fn says_stored(status: StatusCode, headers: &HeaderMap, len: u64) -> bool {
    match status {
        StatusCode::OK => true,
        // Something of another length under the same key is something else.
        StatusCode::PARTIAL_CONTENT => stored_length(headers).is_none_or(|stored| stored == len),
        _ => false,
    }
}

/// The length in `bytes 0-0/1234`.
fn stored_length(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    range.rsplit_once('/')?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_that_it_is_stored() {
        for (status, range, stored) in [
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
                says_stored(status, &headers, 10),
                stored,
                "{status} {range:?}"
            );
        }
    }
}
