//! Submissions of jobs. Each attempt runs in a task of its own, so that the id of an accepted job is read and reported
//! even if the caller's future is dropped while the request is being sent.

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use reqwest::Request;
use tokio::sync::{oneshot, watch};
use tracing::{Instrument, Span, debug, error, info, warn};

use super::created::Created;
use super::endpoint::Endpoint;
use super::executor::{AttemptError, Call, Executor, outcome_unknown};
use super::rate_limiter::Permit;
use super::response::ApiResponse;
use super::retry::leaves_outcome_unknown;
use crate::error::Error;
use crate::job::id::JobId;
use crate::redact::excerpt;

/// How much longer than an attempt its [`window`] is at either end: the clocks of the client and the service differ, and
/// a gateway may hold a request back after its connection was lost.
const WINDOW_TOLERANCE: Duration = Duration::from_secs(300);

pub(crate) type OnAccepted = Arc<dyn Fn(&JobId) + Send + Sync>;
pub(crate) type OnOutcomeUnknown = Arc<dyn Fn(&Error) + Send + Sync>;

/// The callbacks of a client.
#[derive(Clone, Default)]
pub(crate) struct SubmissionHooks {
    pub(crate) on_accepted: Option<OnAccepted>,
    pub(crate) on_outcome_unknown: Option<OnOutcomeUnknown>,
}

impl fmt::Debug for SubmissionHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmissionHooks").finish_non_exhaustive()
    }
}

/// The number of attempts that were sent and not answered yet.
#[derive(Debug, Default)]
pub(super) struct InFlight(watch::Sender<usize>);

impl Executor {
    /// Waits until every submission that was sent has been answered and reported.
    pub(crate) async fn finish_submissions(&self) {
        let mut in_flight = self.in_flight.0.subscribe();
        // Fails only if the sender was dropped, and `self` has it.
        let _ = in_flight.wait_for(|count| *count == 0).await;
    }

    /// Sends a submission in a task of its own.
    pub(super) async fn send_submission(
        self: &Arc<Self>,
        call: &Call<'_>,
        request: Request,
        permit: Permit,
    ) -> Result<ApiResponse, AttemptError> {
        let endpoint = call.endpoint;
        let (sender, receiver) = oneshot::channel();
        let executor = Arc::clone(self);
        let on_accepted = call.on_accepted.clone();
        let task = async move {
            if sender.is_closed() {
                return;
            }
            let report = Report::new(executor, endpoint, on_accepted);
            let mut result = report.executor.send(endpoint, None, request, permit).await;
            report.finish(&mut result);
            if let Err(Err(unreported)) = sender.send(result) {
                // Unless the outcome is unknown, nothing was accepted. There is no caller to try again.
                debug!(failure = ?unreported.failure, "a submission failed after its future was dropped");
            }
        };
        let start = self.clock().wall();
        tokio::spawn(task.instrument(Span::current()));
        match receiver.await {
            Ok(result) => result,
            // The runtime shuts down.
            Err(_) => Err(AttemptError::lost(window(start, self.clock().wall()))),
        }
    }
}

/// Reports the outcome of an attempt, also if its task is aborted.
struct Report {
    executor: Arc<Executor>,
    endpoint: Endpoint,
    on_accepted: Option<OnAccepted>,
    start: SystemTime,
    is_reported: bool,
}

impl Report {
    fn new(executor: Arc<Executor>, endpoint: Endpoint, on_accepted: Option<OnAccepted>) -> Self {
        executor.in_flight.0.send_modify(|count| *count += 1);
        Self {
            start: executor.clock().wall(),
            executor,
            endpoint,
            on_accepted,
            is_reported: false,
        }
    }

    fn finish(mut self, result: &mut Result<ApiResponse, AttemptError>) {
        self.is_reported = true;
        match result {
            Ok(response) => {
                if let Some(created) = Created::read(&response.body) {
                    self.accepted(&created.id);
                }
            }
            Err(attempt) if leaves_outcome_unknown(&attempt.failure) => {
                attempt.window = Some(self.window());
                self.outcome_unknown(attempt);
            }
            Err(_) => {}
        }
    }

    fn window(&self) -> Range<DateTime<Utc>> {
        window(self.start, self.executor.clock().wall())
    }

    fn accepted(&self, id: &JobId) {
        self.executor.counters.submission_accepted();
        // First, in case that a callback blocks.
        info!(job = excerpt(id.as_str().as_bytes()), "job accepted");
        let hooks = &self.executor.settings.submission_hooks;
        for hook in [&self.on_accepted, &hooks.on_accepted]
            .into_iter()
            .flatten()
        {
            contain_panic("on_accepted", || hook(id));
        }
    }

    fn outcome_unknown(&self, attempt: &AttemptError) {
        self.executor.counters.submission_unknown();
        let error = self.executor.describe(self.endpoint, attempt);
        let error = outcome_unknown(error, attempt.window.clone());
        warn!(
            operation = self.endpoint.name(),
            error = format!("{error:#}"),
            "the outcome of a submission is unknown"
        );
        if let Some(hook) = &self.executor.settings.submission_hooks.on_outcome_unknown {
            contain_panic("on_outcome_unknown", || hook(&error));
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if !self.is_reported {
            self.outcome_unknown(&AttemptError::lost(self.window()));
        }
        self.executor.in_flight.0.send_modify(|count| *count -= 1);
    }
}

/// Calls a callback of the user, whose panic must not lose the outcome of the submission.
fn contain_panic(name: &'static str, callback: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(callback)).is_err() {
        error!(callback = name, "a callback panicked");
    }
}

/// The time in which the service created the job of an attempt that was made from `start` to `end`, if it did.
fn window(start: SystemTime, end: SystemTime) -> Range<DateTime<Utc>> {
    let first = start.min(end).checked_sub(WINDOW_TOLERANCE);
    let last = start.max(end).checked_add(WINDOW_TOLERANCE);
    date(first.unwrap_or(SystemTime::UNIX_EPOCH))..last.map_or(DateTime::<Utc>::MAX_UTC, date)
}

fn date(time: SystemTime) -> DateTime<Utc> {
    let time = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = i64::try_from(time.as_secs()).ok();
    let date = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, time.subsec_nanos()));
    date.unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_wider_than_attempts() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for (start, end, expected) in [
            (1_000, 1_002, 700..1_302),
            // The clock was set back in the meantime.
            (1_002, 1_000, 700..1_302),
            (10, 20, 0..320),
        ] {
            let window = window(at(start), at(end));
            assert_eq!(
                window.start.timestamp()..window.end.timestamp(),
                expected,
                "{start} to {end}"
            );
        }
        let end = at(u64::MAX >> 2);
        assert_eq!(window(at(0), end).end, DateTime::<Utc>::MAX_UTC);
    }
}
