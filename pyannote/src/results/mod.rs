//! The results of jobs, and how they are decoded.

pub(crate) mod body;
mod diarization;
mod identification;
pub(crate) mod kind;
mod lenient;
mod voiceprint;

pub use diarization::Diarization;
pub use identification::Identification;
pub use kind::{HasTurns, JobKind};
pub use voiceprint::Voiceprint;
