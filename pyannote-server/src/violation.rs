//! Validation errors of request fields.

use serde::Serialize;

/// A violation of the API's request rules: an entry of `errors` in a 400 response.
///
/// ```
/// use pyannote_server::Violation;
///
/// let violation = Violation::new("voiceprints[3].voiceprint", "is not valid base64");
/// assert_eq!(violation.field, "voiceprints[3].voiceprint");
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Violation {
    /// Path of the field, such as `voiceprints[3].voiceprint`.
    pub field: String,
    /// What is wrong with the field. It continues a sentence that starts with the field's name, and never contains the
    /// submitted value, which may be a voiceprint.
    pub message: String,
}

impl Violation {
    /// Creates a violation of `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}
