//! Decodes mutated recordings of every container: `cargo xtask fuzz`. Or loads folders of community-1 in which one file
//! is mutated: `cargo xtask fuzz --community`.
//!
//! No file may make the decoder or a reader panic, hang, or use more memory than its limits allow. A file that does is
//! written to the folder `target/fuzz`, and the exit status is 1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(
    dead_code,
    unused_imports,
    reason = "only what the generators need is used"
)]
mod audio;
mod community;

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use peak_alloc::PeakAlloc;
use xtask::fuzz::Options;

use audio::mutations::{self, mutated};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Maximum memory of a decoder, in bytes. The filter of an odd sample rate takes most of it, such as 274,231 Hz. Models
/// are smaller.
const MAX_BYTES: usize = 128 << 20;
/// Time after which a case is taken for one that never ends. Usual cases take milliseconds.
const HANG: Duration = Duration::from_secs(120);

/// Decodes mutated recordings.
#[derive(Parser)]
#[command(name = "cargo xtask fuzz")]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Passed by `cargo bench` to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// The figures of a run.
#[derive(Default)]
struct Totals {
    decoded: u64,
    errors: BTreeMap<String, u64>,
    /// Where a dependency panicked.
    panics: BTreeMap<String, u64>,
    peak_bytes: usize,
    peak_case: u64,
    slowest: Duration,
    slowest_case: u64,
    samples: usize,
}

fn main() -> ExitCode {
    let Arguments { options, .. } = Arguments::parse();
    mutations::record_panic_locations();
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..1 << 32));
    let cases = match options.case {
        Some(case) => case..case + 1,
        None => 0..options.cases,
    };
    let community = options.community.then(community::Folder::new);
    let files = match &community {
        Some(_) => community::files(),
        None => mutations::files(),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutated");
    let current = Arc::new(AtomicU64::new(0));
    watch(Arc::clone(&current), seed, path.clone());
    let mut totals = Totals::default();
    let mut failures = 0;
    for case in cases.clone() {
        let (name, bytes) = mutated(&files, seed, case);
        std::fs::write(&path, &bytes).unwrap();
        // The watch compares numbers: 0 is before the first case.
        current.store(case + 1, Ordering::Relaxed);
        let load = || match &community {
            Some(folder) => folder.load(name, &bytes),
            None => mutations::decode(&path).map(Outcome::from),
        };
        if let Err(problem) = run(load, case, &mut totals) {
            failures += 1;
            report(seed, case, name, &problem, &path);
        }
        if case % 1_000 == 0 && std::io::stderr().is_terminal() {
            eprint!("\r{case} of {}", cases.end);
        }
    }
    print(&totals, &cases, seed, failures);
    match failures {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// What decoding or loading a file led to.
struct Outcome {
    samples: usize,
    /// The kind of the error.
    error: Option<String>,
    /// Where a dependency panicked.
    panic: Option<String>,
}

impl From<mutations::Outcome> for Outcome {
    fn from(outcome: mutations::Outcome) -> Self {
        let kind = |error| {
            // Without the figures of the case.
            let kind = format!("{error:?}");
            let kind = kind.split([' ', '(', '{']).next().unwrap_or_default();
            kind.to_owned()
        };
        Self {
            samples: outcome.samples,
            error: outcome.error.map(kind),
            panic: outcome.panic,
        }
    }
}

/// Decodes or loads a file, and returns what is wrong, if anything.
fn run(
    load: impl FnOnce() -> Result<Outcome, String>,
    case: u64,
    totals: &mut Totals,
) -> Result<(), String> {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let start = Instant::now();
    let outcome = load()?;
    let elapsed = start.elapsed();
    let bytes = ALLOCATOR.peak_usage().saturating_sub(before);
    if bytes > totals.peak_bytes {
        (totals.peak_bytes, totals.peak_case) = (bytes, case);
    }
    if elapsed > totals.slowest {
        (totals.slowest, totals.slowest_case) = (elapsed, case);
    }
    totals.samples = totals.samples.max(outcome.samples);
    match outcome.error {
        None => totals.decoded += 1,
        Some(kind) => *totals.errors.entry(kind).or_default() += 1,
    }
    if let Some(location) = outcome.panic {
        let file = location.rsplit("symphonia").next().unwrap_or_default();
        *totals.panics.entry(format!("symphonia{file}")).or_default() += 1;
    }
    match bytes > MAX_BYTES {
        true => Err(format!("{:.1} MB of memory", bytes as f64 / 1e6)),
        false => Ok(()),
    }
}

/// Ends the process if a case does not end.
fn watch(current: Arc<AtomicU64>, seed: u64, path: PathBuf) {
    std::thread::spawn(move || {
        let mut last = 0;
        loop {
            std::thread::sleep(HANG);
            let case = current.load(Ordering::Relaxed);
            if case == last && case > 0 {
                report(seed, case - 1, "a file", "does not end", &path);
                std::process::exit(1);
            }
            last = case;
        }
    });
}

/// Keeps the file of a case, and says how to repeat it.
fn report(seed: u64, case: u64, name: &str, problem: &str, path: &Path) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("fuzz");
    std::fs::create_dir_all(&folder).unwrap();
    let kept = folder.join(format!("{seed}-{case}"));
    std::fs::copy(path, &kept).unwrap();
    println!(
        "FAILED: {name}: {problem}: {}; again: cargo xtask fuzz --seed {seed} --case {case}",
        kept.display()
    );
}

fn print(totals: &Totals, cases: &std::ops::Range<u64>, seed: u64, failures: u64) {
    let mut text = format!(
        "{} cases, seed {seed}: {failures} failures\n\
         peak memory of a decoder: {:.1} MB (case {})\n\
         slowest: {:.1} ms (case {})\n\
         longest recording: {:.1} s\n\
         decoded: {}\n",
        cases.end - cases.start,
        totals.peak_bytes as f64 / 1e6,
        totals.peak_case,
        totals.slowest.as_secs_f64() * 1e3,
        totals.slowest_case,
        totals.samples as f64 / 16_000.0,
        totals.decoded,
    );
    for (kind, count) in &totals.errors {
        text += &format!("error {kind}: {count}\n");
    }
    for (location, count) in &totals.panics {
        text += &format!("contained panic at {location}: {count}\n");
    }
    std::io::stdout().write_all(text.as_bytes()).unwrap();
}
