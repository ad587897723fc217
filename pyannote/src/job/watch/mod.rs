//! Watches jobs for their end, on behalf of all waits of a client: one task decides when each job is read, and when the
//! listing is.
//!
//! The task is started by the first wait, and ends with the last one. It is not part of a wait, so a wait that is not polled,
//! or is dropped, does not delay others.

mod schedule;
mod waits;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tracing::{debug, warn};

use self::schedule::{Action, NewGroup, Schedule, Verdict, Watched};
use super::JobStatus;
use super::list::{JobPage, MAX_PAGE_SIZE};
use crate::error::{Error, ErrorKind};
use crate::transport::{ApiResponse, Endpoint, Executor, with_deadline};

pub(super) use waits::{WaitOptions, Waits};

/// A wait for a job of any kind.
trait Waiter: Send + Sync {
    /// Polls the job, within `timeout`. After the last poll, the wait ends.
    fn poll(self: Arc<Self>, timeout: Option<Duration>, is_last: bool) -> Poll;

    /// Takes the status of the job in the listing.
    fn see(&self, status: &JobStatus);

    /// Ends the wait: its time is up.
    fn expire(&self);

    /// Ends the wait: the service rejects every request.
    fn reject(&self, kind: ErrorKind);
}

type Poll = Pin<Box<dyn Future<Output = Verdict> + Send>>;

impl Watched for Arc<dyn Waiter> {
    fn see(&self, status: &JobStatus) {
        Waiter::see(self.as_ref(), status);
    }
}

/// The jobs of a client that are being waited for.
#[derive(Default)]
pub(super) struct Watch {
    /// Never held across an await.
    state: Mutex<State>,
    /// Wakes the task.
    changed: Notify,
    /// Wakes the waits when the task has ended with its runtime.
    stopped: Notify,
}

#[derive(Default)]
struct State {
    schedule: Schedule<Arc<dyn Waiter>>,
    /// Tasks that read jobs and pages, until they have reported their end.
    reads: HashMap<u64, Option<AbortHandle>>,
    is_running: bool,
}

impl Watch {
    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent at every point at which something could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the jobs of a caller, and returns the key of the group.
    fn add(&self, group: NewGroup<Arc<dyn Waiter>>, now: Duration) -> u64 {
        let key = self.state().schedule.add(group, now);
        self.changed.notify_one();
        key
    }

    /// Removes the jobs of a caller.
    fn remove(&self, group: u64) {
        let removed = self.state().schedule.remove(group);
        self.abort(&removed);
        self.changed.notify_one();
    }

    /// Makes room for another result of a caller.
    fn taken(&self, group: u64) {
        self.state().schedule.taken(group);
        self.changed.notify_one();
    }

    /// Ends the reads of jobs that are not watched any more.
    fn abort(&self, removed: &[(u64, Arc<dyn Waiter>)]) {
        let reads = &mut self.state().reads;
        let aborted: Vec<AbortHandle> = removed
            .iter()
            .filter_map(|(key, _)| reads.remove(key).flatten())
            .collect();
        aborted.iter().for_each(AbortHandle::abort);
    }

    /// Starts the task unless it runs.
    fn ensure_runs(self: &Arc<Self>, executor: &Arc<Executor>) {
        let was_running = std::mem::replace(&mut self.state().is_running, true);
        if !was_running {
            let running = Running {
                watch: Arc::clone(self),
                has_ended: false,
            };
            tokio::spawn(run(Arc::clone(executor), running));
        }
    }

    /// Starts a task that reads a job or a page. Its end is reported even if it is aborted.
    fn spawn(&self, key: u64, read: impl Future<Output = ()> + Send + 'static) {
        self.state().reads.insert(key, None);
        // Without the lock: a runtime that shuts down drops the task, and with it the report, immediately.
        let task = tokio::spawn(read);
        if let Some(handle) = self.state().reads.get_mut(&key) {
            *handle = Some(task.abort_handle());
        }
    }
}

/// The running task. If it is dropped with its runtime, waits in other runtimes have to start it again.
struct Running {
    watch: Arc<Watch>,
    has_ended: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            self.watch.state().is_running = false;
            self.watch.stopped.notify_waiters();
        }
    }
}

