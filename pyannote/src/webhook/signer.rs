//! Signs deliveries as pyannoteAI does, for tests of webhook receivers.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::{SIGNATURE, TIMESTAMP, signature};

/// Signs deliveries as pyannoteAI does, to test your own receiver.
///
/// ```
/// use pyannote::webhook::{Signer, Verifier};
///
/// let body = br#"{"jobId":"1","status":"succeeded"}"#;
/// let headers = Signer::new("whs_test").sign(1_700_000_000, body);
///
/// let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_002);
/// Verifier::new("whs_test")?.verify_at(&headers, body, now)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Signer {
    secret: SecretString,
    base64: bool,
}

impl Signer {
    /// Creates a signer with signatures in hex. It accepts any secret, even an empty one, to test wrong secrets.
    pub fn new(secret: impl Into<SecretString>) -> Self {
        Self {
            secret: secret.into(),
            base64: false,
        }
    }

    /// Encodes signatures in base64 instead (standard alphabet, padded).
    #[must_use]
    pub fn base64(mut self) -> Self {
        self.base64 = true;
        self
    }

    /// The headers of a delivery of `body`, signed at `timestamp` in Unix seconds.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "hex and base64 are visible ASCII, which header values accept"
    )]
    pub fn sign(&self, timestamp: u64, body: impl AsRef<[u8]>) -> HeaderMap {
        let secret = self.secret.expose_secret().as_bytes();
        let mac = signature::mac(secret, timestamp.to_string().as_bytes(), body.as_ref());
        let tag = mac.finalize().into_bytes();
        let signature = if self.base64 {
            STANDARD.encode(tag)
        } else {
            hex::encode(tag)
        };
        let signature = HeaderValue::try_from(signature).expect("signatures are visible ASCII");
        let mut headers = HeaderMap::new();
        headers.insert(TIMESTAMP, HeaderValue::from(timestamp));
        headers.insert(SIGNATURE, signature);
        headers
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("base64", &self.base64)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_omits_the_secret() {
        let debug = format!("{:?}", Signer::new("whs_hidden").base64());
        assert!(
            !debug.contains("hidden") && debug.contains("base64: true"),
            "{debug}"
        );
    }
}
