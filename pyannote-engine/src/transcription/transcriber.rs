//! The interface to speech recognizers: a recording and its speech in, words out.

use std::sync::Arc;

use super::{Transcription, TranscriptionOptions};
use crate::{DiarizeError, Recording};

/// Turns speech into words. All calls block the thread.
///
/// [`Diarization::transcribe`](crate::Diarization::transcribe) adds the speakers.
pub trait Transcriber: Send + Sync + 'static {
    /// The name of the model, for human-readable messages.
    fn model(&self) -> &str;

    /// Checks that the model knows a language, by its code such as `en`.
    ///
    /// # Errors
    ///
    /// [`DiarizeError::InvalidOptions`] if it does not.
    fn check_language(&self, code: &str) -> Result<(), DiarizeError>;

    /// Transcribes the speech of a recording: `(start, end)` in seconds, in any order and possibly overlapping.
    ///
    /// Implementations should check [`TranscriptionOptions::token`] regularly and call
    /// [`TranscriptionOptions::report`].
    ///
    /// # Errors
    ///
    /// Fails if the model does not know the language, if the run is cancelled, if the model fails, or if the recording
    /// cannot be read. A recording without speech has no words, which is not an error.
    fn transcribe(
        &self,
        recording: &Recording,
        speech: &[(f64, f64)],
        options: TranscriptionOptions<'_>,
    ) -> Result<Transcription, DiarizeError>;
}

/// Several engines can share one transcriber, so that its model is loaded once.
impl<T: Transcriber + ?Sized> Transcriber for Arc<T> {
    fn model(&self) -> &str {
        (**self).model()
    }

    fn check_language(&self, code: &str) -> Result<(), DiarizeError> {
        (**self).check_language(code)
    }

    fn transcribe(
        &self,
        recording: &Recording,
        speech: &[(f64, f64)],
        options: TranscriptionOptions<'_>,
    ) -> Result<Transcription, DiarizeError> {
        (**self).transcribe(recording, speech, options)
    }
}