async fn run(executor: Arc<Executor>, mut running: Running) {
    let watch = Arc::clone(&running.watch);
    let clock = executor.clock();
    loop {
        let (action, is_reading) = {
            let (now, random) = (clock.now(), clock.random());
            let mut state = watch.state();
            let [reads, pages] = limits(&state, &executor);
            let action = state.schedule.next(now, random, reads, pages);
            if matches!(action, Action::Stop) {
                // Under the same lock, so that the next wait starts a new task.
                state.is_running = false;
                running.has_ended = true;
            }
            let is_reading = !state.reads.is_empty();
            // A page that is still being read is not needed any more.
            let unused = match action {
                Action::Stop => std::mem::take(&mut state.reads),
                _ => HashMap::new(),
            };
            drop(state);
            unused.values().flatten().for_each(AbortHandle::abort);
            (action, is_reading)
        };
        match action {
            Action::Read {
                key,
                watched,
                timeout,
                is_last,
            } => {
                let report = Report {
                    executor: Arc::clone(&executor),
                    watch: Arc::clone(&watch),
                    key,
                    verdict: Verdict::Aborted,
                };
                watch.spawn(key, read_job(report, watched.poll(timeout, is_last)));
            }
            Action::List(cursor) => {
                let key = watch.state().schedule.key();
                let report = PageReport {
                    executor: Arc::clone(&executor),
                    watch: Arc::clone(&watch),
                    key,
                    page: None,
                };
                watch.spawn(key, read_page(report, cursor));
            }
            Action::Expire(expired) => {
                watch.abort(&expired);
                expired.iter().for_each(|(_, waiter)| waiter.expire());
            }
            Action::Reject(kind, rejected) => {
                watch.abort(&rejected);
                rejected.iter().for_each(|(_, waiter)| waiter.reject(kind));
            }
            Action::Wait(None) => watch.changed.notified().await,
            Action::Wait(Some(delay)) => {
                // Callers take their results first, so that a manual clock shows them the time of these.
                tokio::task::yield_now().await;
                // A manual clock must not skip the time that a read takes.
                let timer = match is_reading {
                    true => clock.deadline(delay),
                    false => clock.sleep(delay),
                };
                with_deadline(watch.changed.notified(), timer).await;
            }
            Action::Stop => return,
        }
    }
}

/// The reads per minute of jobs, and of the listing.
fn limits(state: &State, executor: &Executor) -> [Option<u32>; 2] {
    [Endpoint::GetJob, Endpoint::ListJobs].map(|endpoint| {
        let allowed = executor.rate_limit(endpoint);
        let default = match executor.settings.wait_reads_per_minute {
            Some(reads) => Some(reads),
            // Half of the limit, so that the rest of the program can make requests, too.
            None => allowed.map(|allowed| allowed.div_ceil(2)),
        };
        state.schedule.budget(default)
    })
}

/// Reports the outcome of a poll when it is dropped.
struct Report {
    executor: Arc<Executor>,
    watch: Arc<Watch>,
    key: u64,
    verdict: Verdict,
}

impl Drop for Report {
    fn drop(&mut self) {
        let clock = self.executor.clock();
        let (now, random) = (clock.now(), clock.random());
        let mut state = self.watch.state();
        state.reads.remove(&self.key);
        state.schedule.report(self.key, self.verdict, now, random);
        drop(state);
        self.watch.changed.notify_one();
    }
}

/// Reports a page when it is dropped.
struct PageReport {
    executor: Arc<Executor>,
    watch: Arc<Watch>,
    key: u64,
    page: Option<Result<JobPage, Error>>,
}

impl Drop for PageReport {
    fn drop(&mut self) {
        let clock = self.executor.clock();
        let (now, random) = (clock.now(), clock.random());
        let mut state = self.watch.state();
        if state.reads.remove(&self.key).is_none() {
            return;
        }
        let [_, pages] = limits(&state, &self.executor);
        match self.page.take() {
            Some(Ok(page)) => state.schedule.take_page(page, now, random, pages),
            Some(Err(error)) => {
                state.schedule.fail_page(error.is_transient(), now, random);
                drop(state);
                warn!(%error, "the listing cannot be read; jobs are polled by their ids");
            }
            None => state.schedule.fail_page(true, now, random),
        }
        self.watch.changed.notify_one();
    }
}

async fn read_job(mut report: Report, poll: Poll) {
    report.verdict = poll.await;
}

async fn read_page(mut report: PageReport, cursor: Option<String>) {
    let executor = &report.executor;
    executor.counters.poll();
    let size = MAX_PAGE_SIZE.to_string();
    let mut query = vec![("limit", size.as_str())];
    query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
    let page = executor
        .poll(None, Endpoint::ListJobs, "", &query, ApiResponse::decode)
        .await;
    debug!(is_ok = page.is_ok(), "read the listing for waits");
    report.page = Some(page);
}

#[cfg(test)]
mod tests;
