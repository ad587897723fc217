//! Verifies that a delivery is authentic, recent and not a replay.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hmac::Mac;
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};

use super::delivery::{Delivery, Retry};
use super::error::VerifyError;
use super::event::Event;
use super::replay::ReplayGuard;
use super::signature::{self, Tag};
use super::{SIGNATURE, TIMESTAMP};
use crate::error::{Error, ErrorKind};
use crate::redact::excerpt;

/// The default of [`Verifier::tolerance`].
const DEFAULT_TOLERANCE: Duration = Duration::from_secs(300);

/// How much of an invalid timestamp an error shows.
const MAX_SHOWN_CHARS: usize = 32;

/// Verifies webhook deliveries.
///
/// Pass the body exactly as it was received: a body that was parsed and serialized again has a different signature.
///
/// ```
/// use pyannote::webhook::{Signer, Verifier, VerifyError};
///
/// let verifier = Verifier::new("whs_current")?.previous_secret("whs_previous")?;
///
/// let body = br#"{"jobId":"1","status":"succeeded"}"#;
/// let now = std::time::UNIX_EPOCH.elapsed()?.as_secs();
/// let mut headers = Signer::new("whs_previous").sign(now, body);
/// let event = verifier.verify(&headers, body)?;
/// assert_eq!(event.job_id().as_str(), "1");
/// assert!(event.delivery().retry.is_none());
///
/// headers.insert("x-signature", "00".parse()?);
/// assert_eq!(verifier.verify(&headers, body), Err(VerifyError::BadSignature));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Replays
///
/// Someone who intercepts a delivery can send it again within the tolerance. [`replay_guard`](Self::replay_guard)
/// rejects the second one. It identifies a delivery by its timestamp and signature, because these are authenticated;
/// `x-retry-num` is not signed, so a replay could have any value, and the guard ignores it. Consequences for retries by
/// pyannoteAI:
///
/// - The documentation does not say whether a retry is signed again. If it is, its signature differs, and it is
///   accepted like any other delivery. So the guard does not ensure that each event is handled once: to do so, remember
///   the ids of handled jobs.
/// - If it is not, or if it is signed again within the same second (the first retry is immediate), it is rejected as
///   [`VerifyError::Replayed`]. The first one was accepted, so respond with 200. If handling an accepted delivery
///   fails, call [`forget`](Self::forget) before responding with an error, and its retry is accepted.
/// - The last retry is sent about 6 minutes after the first delivery. If retries keep the first timestamp (the last one
///   is rejected as [`VerifyError::TooOld`]), set a tolerance of 10 minutes.
///
/// Each process has its own guard. If several processes receive deliveries, store the ids of handled jobs where all of
/// them can see them.
#[derive(Clone)]
pub struct Verifier {
    /// Never empty, and none of them is blank.
    secrets: Vec<SecretString>,
    tolerance: Duration,
    /// How long the extractor for axum waits for a body.
    #[cfg(feature = "axum")]
    pub(super) read_timeout: Duration,
    /// Shared by clones: web frameworks clone their state for each request.
    replay_guard: Option<Arc<Mutex<ReplayGuard>>>,
}

impl Verifier {
    /// Creates a verifier with the team's webhook secret.
    ///
    /// ```
    /// use pyannote::ErrorKind;
    /// use pyannote::webhook::Verifier;
    ///
    /// assert!(Verifier::new("whs_current").is_ok());
    /// assert_eq!(Verifier::new(" ").unwrap_err().kind(), ErrorKind::Config);
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the secret is blank: anyone could sign deliveries with it.
    pub fn new(secret: impl Into<SecretString>) -> Result<Self, Error> {
        Ok(Self {
            secrets: vec![not_blank(secret.into(), "webhook secret")?],
            tolerance: DEFAULT_TOLERANCE,
            #[cfg(feature = "axum")]
            read_timeout: super::axum::DEFAULT_READ_TIMEOUT,
            replay_guard: None,
        })
    }

    /// Also accepts deliveries signed with this secret, for the time after the secret was replaced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the secret is blank.
    pub fn previous_secret(mut self, secret: impl Into<SecretString>) -> Result<Self, Error> {
        let secret = not_blank(secret.into(), "previous webhook secret")?;
        self.secrets.push(secret);
        Ok(self)
    }

    /// Sets how far a timestamp may be from the current time, in the past and in the future. Default: 5 minutes.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Rejects deliveries that were accepted before.
    ///
    /// The guard remembers up to `capacity` deliveries (about 100 bytes each) for as long as they could be accepted
    /// again; 10,000 allow 33 per second at the default tolerance. If it is full, it forgets the oldest, which could
    /// then be replayed.
    ///
    /// See [Replays](Self#replays) for the effect on retries.
    #[must_use]
    pub fn replay_guard(mut self, capacity: usize) -> Self {
        self.replay_guard = Some(Arc::new(Mutex::new(ReplayGuard::new(capacity))));
        self
    }

