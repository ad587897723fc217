//! The addresses of recordings.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, FieldError};
use crate::excerpt::excerpt;
use crate::request::validate;

/// A medium in the team's private storage: `media://` and a key of letters, digits, `-`, `_`, `.` and `/`, of at most
/// 255 characters in all.
///
/// ```
/// use pyannote::MediaUrl;
///
/// let media: MediaUrl = "media://calls/2025-11-06.wav".parse()?;
/// assert_eq!(media.key(), "calls/2025-11-06.wav");
/// assert!("media://no spaces".parse::<MediaUrl>().is_err());
/// # Ok::<(), pyannote::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaUrl(String);

impl MediaUrl {
    /// The medium of this key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`](crate::ErrorKind::Validation) where it is no key.
    pub fn from_key(key: &str) -> Result<Self, Error> {
        format!("media://{key}").parse()
    }

    /// The URL, `media://` and the key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.0.strip_prefix("media://").unwrap_or_default()
    }
}

impl FromStr for MediaUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        validate::media_url(text).map_err(|message| {
            Error::validation(
                "the media URL cannot be used",
                vec![FieldError::new("url", message)],
            )
        })?;
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for MediaUrl {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<MediaUrl> for String {
    fn from(url: MediaUrl) -> Self {
        url.0
    }
}

impl fmt::Display for MediaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the recording of a job is: an http(s) URL that the service can fetch, or a [`MediaUrl`]. It is checked when
/// the request is.
///
/// Debug output shows no query, user or password: those of a URL that grants access are secrets.
#[derive(Clone, Eq, PartialEq)]
pub struct AudioUrl(String);

impl AudioUrl {
    /// The URL as it will be sent, query and all.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AudioUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AudioUrl({})", excerpt(self.0.as_bytes()))
    }
}

impl From<&str> for AudioUrl {
    fn from(url: &str) -> Self {
        // A URL that was read from a file often ends in a line break.
        Self(url.trim().to_owned())
    }
}

impl From<String> for AudioUrl {
    fn from(url: String) -> Self {
        Self::from(url.as_str())
    }
}

impl From<&String> for AudioUrl {
    fn from(url: &String) -> Self {
        Self::from(url.as_str())
    }
}

impl From<&MediaUrl> for AudioUrl {
    fn from(url: &MediaUrl) -> Self {
        Self(url.0.clone())
    }
}

impl From<MediaUrl> for AudioUrl {
    fn from(url: MediaUrl) -> Self {
        Self(url.0)
    }
}
