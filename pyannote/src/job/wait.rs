//! Waiting for the end of one job.

use std::fmt;
use std::future::IntoFuture;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::unfold;

use super::progress::{Progress, poll_delay};
use super::watch::{WaitOptions, Waits};
use super::{Job, JobStatus, Statuses};
use crate::error::Error;
use crate::results::JobKind;
use crate::results::body::{State, read};
use crate::webhook::Event;

type Events = Pin<Box<dyn Stream<Item = Event> + Send>>;

/// A wait for the end of a job, to be awaited. Dropping it does not cancel the job, and waiting can be resumed at any
/// time.
///
/// # Errors
///
/// [`ErrorKind::JobFailed`](crate::ErrorKind::JobFailed) and [`ErrorKind::JobCanceled`](crate::ErrorKind::JobCanceled)
/// with the reason that the service gives, [`ErrorKind::WaitTimeout`](crate::ErrorKind::WaitTimeout) with the last poll's
/// error as its source if that poll failed, and any error of a request. Each has the job's id and its last known status.
///
/// A gateway may replace the service's response now and then, so a response that says nothing of the job, such as a
/// redirect, a 403 or a page of HTML, ends the wait only if three polls in a row have one. A 401 ends it immediately.
#[must_use = "a wait does nothing unless it is awaited"]
pub struct Wait<T> {
    job: Job<T>,
    timeout: Option<Duration>,
    events: Option<Events>,
}

impl<T: JobKind> Wait<T> {
    pub(super) fn new(job: Job<T>) -> Self {
        Self {
            job,
            timeout: None,
            events: None,
        }
    }

    pub(super) fn or_event(mut self, events: impl Stream<Item = Event> + Send + 'static) -> Self {
        self.events = Some(Box::pin(events));
        self
    }

    /// Sets the maximum time to wait. The default is no limit.
    ///
    /// The job is polled once more at the deadline, which takes at most another 10 s. If that poll does not end the wait,
    /// the error is of kind [`ErrorKind::WaitTimeout`](crate::ErrorKind::WaitTimeout). It may end it with another error,
    /// as any poll does: that of a job that failed or does not exist, of an invalid API key, or of the third failed poll
    /// in a row.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    async fn run(self) -> Result<T, Error> {
        let Self {
            job,
            timeout,
            events,
        } = self;
        let start = job.executor.clock().now();
        let polling = pin!(poll(&job, timeout, Duration::ZERO));
        let Some(events) = events else {
            return polling.await;
        };
        let event = match select(polling, pin!(final_event(&job, events))).await {
            Either::Left((result, _)) => return result,
            Either::Right((event, _)) => event,
        };
        // An event with the status only has neither the output nor the reason of a failure: both must be fetched. It may
        // be ahead of the service's own state, so that the job has to be polled even then.
        if event.has_output()
            && let State::Done(result) = read(
                event.body(),
                job.id(),
                job.executor.settings.keep_raw_bodies,
            )?
        {
            return Ok(result);
        }
        let elapsed = job.executor.clock().now().saturating_sub(start);
        // It has ended, so the first poll is immediate.
        let ended = Job {
            submitted: None,
            ..job.clone()
        };
        poll(&ended, timeout, elapsed).await
    }
}

impl<T: JobKind> IntoFuture for Wait<T> {
    type Output = Result<T, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<T> fmt::Debug for Wait<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("job", &self.job)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Polls until the job has ended, or `timeout` has passed, of which `elapsed` has passed already.
#[expect(
    clippy::expect_used,
    reason = "each job that is waited for gets one result"
)]
async fn poll<T: JobKind>(
    job: &Job<T>,
    timeout: Option<Duration>,
    elapsed: Duration,
) -> Result<T, Error> {
    let options = WaitOptions {
        timeout,
        elapsed,
        polls_at_deadline: true,
        capacity: 1,
        reads_per_minute: None,
    };
    let mut waits = Waits::start(&job.executor, [job.clone()], options);
    let (_, result) = waits.next().await.expect("there is one job");
    result
}

/// Waits for the event about the end of the job. If the stream ends before, there never is one.
async fn final_event<T: JobKind>(job: &Job<T>, mut events: Events) -> Event {
    while let Some(event) = events.next().await {
        if event.job_id() == job.id() && event.status().is_final() {
            return event;
        }
    }
    std::future::pending().await
}

pub(super) fn statuses<T: JobKind>(job: Job<T>) -> Statuses {
    let clock = job.executor.clock();
    let polls = StatusPolls {
        progress: Progress::new(job.id.clone(), job.submitted, clock.now()),
        delay: first_delay(&job),
        attempt: 0,
        job,
    };
    // `None` after the last status.
    Statuses::new(unfold(Some(polls), |polls| async {
        let mut polls = polls?;
        match polls.next().await {
            Ok(status) if status.is_final() => Some((Ok(status), None)),
            Ok(status) => Some((Ok(status), Some(polls))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

/// Returns the delay before the first poll of a job. One that this client did not submit may have ended already.
pub(super) fn first_delay<T>(job: &Job<T>) -> Duration {
    match job.submitted {
        Some(_) => poll_delay(0, job.executor.clock().random()),
        None => Duration::ZERO,
    }
}

/// The polls of the statuses of one job.
struct StatusPolls<T> {
    job: Job<T>,
    progress: Progress,
    /// Delay before the next poll.
    delay: Duration,
    attempt: u32,
}

impl<T: JobKind> StatusPolls<T> {
    /// Polls until the status differs from the last one.
    async fn next(&mut self) -> Result<JobStatus, Error> {
        let executor = &self.job.executor;
        let clock = executor.clock();
        loop {
            clock.sleep(self.delay).await;
            self.attempt = self.attempt.saturating_add(1);
            self.delay = poll_delay(self.attempt, clock.random());
            executor.counters.poll();
            match self.job.read_status().await {
                Ok(status) => {
                    if self.progress.succeed(Some(status.clone())) {
                        return Ok(status);
                    }
                }
                Err(error) => {
                    if let Some(error) = self.progress.fail(error, clock.now()) {
                        return Err(error);
                    }
                }
            }
        }
    }
}
