//! The fuzz run of the decoder, or of the readers of models: its options, and how it is started.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::cargo;
use crate::workspace::Workspace;

/// Options of the fuzz run.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Number of files
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    pub cases: u64,
    /// Chooses the mutations. Runs with the same seed are equal [default: random]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Load folders of community-1 in which one file is mutated, instead of decoding recordings
    #[arg(long)]
    pub community: bool,
    /// Only decode the file with this number
    #[arg(long, value_name = "NUMBER", requires = "seed")]
    pub case: Option<u64>,
}

/// Runs `tests/benches/fuzz` with the caller's arguments, in the release build.
///
/// # Errors
///
/// If cargo cannot be started.
pub fn run(workspace: &Workspace, arguments: impl Iterator<Item = String>) -> Result<ExitCode> {
    let fixed = ["--package=pyannote-tests", "--bench=fuzz", "--"].map(str::to_owned);
    cargo::run(workspace, "bench", fixed.into_iter().chain(arguments))
}
