//! Speed and memory of community-1 by stage, beside pyannote.audio 4.0.7 and speakrs 0.7.0 with the same weights, in the
//! same run: `cargo xtask bench community FOLDER`.
//!
//! Prints a Markdown table. The folder may be that of community-1, or one with random weights:
//!
//! ```text
//! python3 tests/python/community_reference.py ASSETS --seed 1 --folders DIR
//! cargo xtask bench community DIR/community-1 --python python3
//! ```
//!
//! Every row is a process of its own. Times are processor seconds, which other programs hardly affect, except for the
//! column "time". Without `--python`, a Python with pyannote-audio, speakrs, soundfile and safetensors, only the engine
//! runs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../recordings.rs"]
#[allow(dead_code)]
mod recordings;
#[path = "../repeated.rs"]
mod repeated;

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use pyannote_engine::{Community1, Options, audio};
use pyannote_tests::process::{memory_bytes, processor_time};
use serde::{Deserialize, Serialize};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/community/peer.py");
const HEADER: &str = "\
| | threads | segmentation (CPU s) | embeddings (CPU s) | clustering and turns (CPU s) | all (CPU s) | × of pyannote.audio | × real time per core | time (s) | peak memory (MB) | speakers, turns |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// Measures speed and memory of community-1, beside pyannote.audio and speakrs.
#[derive(Parser)]
#[command(name = "cargo xtask bench community")]
struct Arguments {
    /// The folder of community-1, or one with random weights
    folder: Option<PathBuf>,
    /// Threads of each, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    threads: Vec<NonZero<usize>>,
    /// Duration of the recording, in minutes: the sample, repeated
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// A Python with pyannote-audio, speakrs, soundfile and safetensors, to measure these as well
    #[arg(long)]
    python: Option<PathBuf>,
    /// Run one task and print the result as JSON
    #[arg(long, hide = true)]
    task: Option<String>,
    /// Passed by `cargo bench` to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// The input of a subprocess that runs the engine.
#[derive(Deserialize, Serialize)]
struct Task {
    folder: PathBuf,
    wav: PathBuf,
    threads: NonZero<usize>,
    /// Whether the embedding model runs for each window.
    per_window: bool,
}

/// The output of a subprocess. Loading the models is not measured.
#[derive(Deserialize, Serialize)]
struct Measured {
    elapsed_s: f64,
    processor_s: f64,
    /// Processor time of segmentation, of embeddings, and of what follows, in seconds.
    stages_s: Option<[f64; 3]>,
    speakers: usize,
    turns: usize,
    /// Peak memory of the process, in bytes.
    peak_bytes: Option<u64>,
}

impl Task {
    fn run(&self) -> Measured {
        let models = Community1::load_with(&self.folder, self.threads).unwrap();
        let models = models.shared_convolutions(!self.per_window);
        let recording = audio::decode(&self.wav).unwrap();
        let processor_s = || processor_time().unwrap_or_default().as_secs_f64();
        let (start, processor_start_s) = (Instant::now(), processor_s());
        // Processor time at each report of progress. The stages end with one.
        let mut reports = Vec::new();
        let mut options = Options::new()
            .on_progress(|_| reports.push((start.elapsed(), processor_s() - processor_start_s)));
        let (diarization, stages) = models
            .diarize_with_stages(&recording, &mut options)
            .unwrap();
        drop(options);
        let elapsed_s = start.elapsed().as_secs_f64();
        let all_s = processor_s() - processor_start_s;
        let at = |end: Duration| {
            let before = reports.iter().take_while(|(elapsed, _)| *elapsed <= end);
            before.last().map_or(0.0, |(_, processor_s)| *processor_s)
        };
        let segmentation_s = at(stages.segmentation);
        let embeddings_s = at(stages.segmentation + stages.embeddings);
        Measured {
            elapsed_s,
            processor_s: all_s,
            stages_s: Some([
                segmentation_s,
                embeddings_s - segmentation_s,
                all_s - embeddings_s,
            ]),
            speakers: diarization.turns.speakers().len(),
            turns: diarization.turns.len(),
            peak_bytes: memory_bytes("self", "VmHWM"),
        }
    }

