//! Time and memory to deserialize the results of a 24 h recording: one with confidence scores, and one with the
//! probabilities of eight speakers.
//!
//! The baseline is `serde_json` with the plain struct in the same run: `cargo bench -p pyannote-tests --bench decode`.
//! Each decoding has a process of its own, so that none affects the memory of another, and the processes take turns.
//! The memory is the peak of what is allocated, without the body.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use peak_alloc::PeakAlloc;
use pyannote::Diarization;
use pyannote_api_sys::types::{DiarizationJob, JobBody};
use pyannote_tests::{long_body, long_body_by_speaker};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Number of frames of 24 h.
const FRAMES: usize = 4_320_000;
const SPEAKERS: usize = 8;
const RUNS: usize = 9;
/// The first argument of a process that decodes a body; the decoder and the file of the body follow.
const CHILD: &str = "decode-body";

/// The decoders, by the names in the table. The first one is the baseline.
const DECODERS: [&str; 3] = [
    "serde_json with the plain struct",
    "pyannote::Diarization",
    "pyannote_api_sys::types::JobBody",
];

/// Time, and peak memory in bytes.
#[derive(Clone, Copy)]
struct Cost {
    time: Duration,
    memory: usize,
}

fn measure<T>(decode: impl Fn() -> T) -> Cost {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let start = Instant::now();
    let value = decode();
    let time = start.elapsed();
    let memory = ALLOCATOR.peak_usage() - before;
    drop(value);
    Cost { time, memory }
}

/// Decodes the body in a file, and prints what it costs.
fn child(decoder: &str, path: &Path) {
    let body = Bytes::from(fs_err::read(path).unwrap());
    let cost = match DECODERS.iter().position(|name| *name == decoder) {
        Some(0) => measure(|| serde_json::from_slice::<DiarizationJob>(&body).unwrap()),
        Some(1) => measure(|| pyannote::testing::result_of::<Diarization>(body.clone()).unwrap()),
        _ => measure(|| serde_json::from_slice::<JobBody>(&body).unwrap()),
    };
    println!("{} {}", cost.time.as_nanos(), cost.memory);
}

/// The cost of decoding in a process of its own.
fn cost(decoder: &str, path: &Path) -> Cost {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.args([CHILD, decoder]).arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (time, memory) = text.trim().split_once(' ').unwrap();
    Cost {
        time: Duration::from_nanos(time.parse().unwrap()),
        memory: memory.parse().unwrap(),
    }
}

fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by_key(|cost| cost.time);
    costs[costs.len() / 2]
}

fn compare(what: &str, body: &str, folder: &Path) {
    println!(
        "{what}: {:.1} MB, median of {RUNS} interleaved runs",
        body.len() as f64 / 1e6
    );
    let path = folder.join("body.json");
    fs_err::write(&path, body).unwrap();
    let mut costs = DECODERS.map(|_| Vec::new());
    for _ in 0..RUNS {
        for (decoder, costs) in DECODERS.iter().zip(&mut costs) {
            costs.push(cost(decoder, &path));
        }
    }
    let costs = costs.map(median);
    let plain = costs[0];
    for (name, cost) in DECODERS.iter().zip(costs) {
        println!(
            "{name:34} {:7.1} ms ({:.2})  {:6.1} MB ({:.2})",
            cost.time.as_secs_f64() * 1e3,
            cost.time.as_secs_f64() / plain.time.as_secs_f64(),
            cost.memory as f64 / 1e6,
            cost.memory as f64 / plain.memory as f64,
        );
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, decoder, path] = &arguments[..]
        && mode == CHILD
    {
        return child(decoder, Path::new(path));
    }
    let folder = tempfile::tempdir().unwrap();
    compare(
        "4.32 million confidence scores",
        &long_body(FRAMES),
        folder.path(),
    );
    compare(
        "34.56 million probabilities of 8 speakers",
        &long_body_by_speaker(SPEAKERS, FRAMES),
        folder.path(),
    );
}
