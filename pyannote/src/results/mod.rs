//! The results of jobs, and how they are decoded.

pub(crate) mod body;
mod decode_warning;
mod diarization;
mod identification;
pub(crate) mod kind;
mod lenient;
mod origin;
mod voiceprint;

pub use decode_warning::DecodeWarning;
pub use diarization::Diarization;
pub use identification::Identification;
pub use kind::{HasTurns, JobKind};
pub use voiceprint::Voiceprint;
