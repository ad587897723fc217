//! The response to a rejected delivery, and its log message.

use std::fmt;

use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::super::{SIGNATURE, VerifyError};

/// Why [`VerifiedEvent`](super::VerifiedEvent) rejects a delivery. Its `Display` has the full reason; as a response it
/// has as little as possible, so that it does not help a forger.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EventRejection {
    /// The verifier rejected the delivery.
    Invalid(VerifyError),
    /// The body is larger than the limit.
    TooLarge,
    /// The body is incomplete.
    Incomplete,
    /// The body did not arrive within the [read timeout](crate::webhook::Verifier::read_timeout).
    Timeout,
}

impl EventRejection {
    /// The status of the response.
    ///
    /// ```
    /// use pyannote::webhook::{EventRejection, VerifyError};
    ///
    /// assert_eq!(EventRejection::Invalid(VerifyError::BadSignature).status(), 401);
    /// ```
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response().0
    }

    /// Status and body of the response. The body is the same for every 401.
    fn response(&self) -> (StatusCode, &'static str) {
        let error = match self {
            Self::Invalid(error) => error,
            Self::TooLarge => return (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large\n"),
            Self::Incomplete => return (StatusCode::BAD_REQUEST, "the body is incomplete\n"),
            Self::Timeout => {
                return (
                    StatusCode::REQUEST_TIMEOUT,
                    "the body did not arrive in time\n",
                );
            }
        };
        match error {
            VerifyError::MissingHeader(name) if *name != SIGNATURE => INVALID_TIMESTAMP,
            VerifyError::BadTimestamp { .. } => INVALID_TIMESTAMP,
            VerifyError::NotJson { .. } | VerifyError::NotAnEvent { .. } => {
                (StatusCode::BAD_REQUEST, "the body is not a job event\n")
            }
            VerifyError::Replayed => (StatusCode::OK, "received before\n"),
            VerifyError::MissingHeader(_)
            | VerifyError::BadSignature
            | VerifyError::TooOld { .. }
            | VerifyError::TooNew { .. } => (
                StatusCode::UNAUTHORIZED,
                "the delivery cannot be verified\n",
            ),
        }
    }

    /// Logs the reason, which the response omits.
    pub(super) fn log(&self) {
        match self {
            Self::Invalid(VerifyError::Replayed) => {
                tracing::debug!(error = %self, "webhook delivery rejected");
            }
            _ => tracing::warn!(error = %self, "webhook delivery rejected"),
        }
    }
}

const INVALID_TIMESTAMP: (StatusCode, &str) = (
    StatusCode::BAD_REQUEST,
    "the delivery has no valid timestamp\n",
);

impl From<VerifyError> for EventRejection {
    fn from(error: VerifyError) -> Self {
        Self::Invalid(error)
    }
}

impl From<BytesRejection> for EventRejection {
    fn from(rejection: BytesRejection) -> Self {
        match rejection {
            BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
                Self::TooLarge
            }
            _ => Self::Incomplete,
        }
    }
}

impl IntoResponse for EventRejection {
    fn into_response(self) -> Response {
        self.response().into_response()
    }
}

impl fmt::Display for EventRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(error) => error.fmt(f),
            Self::TooLarge => f.write_str(
                "the body is larger than the limit of the route; if outputs can be this large, set a larger \
                 DefaultBodyLimit",
            ),
            Self::Incomplete => f.write_str(
                "the body is incomplete; the connection was lost, or the sender aborted the request",
            ),
            Self::Timeout => f.write_str(
                "the body did not arrive within the read timeout; the sender is slow, or keeps the connection open on \
                 purpose; if the network is slow, set a longer Verifier::read_timeout",
            ),
        }
    }
}

impl std::error::Error for EventRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // `Display` is that of the inner error, so the chain continues with its source.
            Self::Invalid(error) => error.source(),
            Self::TooLarge | Self::Incomplete | Self::Timeout => None,
        }
    }
}
