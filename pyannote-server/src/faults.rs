//! Fault injection: failures that a test plans in advance.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use crate::operation::Operation;

/// A failure of one request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Responds with this status instead of processing the request.
    Status {
        /// Status code of the response.
        status: StatusCode,
        /// `Retry-After` header, in seconds.
        retry_after: Option<u64>,
        /// Body of the response. `None` sends an `ApiError` with the reason phrase of the status.
        body: Option<Value>,
    },
    /// Waits, then processes the request normally.
    Delay(Duration),
    /// Closes the connection without a response. The request is not processed.
    Reset,
    /// Processes the request, then closes the connection in the middle of the response body.
    TruncateBody {
        /// Number of body bytes to send.
        after_bytes: usize,
    },
    /// Processes the request, then responds with a body that is not valid JSON.
    MalformedJson,
}

/// Injected faults. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    queues: Arc<Mutex<HashMap<Operation, VecDeque<Fault>>>>,
    webhooks_to_fail: Arc<AtomicU32>,
}

impl Faults {
    /// Injects `fault` into the next `times` requests of `operation`, after the faults that are already queued.
    ///
    /// ```
    /// use pyannote_server::{Fault, Faults, Operation};
    ///
    /// let faults = Faults::default();
    /// faults.inject(Operation::Diarize, 2, Fault::Reset);
    /// assert_eq!(faults.remaining(), 2);
    /// ```
    pub fn inject(&self, operation: Operation, times: usize, fault: Fault) {
        let mut queues = self.queues();
        let queue = queues.entry(operation).or_default();
        queue.extend(std::iter::repeat_n(fault, times));
    }

    /// Fails the next `times` webhook deliveries as if the connection could not be made. They are retried as usual.
    pub fn fail_webhooks(&self, times: u32) {
        self.webhooks_to_fail.store(times, Ordering::Relaxed);
    }

    /// Returns the number of injected request faults that have not occurred yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.queues().values().map(VecDeque::len).sum()
    }

    /// Removes all injected faults.
    pub fn clear(&self) {
        self.queues().clear();
        self.fail_webhooks(0);
    }

    /// Takes the next fault of an operation.
    pub(crate) fn take(&self, operation: Operation) -> Option<Fault> {
        self.queues().get_mut(&operation)?.pop_front()
    }

    /// Takes a webhook failure. Returns whether the delivery attempt that is about to start must fail.
    pub(crate) fn take_webhook_failure(&self) -> bool {
        let decrement = |left: u32| left.checked_sub(1);
        self.webhooks_to_fail
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, decrement)
            .is_ok()
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<Operation, VecDeque<Fault>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
