//! One attempt to send a webhook.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response, Url};
use secrecy::SecretString;

use super::reason::Reason;
use super::{sign, target};
use crate::faults::Faults;
use crate::store::{Delivery, StoreError};
use crate::worker::Timing;

/// How many redirects a receiver may give.
const REDIRECTS: usize = 2;

/// Sends webhooks. Clones share their connections.
#[derive(Clone)]
pub(crate) struct Sender {
    http: Client,
    secret: Option<SecretString>,
    timeout: Duration,
    faults: Faults,
}

/// What became of an attempt.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Sent {
    /// The receiver has it.
    Taken,
    /// It may go better another time.
    Failed(Reason),
    /// It never can: why.
    Never(&'static str),
}

impl Sender {
    pub(crate) fn new(
        secret: Option<SecretString>,
        timing: &Timing,
        faults: Faults,
    ) -> Result<Self, StoreError> {
        let http = Client::builder()
            .user_agent(concat!("pyannote-server/", env!("CARGO_PKG_VERSION")))
            // Followed by hand: the client would turn a POST into a GET, which loses the body.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| StoreError(format!("no client for webhooks: {error}")))?;
        Ok(Self {
            http,
            secret,
            timeout: timing.webhook_timeout,
            faults,
        })
    }

    /// Tries once, redirects included.
    pub(super) async fn attempt(&self, delivery: &Delivery) -> Sent {
        let Some(secret) = &self.secret else {
            return Sent::Never("this server has no webhook secret");
        };
        let Ok(url) = Url::parse(&delivery.url) else {
            return Sent::Never("its URL cannot be read");
        };
        if self.faults.loses_webhook() {
            return Sent::Failed(Reason::ConnectionFailed);
        }
        if !target::is_allowed(&url) {
            return Sent::Never("its URL is not https");
        }
        let following = self.follow(secret, url, delivery);
        match tokio::time::timeout(self.timeout, following).await {
            Ok(sent) => sent,
            Err(_) => Sent::Failed(Reason::Timeout),
        }
    }

    async fn follow(&self, secret: &SecretString, mut url: Url, delivery: &Delivery) -> Sent {
        for _ in 0..=REDIRECTS {
            let answer = match self.post(secret, url.clone(), delivery).await {
                Ok(answer) => answer,
                Err(error) => return Sent::Failed(Reason::of(&error)),
            };
            if answer.status().is_success() {
                return Sent::Taken;
            }
            match next(&url, &answer) {
                Some(next) if target::is_allowed(&next) => url = next,
                _ => return Sent::Failed(Reason::Http),
            }
        }
        Sent::Failed(Reason::TooManyRedirects)
    }

    async fn post(
        &self,
        secret: &SecretString,
        url: Url,
        delivery: &Delivery,
    ) -> reqwest::Result<Response> {
        let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let timestamp = since_epoch.as_secs();
        let mut request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("X-Request-Timestamp", timestamp)
            .header("X-Signature", sign::sign(secret, timestamp, &delivery.body));
        if delivery.failures > 0 {
            let reason = delivery.reason.as_deref();
            request = request
                .header("x-retry-num", delivery.failures)
                .header("x-retry-reason", reason.unwrap_or("unknown_error"));
        }
        request.body(delivery.body.clone()).send().await
    }
}

/// Where an answer sends us on to.
fn next(url: &Url, answer: &Response) -> Option<Url> {
    let redirects = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    if !redirects.contains(&answer.status()) {
        return None;
    }
    let location = answer.headers().get(LOCATION)?.to_str().ok()?;
    url.join(location).ok()
}
