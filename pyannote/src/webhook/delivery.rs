//! What is known of a delivery once it is verified.

use std::fmt;
use std::time::SystemTime;

use http::HeaderMap;

use super::signature::Tag;
use super::{RETRY_NUMBER, RETRY_REASON};

/// A delivery that pyannoteAI signed.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Delivery {
    /// When it was signed, in whole seconds.
    pub timestamp: SystemTime,
    /// Which retry it is, if the sender says that it is one. Not covered by the signature.
    pub retry: Option<Retry>,
    /// What the replay guard knows it by.
    pub(super) tag: Tag,
}

/// Without the signature, which is noise in a log, and with the timestamp in Unix seconds on every system.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since_epoch = self.timestamp.duration_since(SystemTime::UNIX_EPOCH);
        f.debug_struct("Delivery")
            .field("timestamp", &since_epoch.unwrap_or_default())
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// A delivery that is sent again because an earlier one failed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Retry {
    /// Which retry it is: 1 to 3.
    pub number: u8,
    /// What the sender says went wrong the last time.
    pub reason: RetryReason,
}

impl Retry {
    /// Reads the headers. No header of a retry refuses a delivery: what cannot be read is no retry.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let number = headers
            .get(RETRY_NUMBER)?
            .to_str()
            .ok()?
            .trim()
            .parse()
            .ok()?;
        let reason = headers
            .get(RETRY_REASON)
            .map_or(RetryReason::UnknownError, |value| {
                RetryReason::from(String::from_utf8_lossy(value.as_bytes()).trim())
            });
        Some(Self { number, reason })
    }
}

/// What the sender says went wrong with the delivery before.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RetryReason {
    /// The receiver did not answer in time (10 s).
    HttpTimeout,
    /// The receiver redirected more than twice.
    TooManyRedirects,
    /// No connection to the receiver could be made.
    ConnectionFailed,
    /// The receiver's TLS certificate was refused.
    SslError,
    /// The receiver answered with an error.
    HttpError,
    /// The sender does not know, or does not say.
    UnknownError,
    /// A reason that this version does not know.
    Other(String),
}

impl RetryReason {
    /// The reason as the header spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::HttpTimeout => "http_timeout",
            Self::TooManyRedirects => "too_many_redirects",
            Self::ConnectionFailed => "connection_failed",
            Self::SslError => "ssl_error",
            Self::HttpError => "http_error",
            Self::UnknownError => "unknown_error",
            Self::Other(reason) => reason,
        }
    }
}

impl From<&str> for RetryReason {
    fn from(reason: &str) -> Self {
        match reason {
            "http_timeout" => Self::HttpTimeout,
            "too_many_redirects" => Self::TooManyRedirects,
            "connection_failed" => Self::ConnectionFailed,
            "ssl_error" => Self::SslError,
            "http_error" => Self::HttpError,
            "unknown_error" => Self::UnknownError,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for RetryReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(number: Option<&[u8]>, reason: Option<&[u8]>) -> Option<Retry> {
        let mut headers = HeaderMap::new();
        for (name, value) in [(RETRY_NUMBER, number), (RETRY_REASON, reason)] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_bytes(value).ok()) {
                headers.insert(name, value);
            }
        }
        Retry::read(&headers)
    }

    #[test]
    fn every_reason_is_known_by_its_name() {
        for (name, reason) in [
            ("http_timeout", RetryReason::HttpTimeout),
            ("too_many_redirects", RetryReason::TooManyRedirects),
            ("connection_failed", RetryReason::ConnectionFailed),
            ("ssl_error", RetryReason::SslError),
            ("http_error", RetryReason::HttpError),
            ("unknown_error", RetryReason::UnknownError),
            ("solar_flare", RetryReason::Other("solar_flare".into())),
        ] {
            let retry = read(Some(b"2"), Some(name.as_bytes())).unwrap();
            assert_eq!((retry.number, &retry.reason), (2, &reason));
            assert_eq!(reason.to_string(), name);
        }
    }

    #[test]
    fn numbers() {
        for (text, expected) in [
            ("1", Some(1)),
            (" 3 ", Some(3)),
            ("255", Some(255)),
            ("256", None),
            ("-1", None),
            ("", None),
            ("one", None),
        ] {
            let number = read(Some(text.as_bytes()), None).map(|retry| retry.number);
            assert_eq!(number, expected, "{text:?}");
        }
        assert_eq!(
            read(Some(b"1"), None).unwrap().reason,
            RetryReason::UnknownError
        );
        assert_eq!(read(None, Some(b"ssl_error")), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(number in any::<Vec<u8>>(), reason in any::<Vec<u8>>()) {
            let _ = read(Some(&number), Some(&reason));
            let _ = read(Some(b"1"), Some(&reason));
        }
    }
}
