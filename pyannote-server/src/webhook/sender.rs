//! Sends a webhook once, redirects included.

use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use http::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use url::Url;

use super::check_url;
use super::retry_reason::RetryReason;
use crate::faults::Faults;
use crate::ssrf_guard::{self, Resolver};
use crate::store::Delivery;

/// Maximum number of redirects that are followed.
const MAX_REDIRECTS: usize = 2;

/// HTTP client for webhooks. Clones share their connections.
///
/// The proxy settings of the environment are ignored, because a proxy would resolve host names itself and could reach
/// private addresses.
#[derive(Clone)]
pub(crate) struct Sender {
    client: Client,
    allow_private: bool,
    secret: Option<SecretString>,
    timeout: Duration,
    faults: Faults,
}

/// Result of a delivery attempt.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Attempt {
    /// The receiver accepted the webhook.
    Delivered,
    /// The attempt failed; another one may succeed.
    Failed(RetryReason),
    /// The webhook can never be sent, for this reason.
    Undeliverable(&'static str),
}

impl Sender {
    /// Creates a sender. `timeout` applies to an attempt as a whole; without a secret, no webhook is sent; with
    /// `allow_private`, webhooks may be sent to private and loopback addresses.
    pub(crate) fn new(
        secret: Option<SecretString>,
        timeout: Duration,
        allow_private: bool,
        faults: Faults,
    ) -> reqwest::Result<Self> {
        let client = Client::builder()
            .user_agent(concat!("pyannote-server/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Resolver { allow_private })
            .no_proxy()
            // Redirects are followed in `follow`: reqwest would turn a POST into a GET without a body.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            client,
            allow_private,
            secret,
            timeout,
            faults,
        })
    }

    /// Returns the timeout of an attempt.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Tries to deliver a webhook once.
    pub(super) async fn attempt(&self, delivery: &Delivery, body: Bytes) -> Attempt {
        let Some(secret) = &self.secret else {
            return Attempt::Undeliverable("the server has no webhook secret");
        };
        let Ok(url) = Url::parse(&delivery.url) else {
            return Attempt::Undeliverable("is not a valid URL");
        };
        if self.faults.take_webhook_failure() {
            return Attempt::Failed(RetryReason::ConnectionFailed);
        }
        if let Err(reason) = check_url(&url, self.allow_private) {
            return Attempt::Undeliverable(reason);
        }
        let attempt = self.follow(secret, url, delivery, body);
        match tokio::time::timeout(self.timeout, attempt).await {
            Ok(attempt) => attempt,
            Err(_) => Attempt::Failed(RetryReason::Timeout),
        }
    }

    /// Sends a webhook to a URL that has been checked, and follows redirects.
    pub(super) async fn follow(
        &self,
        secret: &SecretString,
        mut url: Url,
        delivery: &Delivery,
        body: Bytes,
    ) -> Attempt {
        for _ in 0..=MAX_REDIRECTS {
            let response = self.post(secret, url.clone(), delivery, body.clone());
            let response = match response.await {
                Ok(response) => response,
                Err(error) if ssrf_guard::private_name(&error).is_some() => {
                    return Attempt::Undeliverable("the host of the URL has a private address");
                }
                Err(error) => return Attempt::Failed(RetryReason::from(&error)),
            };
            if response.status().is_success() {
                return Attempt::Delivered;
            }
            match redirect_target(&url, &response) {
                Some(target) if check_url(&target, self.allow_private).is_ok() => url = target,
                _ => return Attempt::Failed(RetryReason::Http),
            }
        }
        Attempt::Failed(RetryReason::TooManyRedirects)
    }

    async fn post(
        &self,
        secret: &SecretString,
        url: Url,
        delivery: &Delivery,
        body: Bytes,
    ) -> reqwest::Result<Response> {
        let timestamp = Utc::now().timestamp();
        let mut request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("X-Request-Timestamp", timestamp)
            .header("X-Signature", sign(secret, timestamp, &body));
        if delivery.failures > 0 {
            let reason = delivery.reason.as_deref();
            request = request
                .header("x-retry-num", delivery.failures)
                .header("x-retry-reason", reason.unwrap_or("unknown_error"));
        }
        request.body(body).send().await
    }
}

/// Hex HMAC-SHA256 of `v0:{timestamp}:{body}`.
fn sign(secret: &SecretString, timestamp: i64, body: &[u8]) -> String {
    #[expect(clippy::expect_used, reason = "HMAC accepts keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("a key of any length is valid");
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// Target of a redirect response.
fn redirect_target(url: &Url, response: &Response) -> Option<Url> {
    let redirects = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    if !redirects.contains(&response.status()) {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    url.join(location).ok()
}
