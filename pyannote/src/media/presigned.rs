//! Pre-signed URLs: requesting, checking and redacting them. Whoever has such a URL can use it.

use std::fmt;
use std::sync::Arc;

use reqwest::Url;
use serde::Deserialize;

use super::MediaUrl;
use crate::error::Error;
use crate::redact::MIN_SECRET_BYTES;
use crate::transport::{ApiResponse, Endpoint, Executor, SecretUrl};

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
        SecretUrl::PRESIGNED
            .parse(text, allow_insecure_http)
            .map(Self)
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
