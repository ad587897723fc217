//! The soak test: its options, and how it is started.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::cargo;
use crate::workspace::Workspace;

/// Number of submissions, and of those of the short form.
const SUBMISSIONS: [u64; 2] = [10_000, 1_024];

/// Options of the soak test.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Number of submissions [default: 10000, or 1024 with --short]
    #[arg(long, value_name = "N")]
    submissions: Option<u64>,
    /// Number of tasks that submit and wait at the same time
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub tasks: usize,
    /// Share of the requests to which a fault happens, 0 to 1
    #[arg(long, default_value_t = 0.25, value_name = "SHARE")]
    pub faults: f64,
    /// Chooses the faults and what the tasks do. Runs with the same seed differ only in timing [default: the time]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// About a minute instead of five
    #[arg(long)]
    short: bool,
    /// Make a mistake that the test must detect: double, lose, hang, confuse or leak
    #[arg(long, hide = true)]
    pub sabotage: Option<String>,
}

impl Options {
    /// The number of submissions.
    #[must_use]
    pub fn submissions(&self) -> u64 {
        self.submissions
            .unwrap_or(SUBMISSIONS[usize::from(self.short)])
    }
}

/// Runs `tests/benches/soak` with the caller's arguments, in the debug build that `cargo test --workspace` made.
///
/// # Errors
///
/// If cargo cannot be started.
pub fn run(workspace: &Workspace, arguments: impl Iterator<Item = String>) -> Result<ExitCode> {
    let fixed = ["--workspace", "--bench=soak", "--"].map(str::to_owned);
    cargo::run(workspace, "test", fixed.into_iter().chain(arguments))
}
