//! The progress callback of a transfer.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A callback that receives the bytes transferred so far and the total. Clones share it.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<dyn FnMut(u64, u64) + Send>>);

impl Progress {
    pub(super) fn new(callback: impl FnMut(u64, u64) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(callback)))
    }

    pub(super) fn report(&self, transferred: u64, total: u64) {
        // Call it even if it panicked before: its state is the user's concern.
        let mut callback = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        callback(transferred, total);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}
