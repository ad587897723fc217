//! Voiceprints.

use std::fmt;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::decode_warning::Warnings;
use super::kind::{Kind, sealed};
use super::lenient::Fields;
use super::origin::{Origin, impl_origin};
use crate::error::{Error, FieldError};
use crate::job::id::JobId;
use crate::json::string;

/// Maximum length of a voiceprint, in characters of base64.
const MAX_VOICEPRINT_CHARS: usize = 20_000;

/// An opaque speaker embedding, with which a speaker is identified in recordings.
///
/// Voiceprints are biometric data, so `Debug` does not print them. The service deletes a voiceprint 24 h after it was
/// created: store it with [`as_base64`](Self::as_base64), or serialize it, which writes its base64.
///
/// Deserializing does not check the base64, so that one damaged voiceprint does not make a whole file unreadable; a
/// request with a damaged voiceprint is invalid, and names it. Two voiceprints are equal if their base64 is.
///
/// ```
/// use pyannote::Voiceprint;
///
/// let voiceprint = Voiceprint::from_base64("U29tZVZvaWNlUHJpbnREYXRhMQ==")?;
/// assert_eq!(format!("{voiceprint:?}"), "Voiceprint(<28 characters>)");
/// # Ok::<(), pyannote::Error>(())
/// ```
#[derive(Clone)]
pub struct Voiceprint {
    base64: String,
    job_id: Option<JobId>,
    warning: Option<String>,
    origin: Origin,
}

impl Voiceprint {
    /// Creates a voiceprint from base64, as [`as_base64`](Self::as_base64) returned it.
    ///
    /// Leading and trailing white space is ignored.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`](crate::ErrorKind::Validation) unless the text is 1 to 20,000 characters of base64.
    pub fn from_base64(text: impl Into<String>) -> Result<Self, Error> {
        let voiceprint = Self::unchecked(&text.into());
        voiceprint.check().map_err(|message| {
            Error::validation(
                "the voiceprint is invalid",
                vec![FieldError::new("voiceprint", message)],
            )
        })?;
        Ok(voiceprint)
    }

    fn unchecked(base64: &str) -> Self {
        Self {
            base64: base64.trim().to_owned(),
            job_id: None,
            warning: None,
            origin: Origin::default(),
        }
    }

    /// Checks that the text is valid base64, in the standard or the URL-safe alphabet, padded or not. The message does
    /// not quote it.
    pub(crate) fn check(&self) -> Result<(), String> {
        const CONFIG: GeneralPurposeConfig =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        if self.base64.is_empty() {
            return Err("must not be empty".to_owned());
        }
        let length = self.base64.chars().count();
        if length > MAX_VOICEPRINT_CHARS {
            return Err(format!(
                "must have at most {MAX_VOICEPRINT_CHARS} characters, got {length}"
            ));
        }
        let is_valid = [STANDARD, URL_SAFE].iter().any(|alphabet| {
            let engine = GeneralPurpose::new(alphabet, CONFIG);
            engine.decode(&self.base64).is_ok()
        });
        match is_valid {
            true => Ok(()),
            false => Err("is not valid base64; pass it as the service returned it".to_owned()),
        }
    }

    /// Returns the voiceprint as base64, to be stored. Keep it out of logs.
    #[must_use]
    pub fn as_base64(&self) -> &str {
        &self.base64
    }

    /// Returns the id of the job that created the voiceprint; `None` for one from storage.
    #[must_use]
    pub fn job_id(&self) -> Option<&JobId> {
        self.job_id.as_ref()
    }
}

impl_origin!(Voiceprint);

impl PartialEq for Voiceprint {
    fn eq(&self, other: &Self) -> bool {
        self.base64 == other.base64
    }
}

impl Eq for Voiceprint {}

impl fmt::Debug for Voiceprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Voiceprint(<{} characters>)",
            self.base64.chars().count()
        )
    }
}

impl Serialize for Voiceprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.base64)
    }
}

impl<'de> Deserialize<'de> for Voiceprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::unchecked(&String::deserialize(deserializer)?))
    }
}

/// The output as it is encoded in a response.
#[derive(Deserialize)]
pub struct Output {
    voiceprint: String,
    warning: Option<String>,
}

impl sealed::Kind for Voiceprint {
    const KIND: Kind = Kind::Voiceprint;
    const REQUIRED_FIELD: &'static str = "voiceprint";
    type Output = Output;

    fn read(output: &RawValue, warnings: &mut Warnings) -> Option<Output> {
        let output = Fields::of(output, ["voiceprint", "warning"], "output", warnings)?;
        Some(Output {
            voiceprint: output.required("voiceprint", ("a string", string), warnings)?,
            warning: output.message("warning"),
        })
    }

    fn from_output(output: Output, job_id: JobId, origin: Origin) -> Self {
        // Not checked: it was billed, whatever it is. A request that uses it is.
        Self {
            job_id: Some(job_id),
            warning: output.warning,
            origin,
            ..Self::unchecked(&output.voiceprint)
        }
    }
}
