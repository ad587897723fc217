//! Tests across the crates of the workspace, in one binary: each binary links most of the workspace.
//!
//! Tests that need a process of their own are in `isolated/`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audio;
mod engine;
mod media;
mod sdk;
mod server;
mod server_jobs;
mod specification;
mod sys;
mod workspace;
