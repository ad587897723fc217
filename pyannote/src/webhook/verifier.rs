//! Is a delivery genuine, fresh, and seen for the first time?

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
use super::replay::Accepted;
use super::signature::{self, Tag};
use super::{SIGNATURE, TIMESTAMP};

/// How far a timestamp may be from now unless set otherwise.
const TOLERANCE: Duration = Duration::from_secs(300);

/// How much of a bad timestamp an error shows, in characters.
const SHOWN: usize = 32;

/// Verifies deliveries of webhooks.
///
/// Hand over the body as it was received, byte for byte: a body that was parsed and written again has another
/// signature.
///
/// ```
/// use pyannote::webhook::{Signer, Verifier, VerifyError};
///
/// let verifier = Verifier::new("whs_current").also("whs_previous");
///
/// let body = br#"{"jobId":"1","status":"succeeded"}"#;
/// let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
/// let mut headers = Signer::new("whs_previous").sign(now, body);
/// let event = verifier.verify(&headers, body)?;
/// assert_eq!(event.job_id().as_str(), "1");
/// assert!(event.delivery().retry.is_none());
///
/// headers.insert("x-signature", "00".parse().unwrap());
/// assert_eq!(verifier.verify(&headers, body), Err(VerifyError::BadSignature));
/// # Ok::<(), VerifyError>(())
/// ```
///
/// # Secrets
///
/// A blank secret is never used: anyone could sign with it. A verifier that is left without any refuses every delivery
/// with [`VerifyError::NoSecret`]. [`has_secret`](Self::has_secret) tells so when the program starts.
///
/// # Replays
///
/// Whoever gets hold of a delivery can send it again within the tolerance. [`replay_guard`](Self::replay_guard) refuses
/// the second one. It knows a delivery by its timestamp and signature, since those are proven; `x-retry-num` is not
/// signed, so a replay could carry any, and the guard does not look at it. For retries of pyannoteAI this means:
///
/// - The documentation does not say whether a retry is signed anew. If it is, it has another signature and is accepted
///   like any delivery. So the guard does not make an event come once only: for that, remember the job's id.
/// - If it is not, or is signed anew within the same second (the first retry comes at once), it is refused as
///   [`VerifyError::Replayed`]. The first one was accepted, so answer 200. Where handling an accepted delivery fails,
///   call [`forget`](Self::forget) before answering with an error, and the retry is accepted.
/// - The last retry comes about 6 minutes after the first delivery. If retries turn out to keep the first timestamp
///   ([`VerifyError::TooOld`] on the last one), set a tolerance of 10 minutes.
///
/// Each process has its own guard: where several receive deliveries, remember the job's id in a place they share.
#[derive(Clone)]
pub struct Verifier {
    /// None of them blank.
    secrets: Vec<SecretString>,
    tolerance: Duration,
    /// Clones share it: a web framework clones its state for each worker.
    accepted: Option<Arc<Mutex<Accepted>>>,
}

impl Verifier {
    /// A verifier with the team's webhook secret. A blank one is dropped: see [Secrets](Self#secrets).
    #[must_use]
    pub fn new(secret: impl Into<SecretString>) -> Self {
        Self {
            secrets: Vec::new(),
            tolerance: TOLERANCE,
            accepted: None,
        }
        .also(secret)
    }

    /// Accepts deliveries signed with this secret too. While a secret is replaced, both are in use for a time.
    ///
    /// A blank one is dropped, so that a variable for the previous secret may be empty.
    #[must_use]
    pub fn also(mut self, secret: impl Into<SecretString>) -> Self {
        let secret = secret.into();
        if !secret.expose_secret().trim().is_empty() {
            self.secrets.push(secret);
        }
        self
    }

    /// Whether there is a secret to verify with. Without one, every delivery is refused.
    ///
    /// ```
    /// use pyannote::webhook::Verifier;
    ///
    /// assert!(Verifier::new("whs_current").has_secret());
    /// assert!(!Verifier::new(" ").has_secret());
    /// ```
    #[must_use]
    pub fn has_secret(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// How far a timestamp may be from now, in the past as in the future. 5 minutes unless set.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Refuses a delivery that was accepted before, and remembers up to `capacity` of them (about 100 bytes each) for
    /// as long as they could be accepted again. 10,000 are 33 a second at the tolerance of 5 minutes. When it is full,
    /// the oldest is forgotten, and could be replayed.
    ///
    /// See [Replays](Self#replays) for what this means for retries.
    #[must_use]
    pub fn replay_guard(mut self, capacity: usize) -> Self {
        self.accepted = Some(Arc::new(Mutex::new(Accepted::new(capacity))));
        self
    }

    /// Verifies a delivery that has just come, and reads what it says.
    ///
    /// The body is copied once it is proven genuine; [`verify_bytes`](Self::verify_bytes) does without.
    ///
    /// # Errors
    ///
    /// See [`VerifyError`]: a missing header, a wrong signature, a timestamp too far from now, a body that is no event
    /// of a job, a replay.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: impl AsRef<[u8]>,
    ) -> Result<Event, VerifyError> {
        self.verify_at(headers, body, SystemTime::now())
    }

