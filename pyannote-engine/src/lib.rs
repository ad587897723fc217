//! Local speaker diarization with open models, as a synchronous library.

#[cfg(feature = "models")]
pub mod assets;
#[cfg(feature = "audio")]
pub mod audio;
#[cfg(feature = "models")]
mod calibration;
mod confidence;
mod diarization;
mod diarizer;
mod engine;
mod identification;
#[cfg(feature = "models")]
mod load_error;
mod matching;
#[cfg(feature = "models")]
mod models;
mod normalize;
#[cfg(feature = "models")]
mod open_models;
mod options;
#[cfg(feature = "models")]
mod pipeline;
mod recording;
mod voiceprint;

pub use diarization::{Diarization, Embedding, Scores, Speaker};
pub use diarizer::{DiarizeError, Diarizer};
pub use engine::Engine;
#[cfg(feature = "models")]
pub use engine::EngineBuilder;
pub use identification::Identification;
#[cfg(feature = "models")]
pub use load_error::LoadError;
pub use matching::Matching;
#[cfg(feature = "models")]
pub use open_models::OpenModels;
pub use options::{CancelToken, Options, SpeakerBounds};
pub use pyannote_core as output;
pub use recording::Recording;
pub use voiceprint::{Enrollment, Voiceprint, VoiceprintError};

/// The sample rate of the models' input, in Hz. One channel.
pub const SAMPLE_RATE: u32 = 16_000;
