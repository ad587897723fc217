//! Pre-signed URLs: asked for, checked, and kept out of sight. Whoever reads one may use it.

use std::fmt;

use reqwest::Url;
use serde::Deserialize;

use super::MediaUrl;
use crate::error::{Error, ErrorKind};
use crate::transport::{Endpoint, Executor};
use pyannote_api_sys::hooks::is_loopback;

/// Values of a query shorter than this are no secrets, and may well be words of an answer.
const SHORTEST_SECRET: usize = 6;

/// A URL that is its own credential.
pub(super) struct Presigned(Url);

#[derive(Deserialize)]
struct Granted {
    url: String,
}

impl Presigned {
    /// Asks for the URL to send a medium to, or to fetch it from.
    pub(super) async fn ask(
        executor: &Executor,
        endpoint: Endpoint,
        media: &MediaUrl,
    ) -> Result<Self, Error> {
        let body = serde_json::json!({ "url": media.as_str() }).to_string();
        let answer = executor
            .call(endpoint, "", &[], Some(body.into_bytes()))
            .await?;
        let granted: Granted = answer.decode()?;
        Self::checked(&granted.url, executor.settings.allow_insecure_http)
    }

    fn checked(text: &str, allow_insecure_http: bool) -> Result<Self, Error> {
        let unusable = |why: &str| {
            Error::new(
                ErrorKind::Decode,
                format!("the pre-signed URL of the service cannot be used: {why}"),
            )
        };
        // The parser's own message shows nothing of the URL.
        let url = Url::parse(text).map_err(|error| unusable(&error.to_string()))?;
        match url.scheme() {
            "https" => {}
            "http" if allow_insecure_http || is_loopback(&url) => {}
            "http" => {
                return Err(Error::new(
                    ErrorKind::Config,
                    "the pre-signed URL of the service is plain http to another machine, where the recording could be \
                     read on the way: use a server that hands out https, or say .allow_insecure_http() to the builder",
                ));
            }
            _ => return Err(unusable("it is neither https nor http")),
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(unusable("it names no host"));
        }
        // They would be sent as an Authorization header.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(unusable("it holds a user name or password"));
        }
        Ok(Self(url))
    }

    /// The URL, to be sent to.
    pub(super) fn url(&self) -> Url {
        self.0.clone()
    }

    /// `text` without the values of the URL's query: storages repeat parts of a signature that they refuse.
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
            if secret.len() >= SHORTEST_SECRET {
                text = text.replace(&secret, "…");
            }
        }
        text
    }
}

impl fmt::Debug for Presigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presigned(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_urls_are_used() {
        for (url, insecure, refused) in [
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
            let checked = Presigned::checked(url, insecure);
            assert_eq!(checked.as_ref().err().map(Error::kind), refused, "{url}");
            let shown = format!("{checked:?}");
            assert!(
                !shown.contains("sig=1") && !shown.contains("password@"),
                "{shown}"
            );
        }
    }

    #[test]
    fn what_a_storage_repeats_is_left_out() {
        let url = Presigned::checked(
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
