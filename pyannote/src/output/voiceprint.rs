//! A voiceprint.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::{Error, FieldError};
use crate::job::{JobId, sealed};
use crate::request::validate;

/// The voice of a person, to find them in recordings. Opaque, and biometric data: debug output does not show it.
///
/// The service deletes it 24 h after it was made: store it. It serializes as its base64.
///
/// ```
/// use pyannote::Voiceprint;
///
/// let voiceprint = Voiceprint::from_base64("U29tZVZvaWNlUHJpbnREYXRhMQ==")?;
/// assert_eq!(format!("{voiceprint:?}"), "Voiceprint(<28 characters>)");
/// # Ok::<(), pyannote::Error>(())
/// ```
#[derive(Clone, Eq, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Voiceprint(String);

impl Voiceprint {
    /// A voiceprint that was stored.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`](crate::ErrorKind::Validation) where the text is not base64 of 1 to 20,000 characters.
    pub fn from_base64(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        validate::base64_voiceprint(&text).map_err(|message| {
            Error::validation(
                "the voiceprint cannot be used",
                vec![FieldError::new("voiceprint", message)],
            )
        })?;
        Ok(Self(text))
    }

    /// The voiceprint as base64, to be stored. Keep it out of logs.
    #[must_use]
    pub fn as_base64(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Voiceprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Voiceprint(<{} characters>)", self.0.chars().count())
    }
}

/// The form of the output in the answer.
#[derive(Deserialize)]
pub struct Output {
    voiceprint: Option<String>,
    error: Option<String>,
    warning: Option<String>,
}

impl sealed::Kind for Voiceprint {
    type Output = Output;

    fn error(output: &Output) -> Option<&str> {
        output.error.as_deref()
    }

    fn from_output(output: Output, job: JobId, _: Option<Bytes>) -> Result<Self, &'static str> {
        if let Some(warning) = output.warning {
            tracing::warn!(%job, warning, "voiceprint made with a warning");
        }
        // As the service made it, whatever it is: it was paid for.
        output.voiceprint.map(Self).ok_or("voiceprint")
    }
}
