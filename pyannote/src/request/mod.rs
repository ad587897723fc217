//! Requests: a builder for each kind of job, and every rule about them in [`validate`].

mod common;
mod diarize;
mod identify;
mod model;
pub(crate) mod validate;
mod voiceprint;

pub use diarize::Diarize;
pub use identify::Identify;
pub use model::{Model, TranscriptionModel};
pub use voiceprint::MakeVoiceprint;
