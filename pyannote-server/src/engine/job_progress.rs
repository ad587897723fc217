//! Progress of a job.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The smallest step of progress.
const STEPS: f64 = 1_000_000.0;

/// The completed fraction of a job's computation. The engine reports it; clones share it.
///
/// ```
/// use pyannote_server::engine::JobProgress;
///
/// let progress = JobProgress::default();
/// progress.report(0.5);
/// progress.report(0.25);
/// assert_eq!(progress.fraction(), 0.5);
/// ```
#[derive(Clone, Debug, Default)]
pub struct JobProgress(Arc<AtomicU32>);

impl JobProgress {
    /// Reports the completed fraction, 0 to 1. It never decreases.
    pub fn report(&self, fraction: f64) {
        // The cast turns NaN into 0.
        let steps = (fraction.clamp(0.0, 1.0) * STEPS) as u32;
        self.0.fetch_max(steps, Ordering::Relaxed);
    }

    /// Returns the completed fraction, 0 to 1.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        f64::from(self.0.load(Ordering::Relaxed)) / STEPS
    }
}
