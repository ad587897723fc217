//! A voiceprint.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::lenient;
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
#[serde(from = "String", into = "String")]
pub struct Voiceprint {
    base64: String,
    warning: Option<String>,
}

impl From<String> for Voiceprint {
    /// For what was stored, and what the service made: requests check it.
    fn from(base64: String) -> Self {
        Self {
            base64: base64.trim().to_owned(),
            warning: None,
        }
    }
}

impl From<Voiceprint> for String {
    fn from(voiceprint: Voiceprint) -> Self {
        voiceprint.base64
    }
}

impl Voiceprint {
    /// A voiceprint that was stored.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`](crate::ErrorKind::Validation) where the text is not base64 of 1 to 20,000 characters.
    pub fn from_base64(text: impl Into<String>) -> Result<Self, Error> {
        let voiceprint = Self::from(text.into());
        validate::base64_voiceprint(&voiceprint.base64).map_err(|message| {
            Error::validation(
                "the voiceprint cannot be used",
                vec![FieldError::new("voiceprint", message)],
            )
        })?;
        Ok(voiceprint)
    }

    /// The voiceprint as base64, to be stored. Keep it out of logs.
    #[must_use]
    pub fn as_base64(&self) -> &str {
        &self.base64
    }

    /// What the service warned of when it made the voiceprint. It is not stored with it.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }
}

impl fmt::Debug for Voiceprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Voiceprint(<{} characters>)",
            self.base64.chars().count()
        )
    }
}

/// The form of the output in the answer.
#[derive(Deserialize)]
pub struct Output {
    voiceprint: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    error: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    warning: Option<String>,
}

impl sealed::Kind for Voiceprint {
    type Output = Output;

    fn error(output: &Output) -> Option<&str> {
        output.error.as_deref()
    }

    fn from_output(output: Output, _: JobId, _: Option<Bytes>) -> Result<Self, &'static str> {
        // As the service made it, whatever it is: it was paid for.
        let made = output.voiceprint.map(Self::from).ok_or("voiceprint")?;
        Ok(Self {
            warning: output.warning,
            ..made
        })
    }
}
