//! Waiting for the end of one job: when to poll, and for how long.

use std::fmt;
use std::future::IntoFuture;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::unfold;

use super::{Job, JobStatus, Statuses};
use crate::error::{Error, ErrorKind};
use crate::results::JobKind;
use crate::results::body::{State, read};
use crate::webhook::Event;

/// Delay before the first poll of a job that was just submitted, and the minimum delay between polls.
const POLL_DELAY_MIN: Duration = Duration::from_secs(1);
/// Maximum delay between polls, and so the maximum time between the end of a job and its detection.
const POLL_DELAY_MAX: Duration = Duration::from_secs(20);
/// Growth of the delay from one poll to the next.
const POLL_DELAY_FACTOR: f64 = 1.5;
/// Time after its submission during which a job may be reported as not found: the service is eventually consistent.
const NOT_FOUND_GRACE: Duration = Duration::from_secs(60);
/// As [`NOT_FOUND_GRACE`], for a job that this client did not submit, from the start of the wait: another process may
/// have submitted it just now.
const NOT_FOUND_GRACE_EXISTING: Duration = Duration::from_secs(10);
/// Minimum timeout of the final poll, which is made at the deadline of the wait.
const FINAL_POLL_TIMEOUT: Duration = Duration::from_secs(10);
/// Number of consecutive polls that must fail, each with its retries, for the wait to fail.
pub(super) const MAX_CONSECUTIVE_FAILURES: u32 = 3;

/// Returns the delay before a poll. `attempt` counts from 0, and `random` is from 0 to 1.
///
/// It grows exponentially up to a maximum. A quarter of it is jitter, so that waits that start together drift apart.
pub(super) fn poll_delay(attempt: u32, random: f64) -> Duration {
    let exponent = i32::try_from(attempt.min(64)).unwrap_or(64);
    let full = POLL_DELAY_MIN.as_secs_f64() * POLL_DELAY_FACTOR.powi(exponent);
    let full = full.min(POLL_DELAY_MAX.as_secs_f64());
    let random = match random.is_finite() {
        true => random.clamp(0.0, 1.0),
        false => 1.0,
    };
    Duration::from_secs_f64(full * (0.75 + 0.25 * random))
}

/// Returns whether a job that is reported as not found may be found later. `start` is the start of the wait, and
/// `submitted` the time of the submission, if this client submitted the job.
pub(super) fn may_be_found_later(
    start: Duration,
    submitted: Option<Duration>,
    now: Duration,
) -> bool {
    match submitted {
        Some(submitted) => now.saturating_sub(submitted) < NOT_FOUND_GRACE,
        None => now.saturating_sub(start) < NOT_FOUND_GRACE_EXISTING,
    }
}

type Events = Pin<Box<dyn Stream<Item = Event> + Send>>;

/// A wait for the end of a job, to be awaited. Dropping it does not cancel the job, and waiting can be resumed at any
/// time.
///
/// # Errors
///
/// [`ErrorKind::JobFailed`] and [`ErrorKind::JobCanceled`] with the reason that the service gives,
/// [`ErrorKind::WaitTimeout`] with the last poll's error as its source if that poll failed, and any error of a request.
/// Each has the job's id and its last known status.
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
    /// The job is polled once more at the deadline, which takes at most another 10 s.
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
        let deadline = timeout.map(|timeout| Deadline {
            timeout,
            start: job.executor.clock().now(),
        });
        let _in_progress = job.executor.counters.wait();
        let polling = pin!(poll(&job, deadline));
        let Some(events) = events else {
            return polling.await;
        };
        match select(polling, pin!(final_event(&job, events))).await {
            Either::Left((result, _)) => result,
            Either::Right((event, _)) => result_of_event(&job, &event, deadline).await,
        }
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

/// When a wait times out.
#[derive(Clone, Copy)]
struct Deadline {
    timeout: Duration,
    start: Duration,
}

impl Deadline {
    fn remaining(self, now: Duration) -> Duration {
        self.timeout.saturating_sub(now.saturating_sub(self.start))
    }

    /// The timeout of a poll: however little time remains, it must be able to succeed.
    fn poll_timeout(self, now: Duration) -> Duration {
        self.remaining(now).max(FINAL_POLL_TIMEOUT)
    }
}

/// The polls of one wait.
struct Poller<T> {
    job: Job<T>,
    attempt: u32,
    consecutive_failures: u32,
    last_status: Option<JobStatus>,
    /// The error of the last poll, if it failed.
    last_failure: Option<Error>,
    start: Duration,
}

impl<T: JobKind> Poller<T> {
    fn new(job: Job<T>) -> Self {
        let start = job.executor.clock().now();
        Self {
            job,
            attempt: 0,
            consecutive_failures: 0,
            last_status: None,
            last_failure: None,
            start,
        }
    }

    /// Returns the delay before the next poll. A job that this client did not submit may have ended already, so its
    /// first poll is immediate.
    fn next_delay(&mut self) -> Duration {
        let attempt = self.attempt;
        self.attempt = attempt.saturating_add(1);
        if self.job.submitted.is_none() && attempt == 0 {
            return Duration::ZERO;
        }
        poll_delay(attempt, self.job.executor.clock().random())
    }

