//! Why a webhook failed, as `x-retry-reason` says it.

use std::error::Error;
use std::io;

/// Why a webhook failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reason {
    Timeout,
    TooManyRedirects,
    ConnectionFailed,
    Ssl,
    Http,
    Unknown,
}

impl Reason {
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

    /// What an error of the HTTP client comes down to.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else if comes_of_tls(error) {
            Self::Ssl
        } else if error.is_connect() {
            Self::ConnectionFailed
        } else {
            Self::Unknown
        }
    }
}

/// Whether there is an error of TLS at the ground of it. I/O errors carry it inside, not as their source.
fn comes_of_tls(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        let carried = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if error.is::<rustls::Error>() || carried.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        next = match carried {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}
