//! Passes deliveries on to another program.

use std::time::{Duration, Instant};

use pyannote::http::{HeaderMap, HeaderName, header};
use pyannote::reqwest::{self, Url, redirect};

use super::output::WebhookOutput;
use crate::error::{Failure, Result, chain};
use crate::service::USER_AGENT;

/// The timeout of the service.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Headers that are about the connection, and not about the delivery.
const CONNECTION_HEADERS: [HeaderName; 9] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Where deliveries are sent.
#[derive(Clone)]
pub(super) struct Forward {
    http: reqwest::Client,
    url: Url,
}

impl Forward {
    pub(super) fn new(url: &str) -> Result<Self> {
        let url = Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| Failure::usage("--forward must be an http or https URL"))?;
        let mut builder = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .timeout(TIMEOUT)
            .user_agent(USER_AGENT);
        if is_loopback(&url) {
            // A proxy could not reach it.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| Failure::of(&error))?;
        Ok(Self { http, url })
    }

    /// Whether deliveries would come back to `port` of this machine.
    pub(super) fn is_port_of_this_machine(&self, port: u16) -> bool {
        is_loopback(&self.url) && self.url.port_or_known_default() == Some(port)
    }

    /// Sends a delivery once, as it was received.
    pub(super) async fn send(
        &self,
        job_id: String,
        mut headers: HeaderMap,
        body: Vec<u8>,
    ) -> WebhookOutput {
        for name in CONNECTION_HEADERS {
            headers.remove(name);
        }
        let start = Instant::now();
        let request = self.http.post(self.url.clone()).headers(headers).body(body);
        match request.send().await {
            Ok(response) => WebhookOutput::Forwarded {
                job_id,
                status: response.status().as_u16(),
                elapsed_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            },
            // The URL may contain a token.
            Err(error) => WebhookOutput::NotForwarded {
                job_id,
                reason: chain(&error.without_url()),
            },
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for url in ["", "127.0.0.1:3000", "ftp://host/", "file:///a"] {
            assert!(Forward::new(url).is_err(), "{url}");
        }
        let is_own = |url: &str| Forward::new(url).unwrap().is_port_of_this_machine(8001);
        assert!(is_own("http://localhost:8001/a"));
        assert!(is_own("http://127.0.0.1:8001"));
        assert!(is_own("http://[::1]:8001"));
        assert!(!is_own("http://127.0.0.1:8002"));
        assert!(!is_own("http://host.example:8001"));
    }
}
