//! A server that implements the pyannoteAI API on your own machine: for first steps, for tests, and for confidential
//! recordings.
//!
//! With the open models (feature `engine`), it diarizes recordings, creates voiceprints and identifies speakers:
//!
//! ```no_run
//! # #[cfg(feature = "engine")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use pyannote_engine::Engine;
//! use pyannote_server::Server;
//! use pyannote_server::engine::DiarizerEngine;
//!
//! // Downloads 82 MB on the first run. Blocks: use `tokio::task::spawn_blocking` if the runtime is already serving requests.
//! let engine = DiarizerEngine::from(Engine::load()?);
//!
//! let server = Server::builder().engine(engine).key("test-key").start().await?;
//! println!("{} {}", server.url(), server.api_key());
//! # server.stop().await;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "engine"))]
//! # fn main() {}
//! ```
//!
//! With the scripted engine, it needs neither models nor recordings, and responds immediately, as tests need it:
//!
//! ```
//! use pyannote_server::{ScriptedEngine, ScriptedLive, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), pyannote_server::StartError> {
//! let server = Server::builder()
//!     .engine(ScriptedEngine::new())
//!     .key("test-key")
//!     .start()
//!     .await?;
//! // Point any client of the API to it: PYANNOTEAI_BASE_URL and PYANNOTEAI_API_KEY.
//! assert!(server.url().starts_with("http://127.0.0.1:"));
//! assert_eq!(server.api_key(), "test-key");
//! # server.stop().await;
//! # Ok(())
//! # }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod api;
mod api_key;
#[cfg(feature = "engine")]
pub mod audio;
mod backoff;
mod builder;
#[cfg(feature = "cli")]
#[cfg_attr(docsrs, doc(cfg(feature = "cli")))]
pub mod cli;
mod config;
mod connections;
mod data_dir;
mod disk_space;
pub mod engine;
mod error;
mod faults;
#[cfg(test)]
mod full_disk_tests;
mod host_shares;
mod live;
pub mod media;
mod metrics;
mod operation;
mod pace;
mod parse;
mod private_files;
mod rate_limit;
#[cfg(any(feature = "engine", feature = "s3"))]
mod recording_file;
mod request_log;
mod server;
mod setup;
mod shutdown;
mod ssrf_guard;
pub mod store;
mod temp_folder;
mod violation;
mod webhook;
pub mod worker;

pub use api_key::{ApiKey, Scope};
pub use builder::ServerBuilder;
pub use connections::ConnectionLimits;
pub use engine::{Engine, EngineError, ScriptedEngine, ScriptedLive};
pub use error::StartError;
pub use faults::{Fault, Faults};
pub use live::LiveLimits;
pub use operation::Operation;
pub use rate_limit::RateLimits;
pub use request_log::RecordedRequest;
pub use server::Server;
pub use violation::Violation;

/// Runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
