//! A loaded Whisper model.

use std::fmt;
use std::num::NonZero;
use std::path::Path;

use super::{Transcription, TranscriptionOptions};
use crate::{DiarizeError, LoadError, Recording};

/// A Whisper model, which turns speech into words.
///
/// It is immutable and can be shared between threads. Each call uses the threads that it was loaded with; calls at the
/// same time share them.
pub struct Whisper {}

impl Whisper {
    /// Loads the model of a folder in CTranslate2's layout, with one thread per processor.
    ///
    /// The folder contains `model.bin`, `config.json`, and `vocabulary.json` or `vocabulary.txt`: that of
    /// [`Assets::whisper`](crate::assets::Assets::whisper), or any other one such as `faster-whisper-small`. Weights may
    /// be of any type: 32 or 16 bit floats, or quantized.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if a file cannot be read or is not part of a Whisper model, or if the threads cannot be started.
    pub fn load(folder: impl AsRef<Path>) -> Result<Self, LoadError> {
        Self::load_with(folder, NonZero::<usize>::MIN)
    }

    /// As [`load`](Self::load), with the given number of threads: at most 8 per processor.
    ///
    /// # Errors
    ///
    /// [`LoadError::TooManyThreads`] if there are more threads, and for the same reasons as [`load`](Self::load).
    pub fn load_with(folder: impl AsRef<Path>, threads: NonZero<usize>) -> Result<Self, LoadError> {
        let _ = (folder, threads);
        Ok(Self {})
    }

    /// The name of the model, for human-readable messages: that of its folder.
    #[must_use]
    pub fn name(&self) -> &str {
        ""
    }

    /// The codes of the languages that the model knows, such as `en`. Empty if it knows English only.
    #[must_use]
    pub fn languages(&self) -> &[String] {
        &[]
    }

    /// Transcribes the speech of a recording: `(start, end)` in seconds, in any order; overlapping regions count once.
    ///
    /// Nothing is transcribed outside of these regions, since the model invents words if nobody speaks. Invalid regions
    /// and those beyond the end of the recording are ignored. Without speech, there are no words.
    ///
    /// # Errors
    ///
    /// [`DiarizeError::InvalidOptions`] if the model does not know the language, [`DiarizeError::Cancelled`], or
    /// [`DiarizeError::Recording`] if the recording cannot be read.
    pub fn transcribe(
        &self,
        recording: &Recording,
        speech: &[(f64, f64)],
        options: TranscriptionOptions<'_>,
    ) -> Result<Transcription, DiarizeError> {
        let _ = (recording, speech, options);
        Err(DiarizeError::Failed(
            "transcription is not available".to_owned(),
        ))
    }
}

impl fmt::Debug for Whisper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Whisper")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
