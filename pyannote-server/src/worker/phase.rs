//! Whether workers go on, finish what they began, or leave it.

use tokio::sync::watch;

/// Where workers are between start and stop.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Phase {
    /// Jobs are taken.
    Working,
    /// No job is taken; those under way are finished.
    Finishing,
    /// What is still under way is left.
    Over,
}

/// Ends when the workers are in `phase` or behind it. A dropped handle is over.
pub(crate) async fn reached(seen: &mut watch::Receiver<Phase>, phase: Phase) {
    let _ = seen.wait_for(|now| *now >= phase).await;
}

/// Whether the workers are in `phase` or behind it.
pub(crate) fn is_past(seen: &watch::Receiver<Phase>, phase: Phase) -> bool {
    seen.has_changed().is_err() || *seen.borrow() >= phase
}
