//! Why a delivery is refused, and what to do about it.

use std::fmt;
use std::time::Duration;

/// Why a delivery is refused.
///
/// Answer a refused delivery with 400 or 401, so that the sender does not count it as received; a
/// [`Replayed`](Self::Replayed) one with 200, since it was received before; with 500 where there is
/// [no secret](Self::NoSecret), since that is no fault of the sender. The text is for the log, not for the answer: it
/// would tell a forger what to mend. It holds no secret and nothing of the body.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum VerifyError {
    /// The verifier has no secret, or only blank ones, so nothing can be trusted: it refuses every delivery.
    NoSecret,
    /// A header that every delivery has is not there.
    MissingHeader(&'static str),
    /// `X-Request-Timestamp` is no number of Unix seconds.
    BadTimestamp {
        /// The start of what was there instead.
        value: String,
    },
    /// The signature was made with none of the secrets, or not over this timestamp and body.
    BadSignature,
    /// The signature is right, but the delivery was signed too long ago.
    TooOld {
        /// How long ago it was signed.
        age: Duration,
        /// How long ago it may be.
        tolerance: Duration,
    },
    /// The signature is right, but the delivery was signed in the future.
    TooNew {
        /// How far ahead of this machine's clock it was signed.
        ahead: Duration,
        /// How far ahead it may be.
        tolerance: Duration,
    },
    /// The delivery is genuine, but its body is not JSON.
    NotJson {
        /// The line where it stops being JSON, the first being 1.
        line: usize,
        /// The column there, in bytes.
        column: usize,
    },
    /// The delivery is genuine, but its body is not the end of a job.
    NotAnEvent {
        /// What is wrong with the body.
        why: &'static str,
    },
    /// The same delivery was accepted before.
    Replayed,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSecret => f.write_str(
                "the verifier has no webhook secret, or a blank one, and refuses every delivery: copy the secret from the \
                 pyannoteAI dashboard, and check that the variable it is read from is set",
            ),
            Self::MissingHeader(name) => write!(
                f,
                "the header {name} is missing: the request is not from pyannoteAI, or a proxy in front removes the header"
            ),
            Self::BadTimestamp { value } => write!(
                f,
                "the header x-request-timestamp is {value:?}, not a number of Unix seconds: the request is not from \
                 pyannoteAI, or a proxy in front changes the header"
            ),
            Self::BadSignature => f.write_str(
                "the signature fits none of the secrets: check that the secret is the team's webhook secret, and that \
                 the body is handed over as it was received, byte for byte, before any parsing; otherwise the request \
                 is forged",
            ),
            Self::TooOld { age, tolerance } => write!(
                f,
                "the delivery was signed {} s ago, and {} s are allowed: check this machine's clock, or set a larger \
                 tolerance; otherwise an old delivery is being replayed",
                age.as_secs(),
                tolerance.as_secs()
            ),
            Self::TooNew { ahead, tolerance } => write!(
                f,
                "the delivery was signed {} s in the future, and {} s are allowed: check this machine's clock",
                ahead.as_secs(),
                tolerance.as_secs()
            ),
            Self::NotJson { line, column } => write!(
                f,
                "the delivery is genuine, but its body is not JSON (line {line}, column {column}): it may be of a form \
                 that this version does not know; look for a newer one, or read the body yourself after check()"
            ),
            Self::NotAnEvent { why } => write!(
                f,
                "the delivery is genuine, but its body is not the end of a job: {why}; it may be of a form that this \
                 version does not know; look for a newer one, or read the body yourself after check()"
            ),
            Self::Replayed => f.write_str(
                "the same delivery was accepted before: answer 200 and do nothing; if handling it failed then, forget \
                 it at that time, so that its retry is accepted",
            ),
        }
    }
}

impl std::error::Error for VerifyError {}
