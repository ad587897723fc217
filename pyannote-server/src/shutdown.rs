//! Graceful shutdown of background tasks.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long running work may take to stop after it was aborted. An engine has 1 s of it.
const ABORT_TIMEOUT: Duration = Duration::from_secs(2);

/// Shutdown signal with stages. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Shutdown {
    /// First stage: take no new jobs and connections, and finish what is running.
    pub(crate) drain: CancellationToken,
    /// No job is running any more: send the webhooks that are due, and no more.
    pub(crate) jobs_done: CancellationToken,
    /// Last stage: abandon what is still running. Cancels the others, too.
    pub(crate) abort: CancellationToken,
}

impl Shutdown {
    /// Creates a signal that has not been given.
    pub(crate) fn new() -> Self {
        let abort = CancellationToken::new();
        Self {
            drain: abort.child_token(),
            jobs_done: abort.child_token(),
            abort,
        }
    }
}

/// Waits until `drained` completes. Aborts what is still running when `deadline` completes, and then waits for it only
/// briefly.
pub(crate) async fn finish(
    shutdown: &Shutdown,
    drained: impl Future<Output = ()>,
    deadline: impl Future<Output = ()>,
) {
    let mut drained = std::pin::pin!(drained);
    let is_drained = tokio::select! {
        () = &mut drained => true,
        () = deadline => false,
    };
    shutdown.abort.cancel();
    if !is_drained && timeout(ABORT_TIMEOUT, drained).await.is_err() {
        tracing::warn!("some of the running work could not be stopped in time");
    }
}
