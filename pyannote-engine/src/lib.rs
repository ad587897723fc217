//! Local speaker diarization with open models, as a synchronous library.

#[cfg(feature = "models")]
pub mod assets;
#[cfg(feature = "audio")]
pub mod audio;
#[cfg(feature = "models")]
mod calibration;
mod diarizer;
#[cfg(feature = "models")]
mod models;
#[cfg(feature = "models")]
mod open_models;
mod options;
#[cfg(feature = "models")]
mod pipeline;
mod recording;
pub mod voiceprint;

pub use diarizer::{Diarization, DiarizeError, Diarizer, Embedding, Scores, Speaker, Turn};
#[cfg(feature = "models")]
pub use open_models::{LoadError, OpenModels};
pub use options::{CancelToken, Options, SpeakerBounds};
pub use recording::Recording;

/// The sample rate of the models' input, in Hz. One channel.
pub const SAMPLE_RATE: u32 = 16_000;
