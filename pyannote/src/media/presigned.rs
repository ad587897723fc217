//! Pre-signed URLs: requesting, checking and redacting them. Whoever has such a URL can use it.

use std::fmt;
use std::sync::Arc;

use reqwest::Url;
use serde::Deserialize;

use super::MediaUrl;
use crate::error::{Error, ErrorKind};
use crate::redact::MIN_SECRET_BYTES;
use crate::transport::{ApiResponse, Endpoint, Executor, HAS_TLS, NO_TLS};
use pyannote_api_sys::hooks::is_loopback;

/// A URL that is its own credential.
pub(crate) struct PresignedUrl(Url);

#[derive(Deserialize)]
struct UrlResponse {
    url: String,
}

impl PresignedUrl {
    /// Requests the URL to upload `media` to or to download it from.
    pub(super) async fn request(
        executor: &Arc<Executor>,
        endpoint: Endpoint,
        media: &MediaUrl,
    ) -> Result<Self, Error> {
        let body = serde_json::json!({ "url": media.as_str() }).to_string();
        let response = executor
            .call(endpoint, "", &[], Some(body.into_bytes()))
            .await?;
        Self::from_response(&response, executor.settings.allow_insecure_http)
    }

    pub(crate) fn from_response(
        response: &ApiResponse,
        allow_insecure_http: bool,
    ) -> Result<Self, Error> {
        let response: UrlResponse = response.decode()?;
        Self::parse(&response.url, allow_insecure_http)
    }

    fn parse(text: &str, allow_insecure_http: bool) -> Result<Self, Error> {
        let invalid = |reason: &str| {
            Error::new(
                ErrorKind::Decode,
                format!("the pre-signed URL of the service is invalid: {reason}"),
            )
        };
        // The message of the parser has nothing of the URL.
        let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
        match url.scheme() {
            "https" if HAS_TLS => {}
            "https" => {
                let message = format!("the pre-signed URL of the service cannot be used: {NO_TLS}");
                return Err(Error::new(ErrorKind::Config, message));
            }
            "http" if allow_insecure_http || is_loopback(&url) => {}
            "http" => {
                return Err(Error::new(
                    ErrorKind::Config,
                    "the pre-signed URL of the service is plain http to another machine, which would expose the \
                     recording on the network; use a server that returns https URLs, or call .allow_insecure_http() \
                     on the client builder",
                ));
            }
            _ => return Err(invalid("the scheme is not https or http")),
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(invalid("the host is missing"));
        }
        // They would be sent as an Authorization header.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("it contains a user name or password"));
        }
        Ok(Self(url))
    }

    /// The URL, for a request.
    pub(super) fn url(&self) -> Url {
        self.0.clone()
    }

    /// Removes the values of the URL's query from `text`: storages echo parts of a signature that they reject.
    pub(super) fn redact(&self, text: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(text).into_owned();
        let encoded = self
            .0
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(_, value)| value.to_owned());
        let decoded = self.0.query_pairs().map(|(_, value)| value.into_owned());
        for secret in encoded.chain(decoded) {
            if secret.len() >= MIN_SECRET_BYTES {
                text = text.replace(&secret, "…");
            }
        }
        text
    }
}

impl fmt::Debug for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresignedUrl(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_urls_are_valid() {
        for (url, allow_insecure_http, expected) in [
            ("https://storage.example.com/a?sig=1", false, None),
            ("http://127.0.0.1:9000/a?sig=1", false, None),
            ("http://[::1]:9000/a", false, None),
            ("http://localhost/a", false, None),
            ("http://10.0.0.1/a?sig=1", true, None),
            ("http://10.0.0.1/a?sig=1", false, Some(ErrorKind::Config)),
            (
                "http://localhost.example.com/a",
                false,
                Some(ErrorKind::Config),
            ),
            ("ftp://storage/a?sig=1", true, Some(ErrorKind::Decode)),
            ("file:///etc/passwd", true, Some(ErrorKind::Decode)),
            (
                "https://user:password@storage/a",
                false,
                Some(ErrorKind::Decode),
            ),
            ("/a?sig=1", false, Some(ErrorKind::Decode)),
            ("", false, Some(ErrorKind::Decode)),
        ] {
            let parsed = PresignedUrl::parse(url, allow_insecure_http);
            assert_eq!(parsed.as_ref().err().map(Error::kind), expected, "{url}");
            let debug = format!("{parsed:?}");
            assert!(
                !debug.contains("sig=1") && !debug.contains("password@"),
                "{debug}"
            );
        }
    }

    #[test]
    #[cfg(not(any(
        feature = "native-tls",
        feature = "rustls",
        feature = "rustls-no-provider"
    )))]
    fn https_is_rejected_without_tls() {
        let error = PresignedUrl::parse("https://storage/a?sig=1", true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(
            error.to_string().contains("compiled without TLS"),
            "{error}"
        );
    }

    #[test]
    fn redact_removes_query_values() {
        let url = PresignedUrl::parse(
            "https://storage/a?X-Amz-Date=20251106T000000Z&Signature=a%2Bbcdefg%3D&x=1",
            false,
        )
        .unwrap();
        assert_eq!(
            url.redact(b"<S>a+bcdefg=</S> <S>a%2Bbcdefg%3D</S> 1 20251106T000000Z"),
            "<S>…</S> <S>…</S> 1 …"
        );
    }
}