    /// Polls the job. Returns `None` if the wait is to go on.
    async fn poll(&mut self, timeout: Option<Duration>) -> Result<Option<T>, Error> {
        self.job.executor.counters.poll();
        match self.job.read(timeout).await {
            Ok(State::Done(result)) => Ok(Some(result)),
            Ok(State::Unfinished(status)) => {
                self.consecutive_failures = 0;
                self.last_failure = None;
                if status.is_some() {
                    self.last_status = status;
                }
                Ok(None)
            }
            Err(error) if self.tolerates(&error) => {
                self.last_failure = Some(error);
                Ok(None)
            }
            // The error of a job that ended has its status.
            Err(error) if error.last_status().is_some() => Err(error),
            Err(error) => Err(error.with_job(self.job.id(), self.last_status.clone())),
        }
    }

    /// The error of a wait that timed out after the last poll.
    fn timeout_error(self, timeout: Duration) -> Error {
        let seconds = timeout.as_secs_f64();
        let problem = match (&self.last_failure, &self.last_status) {
            (None, _) => format!("the job did not end within {seconds} s; it is still running"),
            (Some(error), None) if error.kind() == ErrorKind::NotFound => {
                format!("the job was not found within {seconds} s; it may not be visible yet")
            }
            (Some(_), _) => {
                format!(
                    "the wait timed out after {seconds} s, and its last poll failed; the job may still be running"
                )
            }
        };
        let message = format!("{problem}, and client.job(id) can wait for it again");
        let error = match self.last_failure {
            Some(failure) => failure.into_kind(ErrorKind::WaitTimeout, message),
            None => Error::new(ErrorKind::WaitTimeout, message),
        };
        error.with_job(self.job.id(), self.last_status)
    }

    /// Polls until the status differs from the last one.
    async fn next_status(&mut self) -> Result<JobStatus, Error> {
        loop {
            let delay = self.next_delay();
            self.job.executor.clock().sleep(delay).await;
            match self.job.status().await {
                Ok(status) => {
                    self.consecutive_failures = 0;
                    if self.last_status.as_ref() != Some(&status) {
                        self.last_status = Some(status.clone());
                        return Ok(status);
                    }
                }
                Err(error) if self.tolerates(&error) => {}
                Err(error) => {
                    return Err(error.with_job(self.job.id(), self.last_status.clone()));
                }
            }
        }
    }

    /// Counts a failed poll. Returns whether the wait goes on in spite of it.
    fn tolerates(&mut self, error: &Error) -> bool {
        match error.kind() {
            ErrorKind::NotFound => may_be_found_later(
                self.start,
                self.job.submitted,
                self.job.executor.clock().now(),
            ),
            _ => {
                self.consecutive_failures += 1;
                error.is_transient() && self.consecutive_failures < MAX_CONSECUTIVE_FAILURES
            }
        }
    }
}

async fn poll<T: JobKind>(job: &Job<T>, deadline: Option<Deadline>) -> Result<T, Error> {
    let clock = job.executor.clock();
    let mut poller = Poller::new(job.clone());
    loop {
        let delay = poller.next_delay();
        let remaining = deadline.map(|deadline| deadline.remaining(clock.now()));
        let is_final_poll = remaining.is_some_and(|remaining| delay >= remaining);
        clock
            .sleep(remaining.map_or(delay, |remaining| remaining.min(delay)))
            .await;
        let timeout = deadline.map(|deadline| deadline.poll_timeout(clock.now()));
        if let Some(result) = poller.poll(timeout).await? {
            return Ok(result);
        }
        if is_final_poll {
            let timeout = deadline.map_or(Duration::ZERO, |deadline| deadline.timeout);
            return Err(poller.timeout_error(timeout));
        }
    }
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

/// Returns the result in an event, or fetches it if the event has none.
async fn result_of_event<T: JobKind>(
    job: &Job<T>,
    event: &Event,
    deadline: Option<Deadline>,
) -> Result<T, Error> {
    // An event with the status only has neither the output nor the reason of a failure: both must be fetched.
    if event.has_output()
        && let State::Done(result) = read(
            event.body(),
            job.id(),
            job.executor.settings.keep_raw_bodies,
        )?
    {
        return Ok(result);
    }
    let now = job.executor.clock().now();
    let timeout = deadline.map(|deadline| deadline.poll_timeout(now));
    match job.read(timeout).await {
        Ok(State::Done(result)) => Ok(result),
        Err(error) if matches!(error.kind(), ErrorKind::JobFailed | ErrorKind::JobCanceled) => {
            Err(error)
        }
        // The event was ahead of the service's own state, or the request failed.
        _ => poll(job, deadline).await,
    }
}

pub(super) fn statuses<T: JobKind>(job: Job<T>) -> Statuses {
    // `None` after the last status.
    let poller = Some(Poller::new(job));
    Statuses::new(unfold(poller, |poller| async {
        let mut poller = poller?;
        match poller.next_status().await {
            Ok(status) if status.is_final() => Some((Ok(status), None)),
            Ok(status) => Some((Ok(status), Some(poller))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poll_delays_grow_to_a_maximum() {
        let seconds: Vec<f64> = (0..12)
            .map(|attempt| poll_delay(attempt, 1.0).as_secs_f64())
            .collect();
        assert_eq!(seconds[..4], [1.0, 1.5, 2.25, 3.375]);
        assert!(seconds.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(seconds[11], 20.0);
        assert_eq!(poll_delay(0, 0.0), Duration::from_millis(750));
        for attempt in [0, 63, 64, u32::MAX] {
            for random in [0.0, 1.0, f64::NAN, -1.0, f64::INFINITY] {
                let delay = poll_delay(attempt, random);
                assert!((Duration::from_millis(750)..=POLL_DELAY_MAX).contains(&delay));
            }
        }
    }
}
