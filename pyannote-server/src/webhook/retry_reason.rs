//! Why a delivery attempt failed.

use std::error::Error;
use std::io;

/// Why a delivery attempt failed, as reported in the `x-retry-reason` header of the next attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RetryReason {
    Timeout,
    TooManyRedirects,
    ConnectionFailed,
    Ssl,
    Http,
    Unknown,
}

impl RetryReason {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "http_timeout",
            Self::TooManyRedirects => "too_many_redirects",
            Self::ConnectionFailed => "connection_failed",
            Self::Ssl => "ssl_error",
            Self::Http => "http_error",
            Self::Unknown => "unknown_error",
        }
    }
}

impl From<&reqwest::Error> for RetryReason {
    fn from(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else if is_tls_error(error) {
            Self::Ssl
        } else if error.is_connect() {
            Self::ConnectionFailed
        } else {
            Self::Unknown
        }
    }
}

/// Returns whether a TLS error is among the causes. An I/O error holds it as its inner error, not as its source.
fn is_tls_error(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if error.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}
