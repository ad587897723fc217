//! The rule about numbers of speakers, which spans fields, so that no schema can express it.

use std::num::NonZeroU64;

use crate::types::{DiarizeRequest, IdentifyRequest, ValidationError};

/// Checks that `numSpeakers` stands alone and that `minSpeakers` is at most `maxSpeakers`. Returns every violation, in
/// the form of the API's own 400; none if the numbers agree. Source of the rule: the page "Submit Diarization Job".
///
/// ```
/// use std::num::NonZeroU64;
/// use pyannote_api_sys::speakers;
///
/// let violations = speakers::check(None, NonZeroU64::new(5), NonZeroU64::new(2));
/// assert_eq!(violations[0].field, "minSpeakers");
/// assert_eq!(violations[0].message, "must be at most maxSpeakers, which is 2, and is 5");
/// ```
#[must_use]
pub fn check(
    num_speakers: Option<NonZeroU64>,
    min_speakers: Option<NonZeroU64>,
    max_speakers: Option<NonZeroU64>,
) -> Vec<ValidationError> {
    let mut violations = Vec::new();
    let mut violation = |field: &str, message: String| {
        violations.push(ValidationError {
            field: field.to_owned(),
            message,
        });
    };
    if num_speakers.is_some() {
        for (other, value) in [("minSpeakers", min_speakers), ("maxSpeakers", max_speakers)] {
            if value.is_some() {
                violation(
                    "numSpeakers",
                    format!("cannot be used together with {other}"),
                );
            }
        }
    }
    if let (Some(min), Some(max)) = (min_speakers, max_speakers)
        && min > max
    {
        violation(
            "minSpeakers",
            format!("must be at most maxSpeakers, which is {max}, and is {min}"),
        );
    }
    violations
}

impl DiarizeRequest {
    /// Checks the numbers of speakers against each other: see [`check`].
    #[must_use]
    pub fn check_speakers(&self) -> Vec<ValidationError> {
        check(self.num_speakers, self.min_speakers, self.max_speakers)
    }
}

impl IdentifyRequest {
    /// Checks the numbers of speakers against each other: see [`check`].
    #[must_use]
    pub fn check_speakers(&self) -> Vec<ValidationError> {
        check(self.num_speakers, self.min_speakers, self.max_speakers)
    }
}
