//! Tokens of stream URLs. Whoever has one may connect to the stream, once.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A token. It has no `Debug`, since it is a secret.
#[derive(serde::Deserialize)]
pub(crate) struct Token(String);

impl Token {
    /// Creates a random token.
    pub(super) fn new() -> Self {
        // Two random UUIDs contain 244 random bits.
        let bytes = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        Self(hex::encode(bytes))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Returns what is stored in place of the token. Since a token is random, no salt is needed.
    pub(super) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_random_and_stored_as_hashes() {
        let (a, b) = (Token::new(), Token::new());
        assert_eq!(a.expose().len(), 64);
        assert_ne!(a.expose(), b.expose());
        assert_ne!(a.hash(), b.hash());
        assert_eq!(a.hash(), Token(a.expose().to_owned()).hash());
        assert!(!a.hash().contains(a.expose()));
    }
}