    /// Verifies a delivery that was just received, and decodes its event.
    ///
    /// # Errors
    ///
    /// See [`VerifyError`]: a missing header, an invalid signature, a timestamp too far from the current time, a body
    /// that is not a job event, a replay.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: impl AsRef<[u8]>,
    ) -> Result<Event, VerifyError> {
        self.verify_at(headers, body, SystemTime::now())
    }

    /// [`verify`](Self::verify) with an explicit current time. Deterministic, unless there is a replay guard.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn verify_at(
        &self,
        headers: &HeaderMap,
        body: impl AsRef<[u8]>,
        now: SystemTime,
    ) -> Result<Event, VerifyError> {
        let body = body.as_ref();
        let delivery = self.authenticate(headers, body, now)?;
        self.event(delivery, Bytes::copy_from_slice(body), now)
    }

    /// [`verify_at`](Self::verify_at) without copying the body.
    #[cfg(any(feature = "axum", test))]
    pub(super) fn verify_bytes_at(
        &self,
        headers: &HeaderMap,
        body: Bytes,
        now: SystemTime,
    ) -> Result<Event, VerifyError> {
        let delivery = self.authenticate(headers, &body, now)?;
        self.event(delivery, body, now)
    }

    /// Verifies that a delivery that was just received is authentic, recent and not a replay, without decoding its
    /// body.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify), except for an invalid body.
    pub fn check(&self, headers: &HeaderMap, body: &[u8]) -> Result<Delivery, VerifyError> {
        self.check_at(headers, body, SystemTime::now())
    }

    pub(super) fn check_at(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Delivery, VerifyError> {
        let delivery = self.authenticate(headers, body, now)?;
        self.check_replay(&delivery, now)?;
        Ok(delivery)
    }

    /// Removes an accepted delivery from the replay guard because handling it failed, so that its retry is accepted.
    /// Does nothing without a guard.
    pub fn forget(&self, delivery: &Delivery) {
        if let Some(guard) = &self.replay_guard {
            guard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(delivery.timestamp, delivery.tag);
        }
    }

    /// Checks what can be checked without the body: that there is a signature in a known form, and the timestamp.
    #[cfg(feature = "axum")]
    pub(super) fn check_headers(
        &self,
        headers: &HeaderMap,
        now: SystemTime,
    ) -> Result<(), VerifyError> {
        let signature = required_header(headers, SIGNATURE)?;
        let timestamp = parse_timestamp(required_header(headers, TIMESTAMP)?)?;
        if signature::decode(signature).next().is_none() {
            return Err(VerifyError::BadSignature);
        }
        self.check_age(timestamp, now)
    }

    /// Checks signature and timestamp, but not whether the delivery is a replay.
    fn authenticate(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Delivery, VerifyError> {
        let signature = required_header(headers, SIGNATURE)?;
        let timestamp_text = required_header(headers, TIMESTAMP)?;
        let timestamp = parse_timestamp(timestamp_text)?;
        // The signature is checked before the age, so that an error about the age implies an authentic delivery.
        let tag = self
            .matching_tag(signature, timestamp_text, body)
            .ok_or(VerifyError::BadSignature)?;
        self.check_age(timestamp, now)?;
        Ok(Delivery {
            timestamp,
            retry: Retry::parse(headers),
            tag,
        })
    }

    /// Decodes the event of an authentic delivery that is not a replay.
    fn event(
        &self,
        delivery: Delivery,
        body: Bytes,
        now: SystemTime,
    ) -> Result<Event, VerifyError> {
        let event = Event::parse(delivery, body)?;
        // Last, because a delivery that is rejected for any reason must not be remembered as accepted.
        self.check_replay(event.delivery(), now)?;
        Ok(event)
    }

    /// The tag of the signature, if it was created with one of the secrets.
    fn matching_tag(&self, header: &[u8], timestamp: &[u8], body: &[u8]) -> Option<Tag> {
        self.secrets.iter().find_map(|secret| {
            let mac = signature::mac(secret.expose_secret().as_bytes(), timestamp, body);
            // `verify_slice` compares in constant time. Which secret and encoding match is not secret.
            signature::decode(header).find(|tag| mac.clone().verify_slice(tag).is_ok())
        })
    }

    fn check_age(&self, timestamp: SystemTime, now: SystemTime) -> Result<(), VerifyError> {
        let tolerance = self.tolerance;
        match now.duration_since(timestamp) {
            Ok(age) if age > tolerance => Err(VerifyError::TooOld { age, tolerance }),
            Err(ahead) if ahead.duration() > tolerance => Err(VerifyError::TooNew {
                ahead: ahead.duration(),
                tolerance,
            }),
            _ => Ok(()),
        }
    }

    fn check_replay(&self, delivery: &Delivery, now: SystemTime) -> Result<(), VerifyError> {
        let Some(guard) = &self.replay_guard else {
            return Ok(());
        };
        // Checked and remembered under one lock, so that one of two simultaneous deliveries is the replay.
        let mut guard = guard.lock().unwrap_or_else(PoisonError::into_inner);
        if guard.insert(delivery.timestamp, delivery.tag, now, self.tolerance) {
            Ok(())
        } else {
            Err(VerifyError::Replayed)
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("secrets", &self.secrets.len())
            .field("tolerance", &self.tolerance)
            .field("replay_guard", &self.replay_guard.is_some())
            .finish()
    }
}

fn not_blank(secret: SecretString, name: &str) -> Result<SecretString, Error> {
    if secret.expose_secret().trim().is_empty() {
        let message = format!(
            "the {name} is blank; copy it from the pyannoteAI dashboard, and check that the variable it is read from \
             is set"
        );
        return Err(Error::new(ErrorKind::Config, message));
    }
    Ok(secret)
}

fn required_header<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> Result<&'a [u8], VerifyError> {
    match headers.get(name) {
        Some(value) => Ok(value.as_bytes().trim_ascii()),
        None => Err(VerifyError::MissingHeader(name)),
    }
}

/// Parses Unix seconds. Only digits are valid: the signature covers the text, in which `+1` and `1` differ.
fn parse_timestamp(text: &[u8]) -> Result<SystemTime, VerifyError> {
    let bad = || VerifyError::BadTimestamp {
        value: excerpt(text).chars().take(MAX_SHOWN_CHARS).collect(),
    };
    if !text.iter().all(u8::is_ascii_digit) {
        return Err(bad());
    }
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
        .ok_or_else(bad)
}

#[cfg(test)]
mod tests;
