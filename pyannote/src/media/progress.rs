//! Who is told how far a transfer is.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A callback for the bytes moved and the bytes in all. Clones share it.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<dyn FnMut(u64, u64) + Send>>);

impl Progress {
    pub(super) fn new(callback: impl FnMut(u64, u64) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(callback)))
    }

    pub(super) fn report(&self, moved: u64, total: u64) {
        // A callback that panicked once may be called again: its state is its own affair.
        let mut callback = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        callback(moved, total);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}
