//! Live diarization: who starts and stops speaking, while the audio arrives.
//!
//! The [`Session`] of the open models works in steps of half a second (less if the latency is shorter):
//!
//! 1. **Segmentation.** The segmentation model runs on the last 10 s. At the start of the stream the window is shorter;
//!    it is not padded. Steps without any sound are skipped ([`buffer`]).
//! 2. **Embeddings** ([`local`]). Each speaker of the window who spoke alone in the last second gets an embedding of the
//!    newest non-overlapped speech, up to 3 s.
//! 3. **Assignment** ([`speakers`]). The speakers of the window are assigned to different speakers of the stream: the
//!    permutation with the best score of embeddings, compared with the centroids, and coactivity with what earlier
//!    windows found. A speaker who resembles no centroid is a new one, or unknown until there is enough speech. Centroids
//!    are updated with the new speech of each window.
//! 4. **Aggregation** ([`timeline`]). The activity of each speaker is averaged over the windows that cover a frame.
//! 5. **Turns** ([`turn_finder`]). Frames are decided once they are as old as the latency permits: the frames that
//!    follow show whether a turn or a gap is too short to report. Decisions never change; if a later window disagrees,
//!    the correction is an end and a start.
//!
//! A session keeps the last window, the centroids and the activity per frame of the last window, however long the
//! stream is. It runs on the calling thread, not on the thread pool of the other runs: a step is short, and would wait
//! behind batches of theirs that take longer than real time permits. Audio that arrives in real time limits its
//! processor time.

#[cfg(feature = "models")]
mod buffer;
mod consistent;
#[cfg(feature = "models")]
mod local;
#[cfg(feature = "models")]
mod networks;
mod options;
#[cfg(feature = "models")]
mod session;
#[cfg(feature = "models")]
mod speakers;
#[cfg(feature = "models")]
mod timeline;
#[cfg(feature = "models")]
mod turn_finder;

pub(crate) use consistent::Consistent;
pub use options::LiveOptions;
#[cfg(feature = "models")]
pub(crate) use session::Session;

use pyannote_core::SpeakerEvent;

use crate::DiarizeError;

/// A live diarization in progress. To cancel it, drop it.
///
/// [`Engine::live`](crate::Engine::live) starts one. All calls block the thread while the models run.
#[cfg_attr(feature = "models", doc = include_str!("measured.md"))]
pub trait LiveDiarization: Send {
    /// Adds audio: any number of mono samples at [`SAMPLE_RATE`](crate::SAMPLE_RATE), -1 to 1. Samples that are not
    /// finite count as 0.
    ///
    /// Returns the new events, in order of time. The number of samples per call makes no difference to the events.
    /// After an error, the session cannot be continued.
    ///
    /// # Errors
    ///
    /// Fails if the models fail.
    fn push(&mut self, samples: &[f32]) -> Result<Vec<SpeakerEvent>, DiarizeError>;

    /// Ends the stream. Returns the remaining events, including the end of each turn. Samples that are pushed
    /// afterwards are ignored.
    ///
    /// # Errors
    ///
    /// Fails if the models fail.
    fn finish(&mut self) -> Result<Vec<SpeakerEvent>, DiarizeError>;
}
