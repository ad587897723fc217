//! Errors of loading a recording.

use std::fmt;

use pyannote_engine::audio::AudioError;

use crate::engine::EngineError;

/// Why a recording cannot be loaded. Its text becomes the `output.error` of the job.
///
/// No text contains the path or the query of a URL: a pre-signed one is a secret.
///
/// ```
/// use pyannote_server::audio::LoadError;
///
/// let error = LoadError::NotUploaded("media://ada.wav".to_owned());
/// assert_eq!(error.to_string(), "no recording was uploaded as media://ada.wav");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// No such medium was uploaded. With its `media://` URL.
    NotUploaded(String),
    /// The recording cannot be decoded.
    Audio(AudioError),
    /// The URL cannot be fetched. With the reason.
    UnsupportedUrl(&'static str),
    /// The URL, or the target of a redirect, is on a private network. With the host.
    PrivateAddress(String),
    /// The server answered with this status.
    Status(u16),
    /// The server redirects too often.
    TooManyRedirects,
    /// The server took too long.
    TimedOut,
    /// The recording could not be fetched. With the reason.
    Fetch(String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUploaded(url) => write!(f, "no recording was uploaded as {url}"),
            Self::Audio(error) => error.fmt(f),
            Self::UnsupportedUrl(reason) => {
                write!(f, "the recording's URL cannot be used: {reason}")
            }
            Self::PrivateAddress(host) => write!(
                f,
                "the recording's URL leads to a private address, which is not allowed: {host}"
            ),
            Self::Status(status) => {
                write!(
                    f,
                    "the recording cannot be fetched: the server answered {status}"
                )
            }
            Self::TooManyRedirects => {
                f.write_str("the recording cannot be fetched: too many redirects")
            }
            Self::TimedOut => {
                f.write_str("the recording cannot be fetched: the server took too long")
            }
            Self::Fetch(reason) => write!(f, "the recording cannot be fetched: {reason}"),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Audio(error) => error.source(),
            _ => None,
        }
    }
}

impl From<AudioError> for LoadError {
    fn from(error: AudioError) -> Self {
        Self::Audio(error)
    }
}

impl From<std::io::Error> for LoadError {
    fn from(error: std::io::Error) -> Self {
        Self::Audio(error.into())
    }
}

impl From<LoadError> for EngineError {
    fn from(error: LoadError) -> Self {
        Self(error.to_string())
    }
}
