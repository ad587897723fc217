//! Checks of the crates as packages: features, required Rust version, and what is published.
//!
//! They need only cargo. `.ci/run` runs them beside cargo-machete (unused dependencies) and cargo-deny (licenses and
//! sources).

pub mod features;
pub mod metadata;
pub mod packages;
pub mod rust_version;