    fn run_in_subprocess(&self) -> Measured {
        let mut program = Command::new(std::env::current_exe().unwrap());
        output_of(program.args(["--task", &serde_json::to_string(self).unwrap()]))
    }
}

/// Runs a program and parses its output.
fn output_of<T: for<'de> Deserialize<'de>>(command: &mut Command) -> T {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The other programs.
struct Peers {
    python: PathBuf,
    /// The models as speakrs reads them.
    converted: tempfile::TempDir,
}

impl Peers {
    fn prepare(python: PathBuf, folder: &Path) -> Self {
        let converted = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut command = Command::new(&python);
        let command = command.arg(SCRIPT).arg("convert").arg(folder);
        let status = command.arg(converted.path()).status().unwrap();
        assert!(status.success(), "{status}");
        Self { python, converted }
    }

    fn run(&self, name: &str, folder: &Path, wav: &Path, threads: NonZero<usize>) -> Measured {
        let mut command = Command::new(&self.python);
        let command = command.arg(SCRIPT).arg(name).arg(folder).arg(wav);
        output_of(command.arg(threads.to_string()))
    }
}

fn main() {
    let arguments = Arguments::parse();
    if let Some(task) = arguments.task {
        let task: Task = serde_json::from_str(&task).unwrap();
        println!("{}", serde_json::to_string(&task.run()).unwrap());
        return;
    }
    let folder = arguments.folder.or_else(Community1::locate);
    let folder = folder.expect("give the folder of community-1, or one with random weights");
    let wav = repeated::repeated(&recordings::assets().sample().wav, arguments.minutes / 60.0);
    let peers = arguments
        .python
        .map(|python| Peers::prepare(python, &folder));
    println!("{HEADER}");
    for threads in arguments.threads {
        let engine = |per_window| {
            let task = Task {
                folder: folder.clone(),
                wav: wav.path().to_owned(),
                threads,
                per_window,
            };
            task.run_in_subprocess()
        };
        let mut rows = vec![
            ("engine, shared convolutions", engine(false)),
            ("engine, per window", engine(true)),
        ];
        if let Some(peers) = &peers {
            let converted = peers.converted.path();
            rows.push((
                "speakrs 0.7.0",
                peers.run("speakrs", converted, wav.path(), threads),
            ));
            rows.push((
                "pyannote.audio 4.0.7",
                peers.run("pyannote", &folder, wav.path(), threads),
            ));
        }
        let reference = rows.iter().find(|(name, _)| name.starts_with("pyannote"));
        let reference_s = reference.map(|(_, measured)| measured.processor_s);
        for (name, measured) in &rows {
            println!(
                "{}",
                row(name, threads, arguments.minutes, reference_s, measured)
            );
        }
    }
}

/// A row of the table.
fn row(
    name: &str,
    threads: NonZero<usize>,
    minutes: f64,
    reference_s: Option<f64>,
    measured: &Measured,
) -> String {
    let stages = match measured.stages_s {
        Some(stages_s) => stages_s.map(|seconds| format!("{seconds:.1}")).join(" | "),
        None => "- | - | -".to_owned(),
    };
    let ratio = reference_s.map_or("-".to_owned(), |reference_s| {
        format!("{:.2}", measured.processor_s / reference_s)
    });
    let megabytes = measured.peak_bytes.map(|bytes| bytes / 1_000_000);
    format!(
        "| {name} | {threads} | {stages} | {:.1} | {ratio} | {:.1} | {:.1} | {} | {}, {} |",
        measured.processor_s,
        minutes * 60.0 / measured.processor_s,
        measured.elapsed_s,
        megabytes.map_or("-".to_owned(), |megabytes| megabytes.to_string()),
        measured.speakers,
        measured.turns,
    )
}
