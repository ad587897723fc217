//! API keys: whose they are, and what they may do.

use std::collections::HashSet;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// The team of a key that names none.
const TEAM: &str = "local";
/// The longest name of a team, in bytes.
const LONGEST_TEAM: usize = 64;

/// What a key may do.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Scope {
    /// Read jobs.
    JobsRead,
    /// Submit jobs.
    JobsWrite,
    /// Fetch media.
    MediaRead,
    /// Store media.
    MediaWrite,
    /// Read live streams.
    StreamRead,
    /// Open live streams.
    StreamWrite,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] = [
        Self::JobsRead,
        Self::JobsWrite,
        Self::MediaRead,
        Self::MediaWrite,
        Self::StreamRead,
        Self::StreamWrite,
    ];

    /// The name, as the API has it.
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

/// A key that the server takes. Debug output does not show it.
///
/// ```
/// use pyannote_server::{ApiKey, Scope};
///
/// let reader = ApiKey::new("reader-key").team("research").scopes([Scope::JobsRead]);
/// let broke = ApiKey::new("broke-key").without_credit();
/// ```
#[derive(Clone, Debug)]
pub struct ApiKey {
    secret: SecretString,
    team: String,
    scopes: HashSet<Scope>,
    has_credit: bool,
}

impl ApiKey {
    /// A key of the team `local` that may do everything.
    pub fn new(secret: impl Into<SecretString>) -> Self {
        Self {
            secret: secret.into(),
            team: TEAM.to_owned(),
            scopes: Scope::ALL.into(),
            has_credit: true,
        }
    }

    /// Whose key it is: 1 to 64 letters, digits, `-` and `_`. Jobs and media are private to a team.
    #[must_use]
    pub fn team(mut self, team: impl Into<String>) -> Self {
        self.team = team.into();
        self
    }

    /// All that the key may do; anything else is refused (403).
    #[must_use]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// Refuses what would be billed (402).
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

    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    pub(crate) fn has_credit(&self) -> bool {
        self.has_credit
    }

    /// Why it cannot be used, if it cannot.
    pub(crate) fn check(&self) -> Result<(), String> {
        // What a header cannot carry could never be sent.
        if self.secret().is_empty() || !self.secret().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(
                "an API key must be visible ASCII without spaces, and not empty".to_owned(),
            );
        }
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if self.team.is_empty()
            || self.team.len() > LONGEST_TEAM
            || !self.team.bytes().all(is_allowed)
        {
            return Err(format!(
                "{:?} is no name of a team: 1 to {LONGEST_TEAM} letters, digits, - and _",
                self.team
            ));
        }
        Ok(())
    }
}

/// The keys that the server takes.
#[derive(Debug)]
pub(crate) struct Keys(Vec<ApiKey>);

impl Keys {
    pub(crate) fn new(keys: Vec<ApiKey>) -> Self {
        Self(keys)
    }

    /// The key of an `Authorization` header. How long it takes tells nothing of a key but its length.
    pub(crate) fn find(&self, authorization: Option<&http::HeaderValue>) -> Option<&ApiKey> {
        let (scheme, given) = authorization?.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let given = given.trim().as_bytes();
        // Every key is compared, whichever is right.
        let mut found = None;
        for key in &self.0 {
            if bool::from(key.secret().as_bytes().ct_eq(given)) {
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
    fn which_headers_are_right() {
        let keys = Keys::new(vec![ApiKey::new("one").team("a"), ApiKey::new("two")]);
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
    fn what_cannot_be_used_is_refused_and_no_key_is_shown() {
        ApiKey::new("key").check().unwrap();
        for key in ["", "a b", "a\nb", "ä"] {
            ApiKey::new(key).check().unwrap_err();
        }
        for team in ["", "..", "a/b", "a b", &"a".repeat(65)] {
            ApiKey::new("key").team(team).check().unwrap_err();
        }
        assert!(!format!("{:?}", ApiKey::new("very-secret")).contains("very-secret"));
    }
}
