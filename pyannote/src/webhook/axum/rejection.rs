//! How a refused delivery is answered, and logged.

use std::fmt;

use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::super::{SIGNATURE, VerifyError};

/// Why [`VerifiedEvent`](super::VerifiedEvent) refuses a delivery. As a response it says little, so that it is of no
/// help to a forger; its `Display` says all.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EventRejection {
    /// The delivery is not to be trusted, was received before, or is no event.
    Refused(VerifyError),
    /// The body is larger than the limit.
    TooLarge,
    /// The body did not come to its end.
    Incomplete,
}

impl EventRejection {
    /// The status of the answer.
    ///
    /// ```
    /// use pyannote::webhook::{EventRejection, VerifyError};
    ///
    /// assert_eq!(EventRejection::Refused(VerifyError::BadSignature).status(), 401);
    /// ```
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.answer().0
    }

    /// Status and body of the answer. All that is 401 reads the same.
    fn answer(&self) -> (StatusCode, &'static str) {
        let Self::Refused(error) = self else {
            return match self {
                Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large\n"),
                _ => (StatusCode::BAD_REQUEST, "the body is incomplete\n"),
            };
        };
        match error {
            VerifyError::MissingHeader(name) if *name != SIGNATURE => BAD_TIMESTAMP,
            VerifyError::BadTimestamp { .. } => BAD_TIMESTAMP,
            VerifyError::NotJson { .. } | VerifyError::NotAnEvent { .. } => (
                StatusCode::BAD_REQUEST,
                "the body is not the end of a job\n",
            ),
            VerifyError::Replayed => (StatusCode::OK, "received before\n"),
            VerifyError::NoSecret => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "this receiver has no webhook secret: set it, and deliveries are accepted\n",
            ),
            VerifyError::MissingHeader(_)
            | VerifyError::BadSignature
            | VerifyError::TooOld { .. }
            | VerifyError::TooNew { .. } => (
                StatusCode::UNAUTHORIZED,
                "the delivery cannot be verified\n",
            ),
        }
    }

    /// For whoever runs the receiver: the answer does not say it.
    pub(super) fn log(&self) {
        match self {
            Self::Refused(VerifyError::NoSecret) => {
                tracing::error!(error = %self, "webhook refused")
            }
            Self::Refused(VerifyError::Replayed) => {
                tracing::debug!(error = %self, "webhook refused")
            }
            _ => tracing::warn!(error = %self, "webhook refused"),
        }
    }
}

const BAD_TIMESTAMP: (StatusCode, &str) = (
    StatusCode::BAD_REQUEST,
    "the delivery has no valid timestamp\n",
);

impl From<VerifyError> for EventRejection {
    fn from(error: VerifyError) -> Self {
        Self::Refused(error)
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
        self.answer().into_response()
    }
}

impl fmt::Display for EventRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::TooLarge => f.write_str(
                "the body is larger than the limit of the route: set a DefaultBodyLimit if the output of a job may be \
                 that large",
            ),
            Self::Incomplete => f.write_str(
                "the body did not come to its end: the connection was lost, or the sender gave up",
            ),
        }
    }
}

impl std::error::Error for EventRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}
