//! Diarization error rate, speed and memory of the engine: `cargo xtask bench der [FOLDER…]`.
//!
//! Prints Markdown tables with a row for the sample recording and for each recording of the folders, by default and
//! with [`Options::accurate`](pyannote_engine::Options::accurate). Recordings whose names differ only in the digits at
//! their end are a set, which has a row of its own, and another one for its recordings one after the other.
//!
//! The diarization error rate is computed without a collar and with overlapped speech. It is measured three times: a
//! recording of half a minute that starts half a second later can have a quite different one. Each diarization is a
//! subprocess, so that the peak memory is that of one recording.
//!
//! `--hours 2,24` adds a table of long recordings. To compare two commits in one run, copy the program that one of them
//! builds (`cargo bench -p pyannote-tests --bench der --no-run` prints its path), and pass it to the other with
//! `--baseline`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accuracy;
mod child;
mod excerpt;
mod long;
#[path = "../recordings.rs"]
mod recordings;
#[path = "../repeated.rs"]
mod repeated;
#[path = "../scoring.rs"]
mod scoring;
mod speed;

use std::num::NonZero;
use std::path::PathBuf;

use clap::Parser;
use pyannote_engine::OpenModels;
use pyannote_engine::assets::Assets;

use accuracy::Errors;
use child::Task;
use excerpt::{Excerpt, STARTS_S};
use recordings::Recording;
use speed::Speed;

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

/// Whether runs are accurate, in the order of the columns.
const MODES: [bool; 2] = [false, true];
const ONE_THREAD: NonZero<usize> = NonZero::<usize>::MIN;
const TWO_THREADS: NonZero<usize> = ONE_THREAD.saturating_add(1);

/// The models with this many threads.
fn models(threads: NonZero<usize>) -> OpenModels {
    OpenModels::load_with(&Assets::locate().unwrap(), threads).unwrap()
}

/// What was measured, by mode.
#[derive(Clone, Default)]
struct Measurements {
    errors: [Errors; 2],
    speed: [Speed; 2],
}

impl Measurements {
    /// Measures recordings, one after the other.
    fn of(recordings: &[&Recording]) -> Self {
        let mut measurements = Self::default();
        for (mode, is_accurate) in MODES.into_iter().enumerate() {
            for start_s in STARTS_S {
                let excerpt = Excerpt::new(recordings, start_s);
                let task = |threads| excerpt.task(threads, is_accurate).run_in_subprocess();
                let one = task(ONE_THREAD);
                let reference = excerpt.reference(&one.durations_s);
                measurements.errors[mode].push(&reference, &one.turns);
                // The other starts would add little to the speed.
                if start_s == STARTS_S[0] {
                    measurements.speed[mode] = Speed::new(&one, &task(TWO_THREADS));
                }
            }
        }
        measurements
    }

    /// Adds another recording.
    fn add(&mut self, other: &Self) {
        for mode in 0..MODES.len() {
            self.errors[mode].add(&other.errors[mode]);
            self.speed[mode].add(&other.speed[mode]);
        }
    }
}

/// The name of the set of a recording: its own, without digits at the end.
fn set_name(recording: &Recording) -> &str {
    recording
        .name
        .trim_end_matches(|last: char| last.is_ascii_digit())
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
    println!("{}", accuracy::HEADER);
    let mut rows = Vec::new();
    let mut print = |name: String, measurements: Measurements| {
        println!("{}", accuracy::row(&name, &measurements.errors));
        rows.push((name, measurements.speed));
    };
    let mut all = Measurements::default();
    for set in recordings.chunk_by(|a, b| set_name(a) == set_name(b)) {
        let mut sum = Measurements::default();
        for recording in set {
            let measurements = Measurements::of(&[recording]);
            sum.add(&measurements);
            print(recording.name.clone(), measurements);
        }
        all.add(&sum);
        if set.len() > 1 {
            let name = set_name(&set[0]);
            print(format!("{name}: all {}", set.len()), sum);
            let in_sequence: Vec<&Recording> = set.iter().collect();
            print(
                format!("{name}: one after the other"),
                Measurements::of(&in_sequence),
            );
        }
    }
    print(format!("all {}", recordings.len()), all);
    println!("\n{}", speed::HEADER);
    for (name, speed) in &rows {
        println!("{}", speed::row(name, speed));
    }
    if !arguments.hours.is_empty() {
        long::print(&sample, &arguments.hours, arguments.baseline.as_deref());
    }
}
