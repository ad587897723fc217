//! Live diarization: who starts and stops speaking, turns so far, and the speakers of words from a speech recognizer.

mod event;
mod turns;
mod words;

pub use event::SpeakerEvent;
pub use turns::LiveTurns;
pub use words::{LiveWords, WordEvent};
