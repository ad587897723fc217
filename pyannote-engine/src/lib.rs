//! Local speaker diarization with open models, as a synchronous library.

#[cfg(feature = "models")]
pub mod assets;
#[cfg(feature = "audio")]
pub mod audio;
#[cfg(feature = "models")]
mod calibration;
mod diarizer;
#[cfg(feature = "models")]
mod embedding;
#[cfg(feature = "models")]
mod nn;
#[cfg(feature = "models")]
mod open_models;
mod options;
#[cfg(feature = "models")]
mod pipeline;
mod recording;
#[cfg(test)]
#[cfg(feature = "models")]
mod reference;
#[cfg(feature = "models")]
mod segmentation;
#[cfg(test)]
#[cfg(feature = "models")]
mod tests;
pub mod voiceprint;
#[cfg(feature = "models")]
mod weights;

pub use diarizer::{Diarization, DiarizeError, Diarizer, Embedding, Scores, Speaker, Turn};
#[cfg(feature = "models")]
pub use open_models::{LoadError, OpenModels};
pub use options::{CancelToken, Options, SpeakerBounds};
pub use recording::Recording;

#[cfg(feature = "models")]
use embedding::{EMBEDDING, Embedder, Fbank, HeadFrames};
#[cfg(feature = "models")]
use segmentation::{
    CLASS_SPEAKERS, CLASSES, FRAME_DURATION, FRAME_STEP, FRAMES, Segmentation, WINDOW,
};
#[cfg(feature = "models")]
use weights::{Weights, WeightsError};

/// The sample rate of the models' input, in Hz. One channel.
pub const SAMPLE_RATE: u32 = 16_000;
