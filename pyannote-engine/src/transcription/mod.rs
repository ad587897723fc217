//! Words with their times, from Whisper models.
//!
//! [`Diarization::transcribe`](crate::Diarization::transcribe) transcribes what was diarized, with the speaker of each
//! word:
//!
#![cfg_attr(all(feature = "audio", feature = "models"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "audio", feature = "models")), doc = "```ignore")]
//! use pyannote_engine::assets::Assets;
//! use pyannote_engine::transcription::{TranscriptionOptions, Whisper};
//! use pyannote_engine::{Engine, Options, audio};
//!
//! let assets = Assets::locate()?.whisper();
//! assets.ensure(&mut |progress| eprintln!("{progress}"))?; // downloads 134 MB the first time
//! let engine = Engine::load()?;
//! let whisper = Whisper::load_beside(assets.folder(), engine.diarizer())?;
//! let recording = audio::decode("meeting.mp3")?;
//! let diarization = engine.diarize(&recording, Options::new())?;
//! let transcript = diarization.transcribe(&whisper, &recording, TranscriptionOptions::new())?;
//! for word in &transcript.words {
//!     println!("{:8.3} {:8.3}  {}: {}", word.start, word.end, word.speaker, word.text);
//! }
//! print!("{}", transcript.turns.to_text());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Whisper`] is a [`Transcriber`]; other speech recognizers can be, too.

#[cfg(feature = "models")]
mod chunks;
#[cfg(feature = "models")]
mod decode;
mod options;
#[cfg(feature = "models")]
mod pauses;
#[cfg(feature = "models")]
mod quality;
mod speaker_transcript;
#[cfg(test)]
#[cfg(feature = "models")]
mod tests;
mod transcriber;
mod transcript;
#[cfg(feature = "models")]
mod whisper;

pub use options::TranscriptionOptions;
pub use speaker_transcript::SpeakerTranscript;
pub use transcriber::Transcriber;
pub use transcript::{TranscribedWord, Transcription};
#[cfg(feature = "models")]
pub use whisper::Whisper;
