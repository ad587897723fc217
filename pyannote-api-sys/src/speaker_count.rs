//! Validation of the speaker counts of a request. The rule spans several fields, so a schema cannot express it.

use std::num::NonZeroU64;

use crate::types::{DiarizeRequest, IdentifyRequest};

/// A violation of the rules about speaker counts.
///
/// It has the fields of the API's `ValidationError`, but is a type of its own, so that a further field in the
/// specification does not break this module.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Violation {
    /// Name of the field of the request.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

/// Checks that `numSpeakers` is not combined with `minSpeakers` or `maxSpeakers`, and that `minSpeakers` is at most
/// `maxSpeakers`.
///
/// Returns all violations, with the fields and messages of the API's 400 response; an empty list means that the counts
/// are valid. The rule is documented on the page "Submit Diarization Job" of the API reference.
///
/// ```
/// use std::num::NonZeroU64;
/// use pyannote_api_sys::speaker_count;
///
/// let errors = speaker_count::check(None, NonZeroU64::new(5), NonZeroU64::new(2));
/// assert_eq!(errors[0].field, "minSpeakers");
/// assert_eq!(errors[0].message, "must be at most maxSpeakers (2), got 5");
/// ```
#[must_use]
pub fn check(
    num_speakers: Option<NonZeroU64>,
    min_speakers: Option<NonZeroU64>,
    max_speakers: Option<NonZeroU64>,
) -> Vec<Violation> {
    let mut errors = Vec::new();
    let mut error = |field: &'static str, message: String| {
        errors.push(Violation { field, message });
    };
    if num_speakers.is_some() {
        for (other, value) in [("minSpeakers", min_speakers), ("maxSpeakers", max_speakers)] {
            if value.is_some() {
                error(
                    "numSpeakers",
                    format!("cannot be used together with {other}"),
                );
            }
        }
    }
    if let (Some(min), Some(max)) = (min_speakers, max_speakers)
        && min > max
    {
        error(
            "minSpeakers",
            format!("must be at most maxSpeakers ({max}), got {min}"),
        );
    }
    errors
}

/// Converts a speaker count of a request, whose type depends on the bounds in the specification.
fn count(value: Option<impl Into<u64>>) -> Option<NonZeroU64> {
    value.and_then(|value| NonZeroU64::new(value.into()))
}

impl DiarizeRequest {
    /// Checks the speaker counts against each other. See [`check`].
    #[must_use]
    pub fn check_speaker_count(&self) -> Vec<Violation> {
        check(
            count(self.num_speakers),
            count(self.min_speakers),
            count(self.max_speakers),
        )
    }
}

impl IdentifyRequest {
    /// Checks the speaker counts against each other. See [`check`].
    #[must_use]
    pub fn check_speaker_count(&self) -> Vec<Violation> {
        check(
            count(self.num_speakers),
            count(self.min_speakers),
            count(self.max_speakers),
        )
    }
}
