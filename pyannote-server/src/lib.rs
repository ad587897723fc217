//! A server on your own machine that speaks the pyannoteAI API: for the first run, for tests, and for private audio.
//!
//! With the open models (feature `models`, and `audio` to hear recordings), it diarizes, identifies speakers and makes
//! voiceprints:
//!
//! ```no_run
//! # #[cfg(feature = "engine")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use pyannote_server::LocalServer;
//! use pyannote_engine::assets::Assets;
//! use pyannote_server::engine::{DiarizerEngine, OpenModels};
//!
//! // Both block their thread: in a server that answers already, they belong into `tokio::task::spawn_blocking`.
//! let assets = Assets::locate()?;
//! assets.ensure(&mut |progress| eprintln!("{progress}"))?; // downloads 82 MB, unless they are there
//! let engine = DiarizerEngine::new(OpenModels::load(&assets)?);
//!
//! let server = LocalServer::builder().engine(engine).key("test-key").start().await?;
//! println!("{} {}", server.url(), server.api_key());
//! # server.stop().await;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "engine"))]
//! # fn main() {}
//! ```
//!
//! With the scripted engine, which needs neither models nor recordings, it answers at once, as a test has it:
//!
//! ```
//! use pyannote_server::{LocalServer, ScriptedEngine};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), pyannote_server::StartError> {
//! let server = LocalServer::builder()
//!     .engine(ScriptedEngine::new())
//!     .key("test-key")
//!     .start()
//!     .await?;
//! // Point any client of the API at it: PYANNOTEAI_BASE_URL and PYANNOTEAI_API_KEY.
//! assert!(server.url().starts_with("http://127.0.0.1:"));
//! assert_eq!(server.api_key(), "test-key");
//! # server.stop().await;
//! # Ok(())
//! # }
//! ```

mod api;
#[cfg(feature = "engine")]
pub mod audio;
mod builder;
mod config;
pub mod engine;
mod error;
mod faults;
mod key;
mod lenient;
mod limits;
pub mod media;
mod metrics;
mod operation;
mod record;
mod server;
pub mod store;
mod violation;
mod webhook;
pub mod worker;

pub use builder::LocalServerBuilder;
pub use engine::{Engine, EngineError, ScriptedEngine};
pub use error::StartError;
pub use faults::{Fault, Faults};
pub use key::{ApiKey, Scope};
pub use limits::Limits;
pub use operation::Operation;
pub use record::RecordedRequest;
pub use server::LocalServer;
pub use violation::Violation;

/// The examples of the README run, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
