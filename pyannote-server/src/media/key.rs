//! The keys of media.

use std::fmt;

/// What every URL of a medium starts with.
const SCHEME: &str = "media://";
/// The longest URL of a medium, in characters.
const LONGEST: usize = 255;

/// A key that was checked: segments of letters, digits, `-`, `_` and `.`, none of them empty, `.` or `..`.
///
/// ```
/// use pyannote_server::media::MediaKey;
///
/// assert_eq!(MediaKey::from_url("media://calls/1.wav")?.as_str(), "calls/1.wav");
/// assert!(MediaKey::from_url("media://../secret").is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct MediaKey(String);

impl MediaKey {
    /// The key of a `media://` URL.
    ///
    /// # Errors
    ///
    /// What is wrong with it, to be said of the field `url`.
    pub fn from_url(url: &str) -> Result<Self, String> {
        let key = url
            .strip_prefix(SCHEME)
            .ok_or_else(|| format!("must start with {SCHEME}"))?;
        Self::new(key)
    }

    /// A key.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn new(key: &str) -> Result<Self, String> {
        let length = SCHEME.len().saturating_add(key.chars().count());
        if length > LONGEST {
            return Err(format!(
                "must have at most {LONGEST} characters, and has {length}"
            ));
        }
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        for segment in key.split('/') {
            if matches!(segment, "" | "." | "..") {
                return Err("has an empty, . or .. segment in its key".to_owned());
            }
            if let Some(other) = segment.chars().find(|c| !is_allowed(*c)) {
                return Err(format!(
                    "has {other:?} in its key; letters, digits, -, _, . and / are allowed"
                ));
            }
        }
        Ok(Self(key.to_owned()))
    }

    /// The key, without `media://`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MediaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for key in ["a", "a/b.wav", "...", "a-_.b/..c", &"a".repeat(247)] {
            MediaKey::new(key).unwrap();
        }
        for key in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/..",
            "../a",
            "a/./b",
            "a b",
            "a\\b",
            "a%2fb",
            "a\0",
            "ä",
            "C:",
            &"a".repeat(248),
        ] {
            MediaKey::new(key).unwrap_err();
        }
        for url in ["a", "media:a", "media:/a", "MEDIA://a", "https://a"] {
            MediaKey::from_url(url).unwrap_err();
        }
    }
}
