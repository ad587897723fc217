//! Bodies of requests: reading them with limits of size and time, or not reading them.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use http::header::{CONNECTION, EXPECT};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::time::timeout;

use super::error::api_error;
use crate::connections::ConnectionLimits;

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
            let mut parts = pin!(self.parts(limits.stall_timeout));
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

    /// Returns the parts of a body. Fails if the next one takes longer than `stall_timeout`.
    pub(super) fn parts(
        &mut self,
        stall_timeout: Duration,
    ) -> impl Stream<Item = Result<Bytes, BodyError>> {
        stream::try_unfold(self, move |this| async move {
            this.waits = false;
            loop {
                let next = poll_fn(|cx| Pin::new(&mut this.body).poll_frame(cx));
                match timeout(stall_timeout, next).await {
                    Ok(Some(Ok(frame))) => {
                        // Trailers are skipped.
                        if let Ok(part) = frame.into_data() {
                            return Ok(Some((part, this)));
                        }
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
