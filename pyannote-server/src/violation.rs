//! A rule of a request that a field of it breaks.

use serde::Serialize;

/// A rule that a field of a request breaks: an entry of the `errors` of a 400.
///
/// ```
/// use pyannote_server::Violation;
///
/// let violation = Violation::new("voiceprints[3].voiceprint", "is not base64");
/// assert_eq!(violation.field, "voiceprints[3].voiceprint");
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Violation {
    /// The field, as in `voiceprints[3].voiceprint`.
    pub field: String,
    /// What is wrong with it. It goes on where the name of the field ends, and repeats nothing of what was sent.
    pub message: String,
}

impl Violation {
    /// A violation by this field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}
