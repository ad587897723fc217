//! Pre-signed URLs: who holds one may do what it says until it expires, and nothing else.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use sha2::Sha256;
use uuid::Uuid;

use super::MediaKey;

/// Signs and checks. The secret is drawn anew with each start, so that no URL outlives its server.
pub(crate) struct Signer {
    secret: [u8; 32],
}

/// What the query of a pre-signed URL holds.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Signed {
    /// When it ends, in Unix seconds.
    pub(crate) expires: i64,
    /// The signature, in hex.
    pub(crate) signature: String,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let mut secret = [0; 32];
        // Two random UUIDs hold 244 random bits.
        let random = [Uuid::new_v4(), Uuid::new_v4()];
        let bytes = random.iter().flat_map(|uuid| uuid.as_bytes());
        for (slot, byte) in secret.iter_mut().zip(bytes) {
            *slot = *byte;
        }
        Self { secret }
    }

    /// The path and query of a URL that allows `method` on a medium until `expires`.
    pub(crate) fn path(
        &self,
        method: &Method,
        team: &str,
        key: &MediaKey,
        expires: DateTime<Utc>,
    ) -> String {
        let expires = expires.timestamp();
        let signature = match self.mac(method, team, key, expires) {
            Some(mac) => hex::encode(mac.finalize().into_bytes()),
            None => String::new(),
        };
        format!("/media/{team}/{key}?expires={expires}&signature={signature}")
    }

    /// Whether a URL allows this now.
    pub(crate) fn allows(
        &self,
        method: &Method,
        team: &str,
        key: &MediaKey,
        signed: &Signed,
        now: DateTime<Utc>,
    ) -> bool {
        let Ok(tag) = hex::decode(&signed.signature) else {
            return false;
        };
        let is_genuine = self
            .mac(method, team, key, signed.expires)
            .is_some_and(|mac| mac.verify_slice(&tag).is_ok());
        is_genuine && now.timestamp() < signed.expires
    }

    /// Neither a team nor a key holds a line break, so no two requests have the same text. An HMAC takes a secret of
    /// any length: there is always one.
    fn mac(
        &self,
        method: &Method,
        team: &str,
        key: &MediaKey,
        expires: i64,
    ) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).ok()?;
        mac.update(format!("{method}\n{team}\n{key}\n{expires}").as_bytes());
        Some(mac)
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_allows_what_was_signed_and_nothing_else() {
        let signer = Signer::new();
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let key = |key: &str| MediaKey::new(key).unwrap();
        let path = signer.path(&Method::PUT, "a", &key("k/1"), at(100));
        let query = path
            .strip_prefix("/media/a/k/1?expires=100&signature=")
            .unwrap();
        let signed = |expires, signature: &str| Signed {
            expires,
            signature: signature.to_owned(),
        };
        let good = signed(100, query);
        assert!(signer.allows(&Method::PUT, "a", &key("k/1"), &good, at(99)));
        assert!(!signer.allows(&Method::PUT, "a", &key("k/1"), &good, at(100)));
        assert!(!signer.allows(&Method::GET, "a", &key("k/1"), &good, at(99)));
        assert!(!signer.allows(&Method::PUT, "b", &key("k/1"), &good, at(99)));
        assert!(!signer.allows(&Method::PUT, "a", &key("k/2"), &good, at(99)));
        for bad in [
            signed(101, query),
            signed(100, ""),
            signed(100, "zz"),
            signed(100, &query[2..]),
        ] {
            assert!(!signer.allows(&Method::PUT, "a", &key("k/1"), &bad, at(99)));
        }
        assert!(!Signer::new().allows(&Method::PUT, "a", &key("k/1"), &good, at(99)));
    }
}
