//! Holding back claims while something that has ended cannot be recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Store;

/// Number of holds of a store.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds(Arc<AtomicUsize>);

/// Holds back the claims of this process until it is dropped.
#[derive(Debug)]
pub(crate) struct ClaimHold(Holds);

impl Store {
    /// Holds back claims of jobs and webhooks, and the end of streams that count as lost. While the disk is full, neither
    /// a result nor a renewed lease can be written. Once there is space again, the result must be written before this
    /// process claims the job once more.
    pub(crate) fn hold_claims(&self) -> ClaimHold {
        self.claim_holds.0.fetch_add(1, Ordering::SeqCst);
        ClaimHold(self.claim_holds.clone())
    }

    pub(crate) fn are_claims_held(&self) -> bool {
        self.claim_holds.0.load(Ordering::SeqCst) > 0
    }
}

impl Drop for ClaimHold {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}
