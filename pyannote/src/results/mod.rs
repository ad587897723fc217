//! The results of jobs.

mod diarization;
mod identification;
mod lenient;
mod voiceprint;

pub use diarization::Diarization;
pub use identification::Identification;
pub use voiceprint::Voiceprint;
