//! The open models: pyannote's segmentation-3.0, which hears who speaks in a window of 10 s, and CAM++, which hears
//! whose voice a stretch of speech is. Both run on the CPU, on one thread a call; what calls them brings the threads.
//!
//! Everything here computes; nothing reads files or the network. [`Weights`] are bytes that someone else has read.
//!
//! The tests compare each layer, and where the models are at hand the models themselves, with what PyTorch computes from
//! the same weights: on the sample recording, probabilities differ by less than 1e-5, and the cosine of embeddings is 1 to
//! six digits.

mod calibration;
mod embedding;
mod nn;
mod open_models;
mod pipeline;
#[cfg(test)]
mod reference;
mod segmentation;
#[cfg(test)]
mod tests;
mod weights;

pub use open_models::{LoadError, OpenModels};

use embedding::{EMBEDDING, Embedder, Fbank, HeadFrames};
use segmentation::{
    CLASS_SPEAKERS, CLASSES, FRAME_DURATION, FRAME_STEP, FRAMES, Segmentation, WINDOW,
};
use weights::{Weights, WeightsError};
