//! Diarization error rate, speed and memory of the engine: `cargo xtask bench der [FOLDER…]`.
//!
//! Prints a Markdown table with a row for the sample recording and for each recording of the folders. The diarization
//! error rate is computed without a collar and with overlapped speech. Each recording is diarized in subprocesses, with
//! 1 and with 2 threads, so that the peak memory is that of one recording.
//!
//! `--hours 2,24` adds a table of long recordings. To compare two commits in one run, copy the program that one of them
//! builds (`cargo bench -p pyannote-tests --bench der --no-run` prints its path), and pass it to the other with
//! `--baseline`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod child;
mod long;
#[path = "../recordings.rs"]
mod recordings;
#[path = "../repeated.rs"]
mod repeated;
#[path = "../scoring.rs"]
mod scoring;
mod table;

use std::num::NonZero;
use std::path::PathBuf;

use clap::Parser;
use pyannote_engine::OpenModels;
use pyannote_engine::assets::Assets;

use child::Task;
use recordings::Recording;
use table::Row;

/// Measures error rate, speed and memory of the engine.
#[derive(Parser)]
#[command(name = "cargo xtask bench der")]
struct Arguments {
    /// Folders of *.wav files with *.rttm references and optional *.uem scored regions
    folders: Vec<PathBuf>,
    /// Also measure speed, memory and phases on the sample, repeated to this many hours
    #[arg(long, value_delimiter = ',')]
    hours: Vec<f64>,
    /// In addition, measure this build of the benchmark, of another commit
    #[arg(long, requires = "hours")]
    baseline: Option<PathBuf>,
    /// Only use recordings whose name starts with this prefix
    #[arg(long, default_value = "")]
    only: String,
    /// Run one task and print the result as JSON
    #[arg(long, hide = true)]
    task: Option<String>,
    /// Passed by `cargo bench` to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// The models with this many threads.
fn models(threads: NonZero<usize>) -> OpenModels {
    OpenModels::load_with(&Assets::locate().unwrap(), threads).unwrap()
}

fn main() {
    let arguments = Arguments::parse();
    if let Some(task) = arguments.task {
        let task: Task = serde_json::from_str(&task).unwrap();
        println!("{}", serde_json::to_string(&task.run(models)).unwrap());
        return;
    }
    let mut recordings = Recording::all(&recordings::assets(), &arguments.folders);
    let sample = recordings[0].wav.clone();
    recordings.retain(|recording| recording.name.starts_with(&arguments.only));
    println!("{}", table::HEADER);
    let mut rows = Vec::new();
    for recording in &recordings {
        let [one, two] = child::measure(&recording.wav);
        let row = Row {
            name: recording.name.clone(),
            speakers: Some(scoring::speakers(recording, &one.turns)),
            der: scoring::der(recording, &one.turns),
            one,
            two,
        };
        println!("{row}");
        rows.push(row);
    }
    println!("{}", Row::total(&rows));
    if !arguments.hours.is_empty() {
        long::print(&sample, &arguments.hours, arguments.baseline.as_deref());
    }
}
