//! API keys with their teams and scopes.

use std::collections::HashSet;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::error::StartError;

/// Team of a key unless another one is set.
const DEFAULT_TEAM: &str = "local";
/// Maximum length of a team name, in bytes.
const MAX_TEAM_BYTES: usize = 64;

/// A permission of an API key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Scope {
    /// Read jobs.
    JobsRead,
    /// Submit jobs.
    JobsWrite,
    /// Download media.
    MediaRead,
    /// Upload media.
    MediaWrite,
    /// Read live streams.
    StreamRead,
    /// Create live streams.
    StreamWrite,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 6] = [
        Self::JobsRead,
        Self::JobsWrite,
        Self::MediaRead,
        Self::MediaWrite,
        Self::StreamRead,
        Self::StreamWrite,
    ];

    /// Returns the scope's name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JobsRead => "jobs:read",
            Self::JobsWrite => "jobs:write",
            Self::MediaRead => "media:read",
            Self::MediaWrite => "media:write",
            Self::StreamRead => "stream:read",
            Self::StreamWrite => "stream:write",
        }
    }
}

/// An API key that the server accepts. `Debug` does not show the key.
///
/// ```
/// use pyannote_server::{ApiKey, Scope};
///
/// let read_only = ApiKey::new("reader-key").team("research").scopes([Scope::JobsRead]);
/// let unpaid = ApiKey::new("unpaid-key").without_credit();
/// ```
#[derive(Clone, Debug)]
pub struct ApiKey {
    secret: SecretString,
    team: String,
    scopes: HashSet<Scope>,
    has_credit: bool,
}

impl ApiKey {
    /// Creates a key of the team `local` with all scopes.
    pub fn new(secret: impl Into<SecretString>) -> Self {
        Self {
            secret: secret.into(),
            team: DEFAULT_TEAM.to_owned(),
            scopes: Scope::ALL.into(),
            has_credit: true,
        }
    }

    /// Sets the team: 1 to 64 letters, digits, `-` and `_`. Each team sees only its own jobs and media.
    #[must_use]
    pub fn team(mut self, team: impl Into<String>) -> Self {
        self.team = team.into();
        self
    }

    /// Replaces the scopes. Operations outside them fail with status 403.
    #[must_use]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// Makes billed operations fail with status 402.
    #[must_use]
    pub fn without_credit(mut self) -> Self {
        self.has_credit = false;
        self
    }

    pub(crate) fn secret(&self) -> &str {
        self.secret.expose_secret()
    }

    pub(crate) fn team_name(&self) -> &str {
        &self.team
    }

    pub(crate) fn has_scope(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    pub(crate) fn has_credit(&self) -> bool {
        self.has_credit
    }

    /// Checks the key and the team's name.
    pub(crate) fn validate(&self) -> Result<(), StartError> {
        // Other characters cannot be sent in a header.
        if self.secret().is_empty() || !self.secret().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(StartError::InvalidKey);
        }
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if self.team.is_empty()
            || self.team.len() > MAX_TEAM_BYTES
            || !self.team.bytes().all(is_allowed)
        {
            return Err(StartError::InvalidTeam(self.team.clone()));
        }
        Ok(())
    }
}

/// The API keys that the server accepts.
#[derive(Debug)]
pub(crate) struct ApiKeys(Vec<ApiKey>);

impl ApiKeys {
    pub(crate) fn new(keys: Vec<ApiKey>) -> Self {
        Self(keys)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the key in an `Authorization` header, if it is valid. The time this takes depends on the lengths of the
    /// keys, not on their contents.
    pub(crate) fn find(&self, authorization: Option<&http::HeaderValue>) -> Option<&ApiKey> {
        let (scheme, token) = authorization?.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let token = token.trim().as_bytes();
        // Compares all keys, even after a match, so that the time does not depend on which one matches.
        let mut found = None;
        for key in &self.0 {
            if bool::from(key.secret().as_bytes().ct_eq(token)) {
                found = Some(key);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_keys_by_authorization_header() {
        let keys = ApiKeys::new(vec![ApiKey::new("one").team("a"), ApiKey::new("two")]);
        for (header, team) in [
            ("Bearer one", Some("a")),
            ("bearer two", Some("local")),
            ("Bearer  two ", Some("local")),
            ("Bearer three", None),
            ("Bearer on", None),
            ("Bearer ", None),
            ("Bearer", None),
            ("Basic one", None),
            ("one", None),
            ("", None),
        ] {
            let header = http::HeaderValue::from_static(header);
            let found = keys.find(Some(&header)).map(ApiKey::team_name);
            assert_eq!(found, team, "{header:?}");
        }
        assert!(keys.find(None).is_none());
    }

    #[test]
    fn rejects_invalid_keys_and_teams_and_hides_the_key() {
        ApiKey::new("key").validate().unwrap();
        for key in ["", "a b", "a\nb", "ä"] {
            ApiKey::new(key).validate().unwrap_err();
        }
        for team in ["", "..", "a/b", "a b", &"a".repeat(65)] {
            ApiKey::new("key").team(team).validate().unwrap_err();
        }
        assert!(!format!("{:?}", ApiKey::new("very-secret")).contains("very-secret"));
    }
}
