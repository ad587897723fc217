//! URLs of recordings, and their validation.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::error::{Error, FieldError};
use crate::redact::excerpt;

/// What every media URL starts with.
const MEDIA_PREFIX: &str = "media://";
/// The longest media URL.
const MAX_MEDIA_URL_CHARS: usize = 255;

/// The URL of a media object in the team's private storage.
///
/// It consists of `media://` and a key of letters, digits, `-`, `_`, `.` and `/`, with at most 255 characters in total.
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
    /// Creates the URL for a key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`](crate::ErrorKind::Validation) if the key is invalid.
    pub fn from_key(key: &str) -> Result<Self, Error> {
        format!("{MEDIA_PREFIX}{key}").parse()
    }

    /// The whole URL, including `media://`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key, without `media://`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0[MEDIA_PREFIX.len()..]
    }
}

impl FromStr for MediaUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        validate_media_url(text).map_err(|message| {
            Error::validation(
                "the media URL is invalid",
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

/// The URL of a job's recording: an http(s) URL that the service can fetch, or a [`MediaUrl`].
///
/// It is validated together with the request. Debug output omits the query, user name and password, which may grant
/// access to the recording.
#[derive(Clone, Eq, PartialEq)]
pub struct AudioUrl(String);

impl AudioUrl {
    /// The URL as it is sent, including the query.
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
        // URLs read from a file often end in a line break.
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

/// Validates the URL of a recording; the error is a message about the field.
pub(crate) fn validate_audio_url(text: &str) -> Result<(), String> {
    if text
        .get(..6)
        .is_some_and(|start| start.eq_ignore_ascii_case("media:"))
    {
        return validate_media_url(text);
    }
    let url = Url::parse(text).map_err(|_| {
        "must be an absolute http(s) URL, or a media URL returned by upload(); upload local files first"
            .to_owned()
    })?;
    match url.scheme() {
        "http" | "https" if url.host_str().is_some_and(|host| !host.is_empty()) => Ok(()),
        scheme => Err(format!(
            "must have the scheme http, https or media, got {scheme}; upload local files first"
        )),
    }
}

/// Validates a `media://` URL; the error is a message about the field.
pub(crate) fn validate_media_url(text: &str) -> Result<(), String> {
    let key = text
        .strip_prefix(MEDIA_PREFIX)
        .ok_or("must start with media:// in lower case")?;
    let length = text.chars().count();
    if length > MAX_MEDIA_URL_CHARS {
        return Err(format!(
            "must have at most {MAX_MEDIA_URL_CHARS} characters, got {length}"
        ));
    }
    if key.is_empty() {
        return Err("has no key after media://".to_owned());
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if let Some(other) = key.chars().find(|c| !is_allowed(*c)) {
        return Err(format!(
            "has {other:?} in its key; only letters, digits, -, _, . and / are allowed"
        ));
    }
    // The service's pattern allows these, but it is undefined what they refer to.
    if key
        .split('/')
        .any(|segment| matches!(segment, "" | "." | ".."))
    {
        return Err("has an empty, . or .. segment in its key".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_value() {
        assert_eq!(
            validate_audio_url("ftp://example.com/a.wav").unwrap_err(),
            "must have the scheme http, https or media, got ftp; upload local files first"
        );
        let long = format!("{MEDIA_PREFIX}{}", "k".repeat(MAX_MEDIA_URL_CHARS));
        assert_eq!(
            validate_media_url(&long).unwrap_err(),
            format!(
                "must have at most {MAX_MEDIA_URL_CHARS} characters, got {}",
                long.len()
            )
        );
    }
}
