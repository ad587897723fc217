//! Words with their times, from Whisper models.
//!
//! ```no_run
//! use pyannote_engine::assets::Assets;
//! use pyannote_engine::transcription::{TranscriptionOptions, Whisper};
//! use pyannote_engine::{Engine, Options, audio};
//!
//! let assets = Assets::locate()?.whisper();
//! assets.ensure(&mut |progress| eprintln!("{progress}"))?; // downloads 134 MB the first time
//! let whisper = Whisper::load(assets.folder())?;
//! let recording = audio::decode("meeting.mp3")?;
//! let diarization = Engine::load()?.diarize(&recording, Options::new())?;
//! let speech: Vec<_> = diarization.turns.iter().map(|turn| (turn.start, turn.end)).collect();
//! let transcription = whisper.transcribe(&recording, &speech, TranscriptionOptions::new())?;
//! let words = transcription.words.iter().map(|word| word.clone().into());
//! for word in &diarization.turns.assign_words(words) {
//!     println!("{:8.3} {:8.3}  {:?}  {}", word.start, word.end, word.speaker, word.text);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chunks;
mod decode;
mod options;
mod pauses;
mod quality;
#[cfg(test)]
mod tests;
mod transcript;
mod whisper;

pub use options::TranscriptionOptions;
pub use transcript::{TranscribedWord, Transcription};
pub use whisper::Whisper;
