//! Graceful shutdown of background tasks.

use tokio_util::sync::CancellationToken;

/// Two-stage shutdown signal. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Shutdown {
    /// First stage: take no new work, and finish what is running.
    pub(crate) drain: CancellationToken,
    /// Second stage: abandon what is still running. Cancels `drain`, too.
    pub(crate) abort: CancellationToken,
}

impl Shutdown {
    /// Creates a signal that has not been given.
    pub(crate) fn new() -> Self {
        let abort = CancellationToken::new();
        Self {
            drain: abort.child_token(),
            abort,
        }
    }
}
