//! Live diarization: who starts and stops speaking, while the audio arrives.

mod options;

pub use options::LiveOptions;

use pyannote_core::SpeakerEvent;

use crate::DiarizeError;

/// A live diarization in progress. To cancel it, drop it.
///
/// [`Engine::live`](crate::Engine::live) starts one. All calls block the thread while the models run.
pub trait LiveDiarization: Send {
    /// Adds audio: any number of mono samples at [`SAMPLE_RATE`](crate::SAMPLE_RATE), -1 to 1. Samples that are not
    /// finite count as 0.
    ///
    /// Returns what became known, in order of time. The number of samples per call makes no difference to the events.
    /// After an error, the session cannot be continued.
    ///
    /// # Errors
    ///
    /// Fails if the models fail.
    fn push(&mut self, samples: &[f32]) -> Result<Vec<SpeakerEvent>, DiarizeError>;

    /// Ends the audio. Returns what was still unknown, including the end of each turn. Samples that are pushed afterwards
    /// are ignored.
    ///
    /// # Errors
    ///
    /// Fails if the models fail.
    fn finish(&mut self) -> Result<Vec<SpeakerEvent>, DiarizeError>;
}
