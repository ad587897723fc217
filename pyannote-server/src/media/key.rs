//! Keys of media.

use std::fmt;

/// Prefix of a media URL.
const SCHEME: &str = "media://";
/// Maximum length of a media URL, in characters.
const MAX_URL_CHARS: usize = 255;

/// A valid key of uploaded media: segments of letters, digits, `-`, `_` and `.`, separated by `/`. No segment is empty,
/// `.` or `..`.
///
/// ```
/// use pyannote_server::media::{MediaKey, MediaKeyError};
///
/// assert_eq!(MediaKey::from_url("media://calls/1.wav")?.as_str(), "calls/1.wav");
/// assert_eq!(MediaKey::from_url("media://../secret"), Err(MediaKeyError::InvalidSegment));
/// # Ok::<(), MediaKeyError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct MediaKey(String);

/// Why a media key or `media://` URL is invalid. The message continues a sentence that starts with the field's name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MediaKeyError {
    /// The URL has another scheme.
    #[error("must start with {SCHEME}")]
    MissingScheme,
    /// The URL is too long. With its length, in characters.
    #[error("must have at most {MAX_URL_CHARS} characters, got {0}")]
    TooLong(usize),
    /// A segment of the key is empty, `.` or `..`.
    #[error("must not have empty, `.` or `..` segments in its key")]
    InvalidSegment,
    /// The key contains a character that is not allowed.
    #[error("must not contain {0:?}: a key consists of letters, digits, `-`, `_`, `.` and `/`")]
    InvalidChar(char),
}

impl MediaKey {
    /// Parses a `media://` URL.
    ///
    /// # Errors
    ///
    /// Returns [`MediaKeyError`] if the scheme or the key is invalid.
    pub fn from_url(url: &str) -> Result<Self, MediaKeyError> {
        let key = url
            .strip_prefix(SCHEME)
            .ok_or(MediaKeyError::MissingScheme)?;
        Self::new(key)
    }

    /// Parses a key, which is a media URL without `media://`.
    ///
    /// # Errors
    ///
    /// Returns [`MediaKeyError`] if the key is invalid.
    pub fn new(key: &str) -> Result<Self, MediaKeyError> {
        let url_chars = SCHEME.len() + key.chars().count();
        if url_chars > MAX_URL_CHARS {
            return Err(MediaKeyError::TooLong(url_chars));
        }
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        for segment in key.split('/') {
            if matches!(segment, "" | "." | "..") {
                return Err(MediaKeyError::InvalidSegment);
            }
            if let Some(other) = segment.chars().find(|c| !is_allowed(*c)) {
                return Err(MediaKeyError::InvalidChar(other));
            }
        }
        Ok(Self(key.to_owned()))
    }

    /// Returns the key, without `media://`.
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
    fn accepts_valid_keys_and_rejects_others() {
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
