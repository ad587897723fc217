//! No input of a decoder causes a panic, takes more memory than a multiple of its size, or prints a secret.
//!
//! `cargo test` runs a few thousand cases. To run a million:
//!
//! ```sh
//! DECODER_CASES=1000000 cargo test --release -p pyannote-tests --test decoders -- --nocapture
//! ```
//!
//! Each case has a seed, which a failure prints: `DECODER_SEED=123 DECODER_CASES=1` repeats it alone.
//!
//! The allocations of the whole process are counted, so these tests have their own binary and do not run concurrently.
#![allow(clippy::unwrap_used)]

mod decoder;
mod dense;
mod mutation;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use fastrand::Rng;
use peak_alloc::PeakAlloc;

use decoder::{Decoder, SECRETS};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Depth of the deepest inputs, far beyond what a stack could hold.
const DEPTH: usize = 20_000;
/// Secrets of at least this length are removed from messages; see `redact.rs`.
const MIN_SECRET_CHARS: usize = 40;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Runs `decode` and returns what it prints, and the peak of memory in bytes.
fn measure(decode: impl FnOnce() -> Vec<String>) -> (Vec<String>, usize) {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let printed = decode();
    (printed, ALLOCATOR.peak_usage().saturating_sub(before))
}

/// Returns a secret of which `printed` contains a part, if there is one.
fn leak(printed: &[String]) -> Option<&'static str> {
    let contains = |text: &str, secret: &str| {
        let parts = secret.as_bytes().windows(MIN_SECRET_CHARS).step_by(8);
        let mut text = text.to_owned();
        // JSON may escape slashes, and debug output escapes the backslashes.
        while text.contains("\\/") {
            text = text.replace("\\/", "/");
        }
        parts
            .into_iter()
            .any(|part| text.contains(str::from_utf8(part).unwrap()))
    };
    SECRETS
        .into_iter()
        .find(|secret| printed.iter().any(|text| contains(text, secret)))
}

#[test]
fn mutated_inputs() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let cases = setting("DECODER_CASES", 3_000);
    let first = setting("DECODER_SEED", 1);
    let decoders = Decoder::all();
    let start = Instant::now();
    let (mut bytes, mut peak) = (0, 0);
    for seed in first..first + cases {
        let decoder = &decoders[(seed % decoders.len() as u64) as usize];
        let input = decoder.input(&mut Rng::with_seed(seed));
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            decoder.check(&input);
            measure(|| decoder.decode(&input))
        }));
        let fail = |problem: &str| -> ! {
            let input = String::from_utf8_lossy(&input);
            panic!(
                "{problem}\nDECODER_SEED={seed} DECODER_CASES=1, {}:\n{input}",
                decoder.name
            )
        };
        let Ok((printed, memory)) = outcome else {
            fail("the decoder panics, or its result is wrong, see above");
        };
        if memory > decoder.max_bytes(&input) {
            fail(&format!("{memory} bytes for an input of {}", input.len()));
        }
        if let Some(secret) = leak(&printed) {
            fail(&format!("{secret:?} is printed: {printed:#?}"));
        }
        bytes += input.len();
        peak = peak.max(memory);
    }
    println!(
        "{cases} cases, {:.1} MB, {:.1?}, at most {:.1} MB of memory for one",
        bytes as f64 / 1e6,
        start.elapsed(),
        peak as f64 / 1e6
    );
}

#[test]
fn dense_inputs_need_a_multiple_of_their_size() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    for decoder in Decoder::all() {
        for (what, input) in dense::inputs(decoder.name) {
            let (_, memory) = measure(|| decoder.decode(&input));
            let factor = memory as f64 / input.len() as f64;
            println!("{:14} {what:24} {factor:6.1}", decoder.name);
            assert!(
                memory <= decoder.max_bytes(&input),
                "{} {what}: {factor:.1} bytes per byte",
                decoder.name
            );
        }
    }
}

#[test]
fn deep_inputs_do_not_overflow_the_stack() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    for decoder in Decoder::all() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[[{\"output\":", "}]]")] {
            for template in [
                "X",
                r#"{"status":"succeeded","output":X}"#,
                r#"{"items":[X]}"#,
                r#"{"errors":X}"#,
                r#"{"jobId":"1","status":"succeeded","output":{"warning":X,"diarization":[X],"voiceprint":X}}"#,
            ] {
                for closed in [true, false] {
                    let close = if closed {
                        close.repeat(DEPTH)
                    } else {
                        String::new()
                    };
                    let deep = format!("{}{close}", open.repeat(DEPTH));
                    decoder.decode(template.replace('X', &deep).as_bytes());
                }
            }
        }
    }
}
