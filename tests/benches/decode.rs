//! Time and memory to deserialize the result of a 24 h recording with confidence scores.
//!
//! The baseline is `serde_json` with the plain struct in the same run: `cargo bench -p pyannote-tests --bench decode`.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use peak_alloc::PeakAlloc;
use pyannote::Diarization;
use pyannote_api_sys::types::{DiarizationJob, JobBody};
use pyannote_tests::long_body;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const RUNS: usize = 15;

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

fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by_key(|cost| cost.time);
    costs[costs.len() / 2]
}

fn main() {
    let body = Bytes::from(long_body(4_320_000));
    println!(
        "{:.1} MB, 4.32 million scores, median of {RUNS} interleaved runs",
        body.len() as f64 / 1e6
    );
    let (mut plain, mut result, mut any) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        plain.push(measure(|| {
            serde_json::from_slice::<DiarizationJob>(&body).unwrap()
        }));
        result.push(measure(|| {
            pyannote::testing::result_of::<Diarization>(body.clone()).unwrap()
        }));
        any.push(measure(|| {
            serde_json::from_slice::<JobBody>(&body).unwrap()
        }));
    }
    let plain = median(plain);
    for (name, cost) in [
        ("serde_json with the plain struct", plain),
        ("pyannote::Diarization", median(result)),
        ("pyannote_api_sys::types::JobBody", median(any)),
    ] {
        println!(
            "{name:34} {:7.1} ms ({:.2})  {:6.1} MB ({:.2})",
            cost.time.as_secs_f64() * 1e3,
            cost.time.as_secs_f64() / plain.time.as_secs_f64(),
            cost.memory as f64 / 1e6,
            cost.memory as f64 / plain.memory as f64,
        );
    }
}
