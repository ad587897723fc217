//! Samples the memory of this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use peak_alloc::PeakAlloc;
use pyannote_tests::process::memory_bytes;
use pyannote_tests::soak::Sample;

use crate::ledger::Ledger;

const INTERVAL: Duration = Duration::from_millis(200);
/// Samples of more than an hour, which are allocated in advance.
const CAPACITY: usize = 20_000;

/// A thread that samples the memory.
pub(crate) struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Sample>>,
}

impl Sampler {
    pub(crate) fn start(allocator: &'static PeakAlloc, ledger: Arc<Ledger>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut samples = Vec::with_capacity(CAPACITY);
            while !stopped.load(Ordering::Relaxed) {
                samples.push(Sample {
                    ended: ledger.ended(),
                    allocated: allocator.current_usage(),
                    resident: memory_bytes("self", "VmRSS").and_then(|bytes| bytes.try_into().ok()),
                });
                std::thread::sleep(INTERVAL);
            }
            samples
        });
        Self { stop, thread }
    }

    pub(crate) fn stop(self) -> Vec<Sample> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
