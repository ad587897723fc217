//! The side of the caller: waits for one or more jobs that are watched.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use http::StatusCode;
use tokio::sync::mpsc;
use tracing::{Instrument, Span};

use super::schedule::{NewGroup, Verdict};
use super::{Poll, Waiter, Watch};
use crate::error::{Error, ErrorKind};
use crate::job::progress::Progress;
use crate::job::wait::first_delay;
use crate::job::{Job, JobId, JobStatus};
use crate::results::JobKind;
use crate::transport::{Executor, WaitInProgress};

/// Timeout of the final poll, which is made at the deadline of a wait.
const FINAL_POLL_TIMEOUT: Duration = Duration::from_secs(10);

/// How jobs are waited for.
#[derive(Clone, Copy)]
pub(in crate::job) struct WaitOptions {
    pub(in crate::job) timeout: Option<Duration>,
    /// How much of the timeout has passed already.
    pub(in crate::job) elapsed: Duration,
    /// Whether each job is polled once more at the deadline.
    pub(in crate::job) polls_at_deadline: bool,
    /// Maximum number of results that are being read or have not been taken.
    pub(in crate::job) capacity: usize,
    pub(in crate::job) reads_per_minute: Option<u32>,
}

/// Waits for jobs. Dropping it ends all of them.
pub(in crate::job) struct Waits<T> {
    executor: Arc<Executor>,
    watch: Arc<Watch>,
    group: u64,
    results: mpsc::UnboundedReceiver<(JobId, Result<T, Error>)>,
    /// Number of jobs without a result so far.
    left: usize,
}

impl<T: JobKind> Waits<T> {
    /// Starts to wait for jobs; for one that is passed twice, once.
    pub(in crate::job) fn start(
        executor: &Arc<Executor>,
        jobs: impl IntoIterator<Item = Job<T>>,
        options: WaitOptions,
    ) -> Self {
        let (sender, results) = mpsc::unbounded_channel();
        let clock = executor.clock();
        let now = clock.now();
        let mut ids = HashSet::new();
        let jobs: Vec<(JobId, Arc<dyn Waiter>, Duration)> = jobs
            .into_iter()
            .filter(|job| ids.insert(job.id.clone()))
            .map(|job| {
                let id = job.id.clone();
                let delay = first_delay(&job);
                let wait = OneWait {
                    progress: Mutex::new(Progress::new(id.clone(), job.submitted, now)),
                    timeout: options.timeout.unwrap_or_default(),
                    results: sender.clone(),
                    has_ended: AtomicBool::new(false),
                    span: Span::current(),
                    _in_progress: executor.counters.wait(),
                    job,
                };
                let waiter: Arc<dyn Waiter> = Arc::new(wait);
                (id, waiter, delay)
            })
            .collect();
        let left = jobs.len();
        let watch = executor.extension::<Watch>();
        let group = NewGroup {
            jobs,
            timeout: options
                .timeout
                .map(|timeout| timeout.saturating_sub(options.elapsed)),
            polls_at_deadline: options.polls_at_deadline,
            capacity: options.capacity,
            reads_per_minute: options.reads_per_minute,
        };
        let group = watch.add(group, now);
        Self {
            executor: Arc::clone(executor),
            watch,
            group,
            results,
            left,
        }
    }

    /// Waits until one more wait has ended. Returns `None` after the last one.
    pub(in crate::job) async fn next(&mut self) -> Option<(JobId, Result<T, Error>)> {
        if self.left == 0 {
            return None;
        }
        loop {
            let mut stopped = pin!(self.watch.stopped.notified());
            stopped.as_mut().enable();
            self.watch.ensure_runs(&self.executor);
            match select(pin!(self.results.recv()), stopped).await {
                Either::Left((result, _)) => {
                    self.left -= 1;
                    self.watch.taken(self.group);
                    return result;
                }
                // The task ended with the runtime of another wait.
                Either::Right(_) => {}
            }
        }
    }
}

impl<T> Drop for Waits<T> {
    fn drop(&mut self) {
        self.watch.remove(self.group);
    }
}

/// The wait for one job.
struct OneWait<T> {
    job: Job<T>,
    progress: Mutex<Progress>,
    timeout: Duration,
    results: mpsc::UnboundedSender<(JobId, Result<T, Error>)>,
    has_ended: AtomicBool,
    /// The span of the caller.
    span: Span,
    _in_progress: WaitInProgress,
}

impl<T: JobKind> OneWait<T> {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the wait, unless it has ended.
    fn end(&self, result: Result<T, Error>) {
        if !self.has_ended.swap(true, Ordering::Relaxed) {
            // Fails if the caller has stopped waiting.
            let _ = self.results.send((self.job.id.clone(), result));
        }
    }

    async fn read(&self, timeout: Option<Duration>, is_last: bool) -> Verdict {
        let executor = &self.job.executor;
        executor.counters.poll();
        self.progress().start_poll();
        let timeout = match is_last {
            true => Some(FINAL_POLL_TIMEOUT),
            false => timeout,
        };
        let result = self.job.read(timeout).await;
        let rejection = result.as_ref().err().map(Error::kind);
        let rejection =
            rejection.filter(|kind| matches!(kind, ErrorKind::Unauthorized | ErrorKind::Forbidden));
        let ended = self.progress().take(result, executor.clock().now());
        let has_ended = is_last || ended.is_some();
        match ended {
            Some(result) => self.end(result),
            None if is_last => self.expire(),
            None => {}
        }
        match rejection {
            Some(kind) => Verdict::Rejected { kind, has_ended },
            None if has_ended => Verdict::Ended,
            None => Verdict::Unfinished,
        }
    }
}

impl<T: JobKind> Waiter for OneWait<T> {
    fn poll(self: Arc<Self>, timeout: Option<Duration>, is_last: bool) -> Poll {
        let span = self.span.clone();
        Box::pin(async move { self.read(timeout, is_last).await }.instrument(span))
    }

    fn see(&self, status: &JobStatus) {
        self.progress().see(status);
    }

    fn expire(&self) {
        let error = self.progress().timeout_error(self.timeout);
        self.end(Err(error));
    }

    fn reject(&self, kind: ErrorKind) {
        let (message, status) = match kind {
            ErrorKind::Forbidden => (
                "the API key lacks a permission to read jobs; the service rejected other waits of this client",
                StatusCode::FORBIDDEN,
            ),
            _ => (
                "the API key is invalid; the service rejected other waits of this client",
                StatusCode::UNAUTHORIZED,
            ),
        };
        let error = Error::new(kind, message).with_status(status);
        self.end(Err(error.with_job(&self.job.id, None)));
    }
}
