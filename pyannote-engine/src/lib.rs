//! Speaker diarization, speaker identification and voiceprints on your own machine, with open models.
//!
//! [`Engine`] loads the models and runs them. [`audio::decode`] reads files. [`transcription`] adds the words.
//! Everything is synchronous.
//!
#![cfg_attr(all(feature = "audio", feature = "models"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "audio", feature = "models")), doc = "```ignore")]
//! use pyannote_engine::{Engine, Options, audio};
//!
//! let engine = Engine::load()?; // downloads the models once (82 MB)
//! let recording = audio::decode("meeting.mp3")?;
//! let diarization = engine.diarize(&recording, Options::new())?;
//! for turn in &diarization.turns {
//!     println!("{:8.3} {:8.3}  {}", turn.start, turn.end, turn.speaker);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Community1`] is another pipeline, for users who have its files. [`assets`] lists all models.
//!
//! # Features
//!
//! - `audio` (default): decoding of audio files.
//! - `models` (default): the open models and their download. Without it, [`Engine`] works with any other [`Diarizer`].

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "models")]
pub mod assets;
#[cfg(feature = "audio")]
pub mod audio;
#[cfg(feature = "models")]
mod calibration;
mod channels;
#[cfg(feature = "models")]
mod community;
#[cfg(feature = "models")]
mod community_1;
mod confidence;
mod diarization;
mod diarizer;
mod engine;
mod identification;
mod live;
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
mod probability;
mod recording;
pub mod transcription;
mod voiceprint;

pub use channels::ChannelOptions;
#[cfg(feature = "models")]
pub use community_1::Community1;
#[cfg(feature = "models")]
#[doc(hidden)]
pub use community_1::CommunityStages;
pub use diarization::{Diarization, Embedding, Scores, Speaker};
pub use diarizer::{DiarizeError, Diarizer};
pub use engine::Engine;
#[cfg(feature = "models")]
pub use engine::EngineBuilder;
pub use identification::Identification;
pub use live::{LiveDiarization, LiveOptions};
#[cfg(feature = "models")]
pub use load_error::LoadError;
pub use matching::Matching;
#[cfg(feature = "models")]
pub use open_models::OpenModels;
pub use options::{CancelGuard, CancelToken, Options, Sensitivity, SpeakerBounds};
/// The data model: turns, identified turns, confidence, error rates and file formats.
pub use pyannote_core as output;
pub use recording::{Recording, RecordingWriter, SpoolError};
pub use voiceprint::{Enrollment, Voiceprint, VoiceprintError};

/// The sample rate of recordings, in Hz.
pub const SAMPLE_RATE: u32 = 16_000;

/// The examples of the README run, too.
#[cfg(all(doctest, feature = "audio", feature = "models"))]
#[doc = include_str!("../README.md")]
struct Readme;
