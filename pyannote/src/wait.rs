//! Waiting for the end of a job: when to look, and for how long.

use std::future::IntoFuture;
use std::pin::Pin;
use std::time::Duration;

use async_stream::stream;
use futures_core::Stream;

use crate::error::{Error, ErrorKind};
use crate::job::{Job, JobKind, JobStatus, State, read};
use crate::webhook::Event;

/// The wait before the first look at a job just submitted, and the shortest between two.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest wait between two looks: a job of an hour ends at most this long before it is noticed.
const LONGEST: Duration = Duration::from_secs(20);
/// How much longer each wait is than the one before.
const GROWTH: f64 = 1.5;
/// How long a job just submitted may be unknown: the service is eventually consistent.
const GRACE: Duration = Duration::from_secs(60);
/// How long a job whose submission this client has not seen may be unknown, from the start of the wait: another process
/// may have submitted it just now.
const SHORT_GRACE: Duration = Duration::from_secs(10);
/// The time that the last look has, when that of the wait is up.
const LAST_LOOK: Duration = Duration::from_secs(10);
/// How many looks in a row may fail, each with its retries, before the wait ends.
const FAILURES: u32 = 3;

/// The wait before look number `index`, the first being 0: growing up to a ceiling, with a quarter of jitter, so that
/// many waits that began together do not stay together.
pub(crate) fn delay(index: u32, random: f64) -> Duration {
    let exponent = i32::try_from(index.min(64)).unwrap_or(64);
    let full = (SHORTEST.as_secs_f64() * GROWTH.powi(exponent)).min(LONGEST.as_secs_f64());
    let random = if random.is_finite() {
        random.clamp(0.0, 1.0)
    } else {
        1.0
    };
    Duration::from_secs_f64(full * (0.75 + 0.25 * random))
}

/// Whether a job was submitted so recently that the service may not know it yet.
///
/// `start` is when the wait began, and `submitted` when the job was, if that is known.
pub(crate) fn is_young(start: Duration, submitted: Option<Duration>, now: Duration) -> bool {
    match submitted {
        Some(submitted) => now.saturating_sub(submitted) < GRACE,
        None => now.saturating_sub(start) < SHORT_GRACE,
    }
}

/// A wait for the end of a job, as a future. Dropping it cancels nothing: wait again whenever you like.
///
/// # Errors
///
/// [`ErrorKind::JobFailed`] and [`ErrorKind::JobCanceled`] with the service's text, [`ErrorKind::WaitTimeout`] when the
/// time is up, and any error of a request. Each has the job's id and the last status that was seen.
#[derive(Debug)]
#[must_use = "a wait does nothing unless it is awaited"]
pub struct Wait<T> {
    job: Job<T>,
    timeout: Option<Duration>,
}

impl<T: JobKind> Wait<T> {
    pub(crate) fn new(job: Job<T>) -> Self {
        Self { job, timeout: None }
    }

    /// How long to wait; without end unless set. When the time is up, the job is looked at once more, which takes 10 s at
    /// most.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl<T: JobKind> IntoFuture for Wait<T> {
    type Output = Result<T, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { poll(&self.job, self.timeout).await })
    }
}

/// One look after the other at a job.
struct Looks<'a, T> {
    job: &'a Job<T>,
    index: u32,
    failures: u32,
    last: Option<JobStatus>,
    start: Duration,
}

impl<'a, T: JobKind> Looks<'a, T> {
    fn at(job: &'a Job<T>) -> Self {
        Self {
            job,
            index: 0,
            failures: 0,
            last: None,
            start: job.client.executor().clock().now(),
        }
    }

    /// The wait before the next look. A job that was there already may have ended: it is looked at at once.
    fn delay(&mut self) -> Duration {
        let index = self.index;
        self.index = index.saturating_add(1);
        if self.job.submitted.is_none() && index == 0 {
            return Duration::ZERO;
        }
        delay(index, self.job.client.executor().clock().random())
    }

    /// Looks: the result, or nothing yet.
    async fn look(&mut self, within: Option<Duration>) -> Result<Option<T>, Error> {
        match self.job.read_within(within).await {
            Ok(State::Done(result)) => Ok(Some(result)),
            Ok(State::Unfinished(status)) => {
                self.failures = 0;
                if status.is_some() {
                    self.last = status;
                }
                Ok(None)
            }
            Err(error) if self.is_passing(&error) => Ok(None),
            // The error of a job that ended knows its status itself.
            Err(error) if error.last_status().is_some() => Err(error),
            Err(error) => Err(error.with_job(self.job.id(), self.last.clone())),
        }
    }