    /// Verifies a delivery that came at `now`: the same answer each time, unless there is a replay guard.
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
        let delivery = self.genuine(headers, body, now)?;
        self.event(delivery, Bytes::copy_from_slice(body), now)
    }

    /// [`verify`](Self::verify) for a body that the caller can give away, such as a `Vec<u8>` or `Bytes`: it is not
    /// copied.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn verify_bytes(
        &self,
        headers: &HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Event, VerifyError> {
        let body = body.into();
        let now = SystemTime::now();
        let delivery = self.genuine(headers, &body, now)?;
        self.event(delivery, body, now)
    }

    /// Checks that a delivery that has just come is genuine, fresh and no replay, without looking into its body.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify), but for what is wrong with the body.
    pub fn check(&self, headers: &HeaderMap, body: &[u8]) -> Result<Delivery, VerifyError> {
        self.check_at(headers, body, SystemTime::now())
    }

    /// [`check`](Self::check) for a delivery that came at `now`.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_at(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Delivery, VerifyError> {
        let delivery = self.genuine(headers, body, now)?;
        self.first_time(&delivery, now)?;
        Ok(delivery)
    }

    /// Makes the replay guard forget an accepted delivery, because handling it failed: its retry is then accepted.
    /// Does nothing without a guard.
    pub fn forget(&self, delivery: &Delivery) {
        if let Some(accepted) = &self.accepted {
            accepted
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(delivery.timestamp, delivery.tag);
        }
    }

    /// The delivery, if it is genuine and fresh. Whether it is a replay is not asked yet.
    fn genuine(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Delivery, VerifyError> {
        // Before the headers: whatever the request is, the mend is at this end.
        if !self.has_secret() {
            return Err(VerifyError::NoSecret);
        }
        let signature = required(headers, SIGNATURE)?;
        let stamp = required(headers, TIMESTAMP)?;
        let timestamp = parse_timestamp(stamp)?;
        // The signature before the age: an error about the age then says that the delivery itself is genuine.
        let tag = self
            .authentic(signature, stamp, body)
            .ok_or(VerifyError::BadSignature)?;
        self.fresh(timestamp, now)?;
        Ok(Delivery {
            timestamp,
            retry: Retry::read(headers),
            tag,
        })
    }

    /// What a genuine delivery says, if it comes for the first time.
    fn event(
        &self,
        delivery: Delivery,
        body: Bytes,
        now: SystemTime,
    ) -> Result<Event, VerifyError> {
        let event = Event::read(delivery, body)?;
        // Last: what is refused for any reason must not count as accepted.
        self.first_time(event.delivery(), now)?;
        Ok(event)
    }

    /// The signature, if it was made with one of the secrets.
    fn authentic(&self, header: &[u8], stamp: &[u8], body: &[u8]) -> Option<Tag> {
        self.secrets.iter().find_map(|secret| {
            let mac = signature::mac(secret.expose_secret().as_bytes(), stamp, body);
            // In constant time. Which secret fits, and in which spelling, may show: neither is secret.
            signature::decode(header).find(|tag| mac.clone().verify_slice(tag).is_ok())
        })
    }

    fn fresh(&self, timestamp: SystemTime, now: SystemTime) -> Result<(), VerifyError> {
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

    fn first_time(&self, delivery: &Delivery, now: SystemTime) -> Result<(), VerifyError> {
        let Some(accepted) = &self.accepted else {
            return Ok(());
        };
        // Looked up and remembered under one lock: of two at the same moment, one is the replay.
        let mut accepted = accepted.lock().unwrap_or_else(PoisonError::into_inner);
        if accepted.insert(delivery.timestamp, delivery.tag, now, self.tolerance) {
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
            .field("replay_guard", &self.accepted.is_some())
            .finish()
    }
}

fn required<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a [u8], VerifyError> {
    match headers.get(name) {
        Some(value) => Ok(value.as_bytes().trim_ascii()),
        None => Err(VerifyError::MissingHeader(name)),
    }
}

/// Digits and nothing else: `+1` and `1.0` are other texts than what is signed.
fn parse_timestamp(text: &[u8]) -> Result<SystemTime, VerifyError> {
    let bad = || VerifyError::BadTimestamp {
        value: String::from_utf8_lossy(text).chars().take(SHOWN).collect(),
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
