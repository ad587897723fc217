//! Live diarization: who starts and stops speaking, while the audio arrives.
//!
//! The [`Session`] of the open models works in steps of half a second (less if the latency is shorter):
//!
//! 1. **Segmentation.** The segmentation model runs on the last 10 s. At the start of the stream the window is shorter;
//!    it is not padded. Steps without any sound are skipped ([`buffer`]).
//! 2. **Continuity** ([`last_window`]). Each speaker of the window continues one of the last window: the permutation
//!    with the most activity in the frames of both.
//! 3. **Embeddings** ([`local`]). Each speaker of the window who has spoken alone since the last one gets an embedding
//!    of the newest non-overlapped speech, up to 3 s. The others keep theirs.
//! 4. **Assignment** ([`speakers`]). The speakers of the window are assigned to different speakers of the stream: the
//!    permutation with the best score of embeddings, compared with the centroids, and continuity. Both sides of a
//!    comparison need speech for it to count. A speaker who resembles no centroid is a new one, or unknown until
//!    there is enough speech; who only speaks while others do is known by exclusion. Centroids are updated with the new
//!    speech of each window. If those of two speakers become the same, the later label is not used again.
//! 5. **Turns** ([`turn_finder`]). Frames are decided once they are as old as the latency permits: the frames that
//!    follow show whether a turn or a gap is too short to report. Decisions never change; if a later window disagrees,
//!    the correction is an end and a start.
//!
//! The last window alone says who is active. In the frames to decide, it has more audio after them than the windows
//! before it: averages over several windows, which a diarization of the whole recording needs, had no lower error rate.
//!
//! A session keeps the last window and the centroids, however long the stream is. It runs on the calling thread, not on
//! the thread pool of the other runs: a step is short, and would wait behind batches of theirs that take longer than
//! real time permits. Audio that arrives in real time limits its processor time.

#[cfg(feature = "models")]
mod buffer;
mod consistent;
#[cfg(feature = "models")]
mod last_window;
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
