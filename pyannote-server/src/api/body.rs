//! Bodies of requests: reading them with limits of size and time, or not reading them.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use http::header::{CONNECTION, EXPECT};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::time::timeout;

use super::error::api_error;
use crate::connections::ConnectionLimits;
use crate::pace::Pace;

/// How long a body that nobody wants is read: in all, and without receiving anything.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);
const DISCARD_STALL_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body is too large")]
    TooLarge,
    #[error("the body was not received in time")]
    TimedOut,
    #[error("the body was received too slowly")]
    TooSlow {
        /// How much had to arrive in a window of time.
        min_bytes: u64,
        window: Duration,
    },
    #[error("the body could not be read")]
    Failed,
}

/// Body of a request, of which all, a part or nothing is read.
pub(super) struct RequestBody {
    body: Body,
    /// Whether the client waits to be asked for the body. Reading asks for it.
    waits: bool,
}

impl RequestBody {
    /// Wraps the body of a request with these headers.
    pub(super) fn new(headers: &HeaderMap, body: Body) -> Self {
        Self {
            body,
            waits: headers.contains_key(EXPECT),
        }
    }

    /// Returns the announced size, in bytes, or 0 if it is unknown.
    pub(super) fn announced_bytes(&self) -> u64 {
        self.body.size_hint().lower()
    }

    /// Reads a body of at most `max_bytes`.
    pub(super) async fn read(
        &mut self,
        max_bytes: usize,
        limits: &ConnectionLimits,
    ) -> Result<Bytes, BodyError> {
        // A body whose announced length is over the limit is not read at all.
        if self.announced_bytes() > max_bytes as u64 {
            return Err(BodyError::TooLarge);
        }
        let reading = async {
            let mut parts = pin!(self.parts(limits.stall_timeout, None));
            let mut bytes = BytesMut::new();
            while let Some(part) = parts.next().await {
                let part = part?;
                if bytes.len() + part.len() > max_bytes {
                    return Err(BodyError::TooLarge);
                }
                bytes.extend_from_slice(&part);
            }
            Ok(bytes.freeze())
        };
        let reading = timeout(limits.body_timeout, reading).await;
        reading.unwrap_or(Err(BodyError::TimedOut))
    }

    /// Returns the parts of an upload. Fails if it stalls or is too slow.
    pub(super) fn upload(
        &mut self,
        limits: &ConnectionLimits,
    ) -> impl Stream<Item = Result<Bytes, BodyError>> {
        let pace = Pace::new(limits.min_upload_bytes_per_s, limits.stall_timeout);
        self.parts(limits.stall_timeout, Some(pace))
    }

    /// Returns the parts of a body. Fails if the next one takes longer than `stall_timeout`, or if they are slower than
    /// `pace`.
    fn parts(
        &mut self,
        stall_timeout: Duration,
        pace: Option<Pace>,
    ) -> impl Stream<Item = Result<Bytes, BodyError>> {
        stream::try_unfold((self, pace), move |(this, mut pace)| async move {
            this.waits = false;
            let start = Instant::now();
            loop {
                let next = poll_fn(|cx| Pin::new(&mut this.body).poll_frame(cx));
                match timeout(stall_timeout, next).await {
                    Ok(Some(Ok(frame))) => {
                        // Trailers are skipped.
                        let Ok(part) = frame.into_data() else {
                            continue;
                        };
                        if let Some(pace) = &mut pace
                            && pace.is_too_slow(part.len() as u64, start.elapsed())
                            && !this.body.is_end_stream()
                        {
                            return Err(BodyError::TooSlow {
                                min_bytes: pace.min_bytes(),
                                window: pace.window(),
                            });
                        }
                        return Ok(Some((part, (this, pace))));
                    }
                    Ok(Some(Err(_))) => return Err(BodyError::Failed),
                    Ok(None) => return Ok(None),
                    Err(_) => return Err(BodyError::TimedOut),
                }
            }
        })
    }

    /// Completes the response to a request whose body, or the rest of it, is not needed.
    ///
    /// The connection is closed, but the body is discarded for a short time before: a client that is still sending it would
    /// otherwise see a reset connection instead of the response.
    pub(super) fn discard(self, response: Response) -> Response {
        if self.body.is_end_stream() {
            return response;
        }
        if !self.waits {
            let mut rest = self.body.into_data_stream();
            let rest = async move {
                while let Ok(Some(Ok(_))) = timeout(DISCARD_STALL_TIMEOUT, rest.next()).await {}
            };
            tokio::spawn(timeout(DISCARD_TIMEOUT, rest));
        }
        close_connection(response)
    }
}

/// Creates the response to a request whose body cannot be read.
pub(super) fn error_response(error: BodyError, max_bytes: u64) -> Response {
    let response = match error {
        BodyError::TooLarge => {
            let message = format!("The body is larger than {max_bytes} bytes");
            api_error(StatusCode::PAYLOAD_TOO_LARGE, &message)
        }
        BodyError::TimedOut => {
            let message = "The body was not received in time";
            api_error(StatusCode::REQUEST_TIMEOUT, message)
        }
        BodyError::TooSlow { min_bytes, window } => {
            let message = format!(
                "The upload is too slow: less than {min_bytes} bytes arrived in {window:?}; send fewer at the same time"
            );
            api_error(StatusCode::REQUEST_TIMEOUT, &message)
        }
        BodyError::Failed => api_error(StatusCode::BAD_REQUEST, "The body could not be read"),
    };
    close_connection(response)
}

/// Closes the connection after the response: the unread rest of the body makes it unusable for another request.
fn close_connection(mut response: Response) -> Response {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    const WINDOW: Duration = Duration::from_millis(500);

    /// Reads an upload of a byte at a time.
    async fn read_upload(min_upload_bytes_per_s: u64) -> Result<usize, BodyError> {
        let parts = stream::iter(0..60).then(|_| async {
            tokio::time::sleep(WINDOW / 50).await;
            Ok::<_, io::Error>(Bytes::from_static(b"a"))
        });
        let mut body = RequestBody::new(&HeaderMap::new(), Body::from_stream(parts));
        let limits = ConnectionLimits {
            stall_timeout: WINDOW,
            min_upload_bytes_per_s,
            ..ConnectionLimits::default()
        };
        let mut parts = pin!(body.upload(&limits));
        let mut bytes = 0;
        while let Some(part) = parts.next().await {
            bytes += part?.len();
        }
        Ok(bytes)
    }

    #[tokio::test]
    async fn an_upload_of_a_byte_at_a_time_is_too_slow() {
        let error = read_upload(8 << 10).await.unwrap_err();
        let expected = BodyError::TooSlow {
            min_bytes: 4 << 10,
            window: WINDOW,
        };
        assert_eq!(error, expected);
        let response = error_response(error, 1);
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(response.headers()[CONNECTION], "close");
        let body = axum::body::to_bytes(response.into_body(), 1_000).await;
        let body = String::from_utf8(body.unwrap().to_vec()).unwrap();
        let message = "The upload is too slow: less than 4096 bytes arrived in 500ms";
        assert!(body.contains(message), "{body}");
        assert_eq!(read_upload(0).await, Ok(60));
    }
}
