//! Thousands of submissions and waits against the local server, through a proxy that injects faults:
//! `cargo xtask soak`.
//!
//! This process has the SDK alone, so that its memory is that of the SDK. It starts itself once more for the server and
//! the proxy. In the end, the judge compares what the callers know with the server's own record, and the exit status is
//! 1 if anything is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod caller;
mod child;
mod ledger;
mod report;
mod sampler;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use peak_alloc::PeakAlloc;
use pyannote_tests::fault_proxy::now_ms;
use pyannote_tests::soak::{Evidence, judge};
use xtask::soak::Options;

use caller::{BLOCK, Caller};
use child::Child;
use ledger::Ledger;
use report::Run;
use sampler::Sampler;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Time that each block of submissions may take at most, if all others of its task do so too.
const BLOCK_LIMIT: Duration = Duration::from_secs(600);

/// Submits and waits under faults, and checks that no job is lost.
#[derive(Parser)]
#[command(name = "cargo xtask soak")]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Run the server and the proxy, which write their records to this folder
    #[arg(long, hide = true)]
    serve: Option<PathBuf>,
    /// Passed by `cargo bench` to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let Arguments { options, serve, .. } = Arguments::parse();
    let seed = options.seed.unwrap_or_else(now_ms);
    if let Some(folder) = serve {
        child::serve(&folder, seed, options.faults);
        return ExitCode::SUCCESS;
    }
    fail_on_panics();
    let submissions = options.submissions();
    println!(
        "{submissions} submissions, {} tasks, faults in {:.0} % of the requests, seed {seed}",
        options.tasks,
        options.faults * 100.0
    );
    let folder = tempfile::tempdir().unwrap();
    let child = Child::start(folder.path(), seed, options.faults);
    let ledger = Arc::new(Ledger::create(folder.path()));
    let caller = Caller::new(
        child.url(),
        Arc::clone(&ledger),
        seed,
        options.sabotage.as_deref(),
    );

    let start = Instant::now();
    let sampler = Sampler::start(&ALLOCATOR, Arc::clone(&ledger));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let rounds = submissions.div_ceil(BLOCK * options.tasks as u64);
    let limit = BLOCK_LIMIT * u32::try_from(rounds).unwrap();
    watch(limit, submissions, &ledger);
    runtime.block_on(submit_all(Arc::new(caller), submissions, options.tasks));
    let duration = start.elapsed();
    let samples = sampler.stop();
    let (exchanges, jobs) = child.finish();
    let evidence = Evidence {
        entries: ledger.entries(),
        callbacks: ledger.callbacks(),
        exchanges,
        jobs,
        samples,
    };
    let culprits = judge(&evidence);
    let run = Run {
        seed,
        submissions,
        tasks: options.tasks,
        duration,
    };
    report::print(&run, &evidence, &culprits);
    match culprits.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Runs all submissions, in blocks that the tasks take in turn.
async fn submit_all(caller: Arc<Caller>, submissions: u64, tasks: usize) {
    let next = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let (caller, next) = (Arc::clone(&caller), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let first = next.fetch_add(BLOCK, Ordering::Relaxed);
                    if first >= submissions {
                        return;
                    }
                    caller
                        .run_block(first..submissions.min(first + BLOCK))
                        .await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no task panics");
    }
    caller.finish().await;
}

/// Ends the process at any panic, also in a task of the SDK.
fn fail_on_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        std::process::exit(1);
    }));
}

/// Ends the process after this time, in case that not even timeouts work any more.
fn watch(limit: Duration, submissions: u64, ledger: &Arc<Ledger>) {
    let ledger = Arc::clone(ledger);
    std::thread::spawn(move || {
        std::thread::sleep(limit);
        let ended = ledger.ended();
        println!(
            "Hung: {} of {submissions} submissions after {limit:?}",
            submissions - ended
        );
        std::process::exit(1);
    });
}
