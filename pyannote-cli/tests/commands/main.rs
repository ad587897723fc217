//! Every command, as a user runs it, against a server in this process with a scripted engine.
//!
//! Each snapshot has the commands of a test with what they print and their exit codes. After an intended change:
//! `INSTA_UPDATE=always cargo test -p pyannote-cli --test commands`.
#![allow(clippy::unwrap_used)]

mod api;
mod batch;
#[path = "../../../tests/src/community_folder.rs"]
#[allow(unreachable_pub)]
mod community_folder;
mod diarize;
mod errors;
mod habits;
mod identify;
#[cfg(unix)]
mod interrupts;
mod jobs;
mod label;
mod live;
mod local;
mod mcp;
mod media;
mod models;
mod reference;
mod render;
mod sandbox;
mod schema;
mod score;
mod voiceprint;
