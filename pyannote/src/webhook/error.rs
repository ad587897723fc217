//! Why a delivery is rejected.

use std::fmt;
use std::time::Duration;

/// Why a delivery is rejected.
///
/// Respond to a rejected delivery with 400 or 401, so that the sender does not count it as received, and to a
/// [`Replayed`](Self::Replayed) one with 200, since it was received before. Log the message, but do not include it in
/// the response: it would help a forger. It contains no secret and nothing of the body.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum VerifyError {
    /// A required header is missing.
    MissingHeader(&'static str),
    /// `X-Request-Timestamp` is not a number of Unix seconds.
    BadTimestamp {
        /// The start of the header's value.
        value: String,
    },
    /// The signature was not created with any of the secrets, or not over this timestamp and body.
    BadSignature,
    /// The delivery was signed too long ago. The signature is valid, unless the error is that of the extractor for axum,
    /// which checks the timestamp before it reads the body.
    TooOld {
        /// Time since it was signed.
        age: Duration,
        /// The maximum age.
        tolerance: Duration,
    },
    /// The delivery was signed too far in the future. The signature is valid, with the same exception.
    TooNew {
        /// How far its timestamp is ahead of the local clock.
        ahead: Duration,
        /// The maximum.
        tolerance: Duration,
    },
    /// The delivery is authentic, but its body is not valid JSON.
    NotJson {
        /// The line of the syntax error, from 1.
        line: usize,
        /// The column of the syntax error, in bytes.
        column: usize,
    },
    /// The delivery is authentic, but its body is not a job event.
    NotAnEvent {
        /// What is wrong with the body.
        reason: &'static str,
    },
    /// The same delivery was accepted before.
    Replayed,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingHeader(name) => write!(
                f,
                "the header {name} is missing; the request is not from pyannoteAI, or a proxy removed the header"
            ),
            Self::BadTimestamp { value } => write!(
                f,
                "the header x-request-timestamp is {value:?}, not a number of Unix seconds; the request is not from \
                 pyannoteAI, or a proxy changed the header"
            ),
            Self::BadSignature => f.write_str(
                "the signature does not match any secret; check that the secret is the team's webhook secret and that \
                 the body is passed as received, byte for byte, before any parsing; otherwise the request is forged",
            ),
            Self::TooOld { age, tolerance } => write!(
                f,
                "the delivery was signed {} s ago, and the tolerance is {} s; check the clock of this machine, or set \
                 a larger tolerance; otherwise an old delivery is being replayed",
                age.as_secs(),
                tolerance.as_secs()
            ),
            Self::TooNew { ahead, tolerance } => write!(
                f,
                "the delivery was signed {} s in the future, and the tolerance is {} s; check the clock of this \
                 machine",
                ahead.as_secs(),
                tolerance.as_secs()
            ),
            Self::NotJson { line, column } => write!(
                f,
                "the delivery is authentic, but its body is not valid JSON (line {line}, column {column}); its format \
                 may be newer than this version: update the crate, or use check() and decode the body yourself"
            ),
            Self::NotAnEvent { reason } => write!(
                f,
                "the delivery is authentic, but its body is not a job event: {reason}; its format may be newer than \
                 this version: update the crate, or use check() and decode the body yourself"
            ),
            Self::Replayed => f.write_str(
                "the same delivery was accepted before; respond with 200 and ignore it; to accept retries of \
                 deliveries whose handling failed, call forget() when it fails",
            ),
        }
    }
}

impl std::error::Error for VerifyError {}
