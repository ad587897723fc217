//! Properties of a verified delivery.

use std::fmt;
use std::time::SystemTime;

use http::HeaderMap;

use super::signature::Tag;
use super::{RETRY_NUMBER, RETRY_REASON};
use crate::open_enum::open_enum;

/// A delivery with a valid signature of pyannoteAI.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Delivery {
    /// When it was signed, in whole seconds.
    pub timestamp: SystemTime,
    /// Set if the sender says that the delivery is a retry. Not covered by the signature.
    pub retry: Option<Retry>,
    /// Identifies the delivery in the replay guard.
    pub(super) tag: Tag,
}

/// Omits the signature, and formats the timestamp in Unix seconds on every platform.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since_epoch = self.timestamp.duration_since(SystemTime::UNIX_EPOCH);
        f.debug_struct("Delivery")
            .field("timestamp", &since_epoch.unwrap_or_default())
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// A retry of a delivery that failed before.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Retry {
    /// The number of the retry, 1 to 3.
    pub number: u8,
    /// Why the previous attempt failed, according to the sender.
    pub reason: RetryReason,
}

impl Retry {
    /// Parses the retry headers. Invalid ones are ignored, so that they never cause a rejection.
    pub(super) fn parse(headers: &HeaderMap) -> Option<Self> {
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

open_enum! {
    /// Why the previous attempt of a delivery failed, according to the sender.
    RetryReason {
        /// The receiver did not respond within 10 s.
        HttpTimeout = "http_timeout",
        /// The receiver redirected more than twice.
        TooManyRedirects = "too_many_redirects",
        /// No connection to the receiver could be established.
        ConnectionFailed = "connection_failed",
        /// The receiver's TLS certificate was rejected.
        SslError = "ssl_error",
        /// The receiver responded with an error status.
        HttpError = "http_error",
        /// No reason given, or none known to the sender.
        UnknownError = "unknown_error",
        ..
        /// A reason unknown to this version.
        Other,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn parse(number: Option<&[u8]>, reason: Option<&[u8]>) -> Option<Retry> {
        let mut headers = HeaderMap::new();
        for (name, value) in [(RETRY_NUMBER, number), (RETRY_REASON, reason)] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_bytes(value).ok()) {
                headers.insert(name, value);
            }
        }
        Retry::parse(&headers)
    }

    #[test]
    fn every_reason_round_trips() {
        for (name, reason) in [
            ("http_timeout", RetryReason::HttpTimeout),
            ("too_many_redirects", RetryReason::TooManyRedirects),
            ("connection_failed", RetryReason::ConnectionFailed),
            ("ssl_error", RetryReason::SslError),
            ("http_error", RetryReason::HttpError),
            ("unknown_error", RetryReason::UnknownError),
            ("solar_flare", RetryReason::Other("solar_flare".into())),
        ] {
            let retry = parse(Some(b"2"), Some(name.as_bytes())).unwrap();
            assert_eq!((retry.number, &retry.reason), (2, &reason));
            assert_eq!(reason.to_string(), name);
        }
    }

    #[test]
    fn retry_numbers() {
        for (text, expected) in [
            ("1", Some(1)),
            (" 3 ", Some(3)),
            ("255", Some(255)),
            ("256", None),
            ("-1", None),
            ("", None),
            ("one", None),
        ] {
            let number = parse(Some(text.as_bytes()), None).map(|retry| retry.number);
            assert_eq!(number, expected, "{text:?}");
        }
        assert_eq!(
            parse(Some(b"1"), None).unwrap().reason,
            RetryReason::UnknownError
        );
        assert_eq!(parse(None, Some(b"ssl_error")), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(number in any::<Vec<u8>>(), reason in any::<Vec<u8>>()) {
            let _ = parse(Some(&number), Some(&reason));
            let _ = parse(Some(b"1"), Some(&reason));
        }
    }
}
