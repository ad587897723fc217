//! Faults on demand: what a test wants to go wrong.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use crate::operation::Operation;

/// What goes wrong with a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// An answer with this status, instead of anything else.
    Status {
        /// The status.
        status: StatusCode,
        /// The `Retry-After` header, in seconds.
        retry_after: Option<u64>,
        /// The body; none for an `ApiError` with the status in words.
        body: Option<Value>,
    },
    /// The request is answered as always, after this time.
    Delay(Duration),
    /// The connection is closed without an answer. The request was not worked on.
    Reset,
    /// The request is worked on, and its answer is cut.
    CutBody {
        /// How many bytes of the body arrive.
        after: usize,
    },
    /// The request is worked on, and its answer is no JSON.
    Malformed,
}

/// The faults to come. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    planned: Arc<Mutex<HashMap<Operation, VecDeque<Fault>>>>,
    lost_webhooks: Arc<AtomicU32>,
}

impl Faults {
    /// Plans `fault` for the next `times` requests of an operation, behind those that were planned before.
    ///
    /// ```
    /// use pyannote_server::{Fault, Faults, Operation};
    ///
    /// let faults = Faults::default();
    /// faults.next(Operation::Diarize, 2, Fault::Reset);
    /// assert_eq!(faults.left(), 2);
    /// ```
    pub fn next(&self, operation: Operation, times: usize, fault: Fault) {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = planned.entry(operation).or_default();
        queue.extend(std::iter::repeat_n(fault, times));
    }

    /// Lets the next `times` attempts to send a webhook fail, as if no connection could be made. They are then sent again
    /// as always.
    pub fn lose_webhooks(&self, times: u32) {
        self.lost_webhooks.store(times, Ordering::Relaxed);
    }

    /// Whether the attempt that begins now is one of those to be lost.
    pub(crate) fn loses_webhook(&self) -> bool {
        let left = |left: u32| left.checked_sub(1);
        self.lost_webhooks
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left)
            .is_ok()
    }

    /// How many planned faults no request has met yet.
    #[must_use]
    pub fn left(&self) -> usize {
        let planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.values().map(VecDeque::len).sum()
    }

    /// Forgets all that is planned.
    pub fn clear(&self) {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.clear();
        self.lose_webhooks(0);
    }

    pub(crate) fn take(&self, operation: Operation) -> Option<Fault> {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.get_mut(&operation)?.pop_front()
    }
}
