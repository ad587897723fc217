//! The raw bindings against the specification, and the traps that it sets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bodies;
mod client;
mod registry;
mod requests;
mod schemas;
mod traps;
