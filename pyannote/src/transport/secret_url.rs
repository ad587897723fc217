//! URLs of the service that are their own credentials: which are valid. Whoever has such a URL can use it.

use pyannote_api_sys::hooks::is_loopback;
use reqwest::Url;

use super::{HAS_TLS, NO_TLS};
use crate::error::{Error, ErrorKind};

/// A kind of URL.
pub(crate) struct SecretUrl {
    /// What it is called in messages.
    name: &'static str,
    /// The scheme with TLS.
    secure: &'static str,
    /// The scheme without TLS.
    plain: &'static str,
}

impl SecretUrl {
    /// Of an upload or a download.
    pub(crate) const PRESIGNED: Self = Self {
        name: "pre-signed URL",
        secure: "https",
        plain: "http",
    };
    /// Of a live stream.
    #[cfg(any(test, feature = "live"))]
    pub(crate) const WEB_SOCKET: Self = Self {
        name: "WebSocket URL",
        secure: "wss",
        plain: "ws",
    };

    /// Parses a URL, which errors do not quote.
    pub(crate) fn parse(&self, text: &str, allow_insecure_http: bool) -> Result<Url, Error> {
        let Self {
            name,
            secure,
            plain,
        } = self;
        let invalid = |reason: &str| {
            let message = format!("the {name} of the service is invalid: {reason}");
            Error::new(ErrorKind::Decode, message)
        };
        let unusable = |reason: &str| {
            let message = format!("the {name} of the service {reason}");
            Error::new(ErrorKind::Config, message)
        };
        // The message of the parser has nothing of the URL.
        let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
        match url.scheme() {
            scheme if scheme == *secure && HAS_TLS => {}
            scheme if scheme == *secure => {
                return Err(unusable(&format!("cannot be used: {NO_TLS}")));
            }
            scheme if scheme == *plain && (allow_insecure_http || is_loopback(&url)) => {}
            scheme if scheme == *plain => {
                return Err(unusable(&format!(
                    "is plain {plain} to another machine, which would expose the recording on the network; use a server \
                     that returns {secure} URLs, or call .allow_insecure_http() on the client builder"
                )));
            }
            _ => return Err(invalid(&format!("the scheme is not {secure} or {plain}"))),
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(invalid("the host is missing"));
        }
        // They would be sent as an Authorization header.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("it contains a user name or password"));
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_urls_are_valid() {
        use ErrorKind::{Config, Decode};

        for (url, allow_insecure_http, expected) in [
            ("https://storage.example.com/a?sig=1", false, None),
            ("http://127.0.0.1:9000/a?sig=1", false, None),
            ("http://[::1]:9000/a", false, None),
            ("http://localhost/a", false, None),
            ("http://10.0.0.1/a?sig=1", true, None),
            ("http://10.0.0.1/a?sig=1", false, Some(Config)),
            ("http://localhost.example.com/a", false, Some(Config)),
            ("https://user:password@storage/a", false, Some(Decode)),
        ] {
            for (kind, url) in [
                (SecretUrl::PRESIGNED, url.to_owned()),
                (SecretUrl::WEB_SOCKET, url.replacen("http", "ws", 1)),
            ] {
                let parsed = kind.parse(&url, allow_insecure_http);
                if HAS_TLS || url.starts_with("http:") || url.starts_with("ws:") {
                    assert_eq!(parsed.as_ref().err().map(Error::kind), expected, "{url}");
                }
                if let Err(error) = parsed {
                    let text = format!("{error:?} {error:#}");
                    assert!(
                        !text.contains("sig=1") && !text.contains("password@"),
                        "{text}"
                    );
                }
            }
        }
        for (url, scheme) in [
            ("ftp://storage/a?sig=1", "https or http"),
            ("wss://storage/a?sig=1", "https or http"),
            ("file:///etc/passwd", "https or http"),
            ("/a?sig=1", "relative URL"),
            ("", "relative URL"),
        ] {
            let error = SecretUrl::PRESIGNED.parse(url, true).unwrap_err();
            assert_eq!(error.kind(), Decode);
            assert!(error.to_string().contains(scheme), "{error}");
        }
        let error = SecretUrl::WEB_SOCKET.parse("https://a/", true).unwrap_err();
        assert!(
            error.to_string().ends_with("the scheme is not wss or ws"),
            "{error}"
        );
    }

    #[test]
    #[cfg(not(any(
        feature = "native-tls",
        feature = "rustls",
        feature = "rustls-no-provider"
    )))]
    fn https_is_rejected_without_tls() {
        let error = SecretUrl::PRESIGNED
            .parse("https://storage/a?sig=1", true)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(
            error.to_string().contains("compiled without TLS"),
            "{error}"
        );
    }
}