    /// Whether a failed look is no reason to end the wait.
    fn is_passing(&mut self, error: &Error) -> bool {
        match error.kind() {
            ErrorKind::NotFound => is_young(
                self.start,
                self.job.submitted,
                self.job.client.executor().clock().now(),
            ),
            _ => {
                self.failures += 1;
                error.is_passing() && self.failures < FAILURES
            }
        }
    }
}

async fn poll<T: JobKind>(job: &Job<T>, timeout: Option<Duration>) -> Result<T, Error> {
    let clock = job.client.executor().clock();
    let mut looks = Looks::at(job);
    let start = looks.start;
    let left = || timeout.map(|timeout| timeout.saturating_sub(clock.now().saturating_sub(start)));
    loop {
        let delay = looks.delay();
        let before = left();
        let is_last = before.is_some_and(|left| delay >= left);
        clock
            .sleep(before.map_or(delay, |left| left.min(delay)))
            .await;
        // However little time is left, a look must be able to succeed.
        let within = left().map(|left| left.max(LAST_LOOK));
        if let Some(result) = looks.look(within).await? {
            return Ok(result);
        }
        if is_last {
            let waited = timeout.unwrap_or_default().as_secs_f64();
            let message = format!(
                "the job did not end within {waited} s; it goes on, and can be waited for again with client.job(id)"
            );
            return Err(Error::new(ErrorKind::WaitTimeout, message).with_job(job.id(), looks.last));
        }
    }
}

pub(crate) async fn poll_or_event<T: JobKind>(
    job: &Job<T>,
    event: impl Future<Output = Event>,
) -> Result<T, Error> {
    let mut polling = Box::pin(poll(job, None));
    let mut event = std::pin::pin!(event);
    let first = std::future::poll_fn(|cx| {
        if let std::task::Poll::Ready(result) = polling.as_mut().poll(cx) {
            return std::task::Poll::Ready(Ok(result));
        }
        event.as_mut().poll(cx).map(Err)
    })
    .await;
    match first {
        Ok(result) => result,
        Err(event) if event.job_id() == job.id() && event.status().is_final() => {
            // A status-only event has neither the output nor the reason of a failure: it is there to be fetched.
            if !event.has_output() {
                return polling_from_now(job).await;
            }
            match read(event.body(), job.id(), job.client.keeps_raw())? {
                State::Done(result) => Ok(result),
                State::Unfinished(_) => polling_from_now(job).await,
            }
        }
        Err(_) => polling.await,
    }
}

/// Looks at once, whenever the job was submitted: it is known to have ended.
async fn polling_from_now<T: JobKind>(job: &Job<T>) -> Result<T, Error> {
    match job.read().await {
        Ok(State::Done(result)) => Ok(result),
        Err(error) if matches!(error.kind(), ErrorKind::JobFailed | ErrorKind::JobCanceled) => {
            Err(error)
        }
        _ => poll(job, None).await,
    }
}

pub(crate) fn statuses<T: JobKind>(
    job: Job<T>,
) -> impl Stream<Item = Result<JobStatus, Error>> + Send {
    stream! {
        let mut looks = Looks::at(&job);
        let mut last = None;
        loop {
            let delay = looks.delay();
            job.client.executor().clock().sleep(delay).await;
            match job.status().await {
                Ok(status) => {
                    looks.failures = 0;
                    let is_final = status.is_final();
                    if last.as_ref() != Some(&status) {
                        last = Some(status.clone());
                        yield Ok(status);
                    }
                    if is_final {
                        return;
                    }
                }
                Err(error) if looks.is_passing(&error) => {}
                Err(error) => {
                    yield Err(error.with_job(job.id(), last));
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_ceiling() {
        let seconds: Vec<f64> = (0..12)
            .map(|index| delay(index, 1.0).as_secs_f64())
            .collect();
        assert_eq!(seconds[..4], [1.0, 1.5, 2.25, 3.375]);
        assert!(seconds.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(seconds[11], 20.0);
        assert_eq!(delay(0, 0.0), Duration::from_millis(750));
        for index in [0, 63, 64, u32::MAX] {
            for random in [0.0, 1.0, f64::NAN, -1.0, f64::INFINITY] {
                let delay = delay(index, random);
                assert!((Duration::from_millis(750)..=LONGEST).contains(&delay));
            }
        }
    }
}
