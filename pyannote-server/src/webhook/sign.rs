//! The signature of a webhook.

use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// The hex HMAC-SHA256 over `v0:{timestamp}:{body}`.
pub(super) fn sign(secret: &SecretString, timestamp: u64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new(&key(secret.expose_secret().as_bytes()));
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// A secret as HMAC takes it: filled up with zeros to one block, hashed first if it is longer (RFC 2104). Other than
/// `new_from_slice`, without an error that never comes.
fn key(secret: &[u8]) -> Key<Hmac<Sha256>> {
    let mut block = Key::<Hmac<Sha256>>::default();
    let hashed = (secret.len() > block.len()).then(|| Sha256::digest(secret));
    let secret = hashed.as_ref().map_or(secret, |hash| hash.as_slice());
    for (to, from) in block.iter_mut().zip(secret) {
        *to = *from;
    }
    block
}
