//! The kinds of jobs.

use pyannote_core::Turns;

use super::decode_warning::Warnings;
use super::origin::Origin;
use crate::job::id::JobId;

/// The result of a job, which identifies its kind: [`Diarization`](crate::Diarization),
/// [`Identification`](crate::Identification) or [`Voiceprint`](crate::Voiceprint).
///
/// The trait is sealed. It makes generic code over all kinds of jobs possible:
///
/// ```
/// use pyannote::{JobKind, Request};
///
/// fn with_defaults<T: JobKind>(request: Request<T>) -> Request<T> {
///     request.model("precision-2").webhook("https://example.com/webhook")
/// }
/// ```
pub trait JobKind: Sized + Send + 'static + sealed::Kind {}

impl<T: Sized + Send + 'static + sealed::Kind> JobKind for T {}

/// A [`JobKind`] whose result has speaker turns: [`Diarization`](crate::Diarization) or
/// [`Identification`](crate::Identification).
///
/// ```
/// use pyannote::HasTurns;
///
/// fn speech_time(result: &impl HasTurns) -> f64 {
///     result.turns().speech_time()
/// }
/// ```
pub trait HasTurns: JobKind {
    /// Returns who spoke when.
    fn turns(&self) -> &Turns;
}

/// The kinds of jobs, as values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Diarization,
    Identification,
    Voiceprint,
}

pub(crate) mod sealed {
    use serde_json::value::RawValue;

    use super::{JobId, Origin, Warnings};

    /// How the output of a kind of job is decoded.
    pub trait Kind: Sized {
        /// The kind as a value.
        const KIND: super::Kind;

        /// The field without which an output is not of this kind.
        const REQUIRED_FIELD: &'static str;

        /// The output as it is specified.
        type Output: serde::de::DeserializeOwned + Send;

        /// Decodes what can be decoded of an output that is not as specified. Returns `None` if the required field
        /// cannot be decoded.
        fn read(output: &RawValue, warnings: &mut Warnings) -> Option<Self::Output>;

        /// Makes the result of an output.
        fn from_output(output: Self::Output, job_id: JobId, origin: Origin) -> Self;
    }
}
