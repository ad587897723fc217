//! Pre-signed URLs. Anyone who has one may use it for the method and media it was made for, until it expires.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::MediaKey;

/// Creates and verifies pre-signed URLs.
#[derive(Debug)]
pub(crate) struct UrlSigner {
    secret: SecretString,
}

/// Query parameters of a pre-signed URL. It has no `Debug`: the signature is a secret.
#[derive(serde::Deserialize)]
pub(crate) struct SignedQuery {
    /// Expiry, as a Unix timestamp in seconds.
    pub(crate) expires: i64,
    /// Signature, in hex.
    pub(crate) signature: String,
}

impl UrlSigner {
    /// Creates a signer. Those with the same secret accept each other's URLs.
    pub(crate) fn new(secret: SecretString) -> Self {
        Self { secret }
    }

    /// Returns the path and query of a URL that allows `method` on the media until `expires`.
    pub(crate) fn sign(
        &self,
        method: &Method,
        team: &str,
        key: &MediaKey,
        expires: DateTime<Utc>,
    ) -> String {
        let expires = expires.timestamp();
        let mac = self.mac(method, team, key, expires).finalize();
        let signature = hex::encode(mac.into_bytes());
        format!("/media/{team}/{key}?expires={expires}&signature={signature}")
    }

    /// Returns whether a URL with the query `query` allows `method` on the media at the time `now`.
    pub(crate) fn verify(
        &self,
        method: &Method,
        team: &str,
        key: &MediaKey,
        query: &SignedQuery,
        now: DateTime<Utc>,
    ) -> bool {
        let Ok(tag) = hex::decode(&query.signature) else {
            return false;
        };
        let mac = self.mac(method, team, key, query.expires);
        mac.verify_slice(&tag).is_ok() && now.timestamp() < query.expires
    }

    /// Neither a team nor a key contains a line break, so that no two URLs have the same message.
    fn mac(&self, method: &Method, team: &str, key: &MediaKey, expires: i64) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC accepts keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes())
            .expect("a key of any length is valid");
        mac.update(format!("{method}\n{team}\n{key}\n{expires}").as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifies_only_the_signed_method_team_key_and_expiry() {
        let signer = UrlSigner::new("secret".into());
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let key = |key: &str| MediaKey::new(key).unwrap();
        let path = signer.sign(&Method::PUT, "a", &key("k/1"), at(100));
        let signature = path
            .strip_prefix("/media/a/k/1?expires=100&signature=")
            .unwrap();
        let query = |expires, signature: &str| SignedQuery {
            expires,
            signature: signature.to_owned(),
        };
        let valid = query(100, signature);
        assert!(signer.verify(&Method::PUT, "a", &key("k/1"), &valid, at(99)));
        assert!(!signer.verify(&Method::PUT, "a", &key("k/1"), &valid, at(100)));
        assert!(!signer.verify(&Method::GET, "a", &key("k/1"), &valid, at(99)));
        assert!(!signer.verify(&Method::PUT, "b", &key("k/1"), &valid, at(99)));
        assert!(!signer.verify(&Method::PUT, "a", &key("k/2"), &valid, at(99)));
        for invalid in [
            query(101, signature),
            query(100, ""),
            query(100, "zz"),
            query(100, &signature[2..]),
        ] {
            assert!(!signer.verify(&Method::PUT, "a", &key("k/1"), &invalid, at(99)));
        }
        let other = UrlSigner::new("another secret".into());
        assert!(!other.verify(&Method::PUT, "a", &key("k/1"), &valid, at(99)));
    }
}
