//! Waiting for many jobs at once.
//!
//! Polling every job alone would soon exceed the rate limit: with a thousand jobs, it allows three polls of each in ten
//! minutes. One request for a page of the listing returns the status of a hundred jobs, so the jobs are followed there,
//! and a job's body is fetched only when it is ready.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::unfold;

use super::list::MAX_PAGE_SIZE;
use super::wait::{MAX_CONSECUTIVE_FAILURES, may_be_found_later, poll_delay};
use super::{Job, JobId, JobStatus, Jobs, Results};
use crate::error::{Error, ErrorKind};
use crate::results::JobKind;
use crate::results::body::State;
use crate::transport::{Endpoint, Executor, RateLimit, RateLimiter};

/// Minimum delay between two rounds, per page of the previous round: it leaves half of the requests for bodies.
const MIN_DELAY_PER_PAGE: Duration = Duration::from_millis(800);
/// Number of pages to read beyond those that the jobs themselves fill, since the team's other jobs are listed between
/// them.
const EXTRA_PAGES: usize = 3;
/// Maximum number of jobs per round that are not in the listed pages and are polled one by one.
const MAX_UNLISTED_POLLS: usize = 10;

/// See [`Client::wait_all`](crate::Client::wait_all).
pub(crate) fn wait_all<T: JobKind>(executor: Arc<Executor>, jobs: Vec<Job<T>>) -> Results<T> {
    let wait = WaitAll::new(executor, jobs);
    Results::new(unfold(wait, |mut wait| async {
        let result = wait.next().await?;
        Some((result, wait))
    }))
}

struct WaitAll<T> {
    executor: Arc<Executor>,
    /// Number of jobs in the beginning.
    job_count: usize,
    /// Jobs that have not ended, in the order in which they were passed.
    pending: Vec<Job<T>>,
    /// Jobs whose body is to be fetched.
    ready: VecDeque<Job<T>>,
    /// The error of the last listing, to be handled when all that is ready was fetched.
    listing_error: Option<Error>,
    /// Jobs given up after a failed listing, with their errors.
    failed: VecDeque<(JobId, Error)>,
    limiter: RateLimiter,
    /// Number of rounds since a job last ended.
    round: u32,
    /// Number of pages read in the last round.
    pages: u32,
    /// Number of consecutive rounds in which the listing failed.
    consecutive_failures: u32,
    /// Number of failed fetches of each job.
    failed_fetches: HashMap<JobId, u32>,
    start: Duration,
}

impl<T: JobKind> WaitAll<T> {
    fn new(executor: Arc<Executor>, jobs: Vec<Job<T>>) -> Self {
        let mut ids = HashSet::new();
        let start = executor.clock().now();
        let pending: Vec<Job<T>> = jobs
            .into_iter()
            .filter(|job| ids.insert(job.id().clone()))
            .collect();
        // Half of the limit, so that the rest of the program can make requests, too.
        let limit = executor.rate_limit(Endpoint::GetJob);
        let limit = limit.map_or(RateLimit::off(), |limit| {
            RateLimit::per_minute(limit.div_ceil(2))
        });
        Self {
            executor,
            job_count: pending.len(),
            pending,
            ready: VecDeque::new(),
            listing_error: None,
            failed: VecDeque::new(),
            limiter: RateLimiter::new(limit),
            round: 0,
            pages: 0,
            consecutive_failures: 0,
            failed_fetches: HashMap::new(),
            start,
        }
    }

    /// Waits until one more job has ended, or has to be given up. Returns `None` after the last one.
    async fn next(&mut self) -> Option<(JobId, Result<T, Error>)> {
        loop {
            if let Some((id, error)) = self.failed.pop_front() {
                return Some((id, Err(error)));
            }
            if let Some(job) = self.ready.pop_front() {
                if let Some(result) = self.fetch(&job).await {
                    return Some((job.id().clone(), result));
                }
            } else if let Some(error) = self.listing_error.take() {
                self.fail(error);
            } else if self.pending.is_empty() {
                return None;
            } else {
                self.delay().await;
                self.listing_error = self.list().await.err();
            }
        }
    }

    /// Sleeps between two rounds, longer each time.
    async fn delay(&mut self) {
        let clock = self.executor.clock();
        let delay = poll_delay(self.round, clock.random()).max(MIN_DELAY_PER_PAGE * self.pages);
        self.round = self.round.saturating_add(1);
        clock.sleep(delay).await;
    }

    /// Reads the listing, and moves jobs that have ended from `pending` to `ready`.
    async fn list(&mut self) -> Result<(), Error> {
        let mut statuses: HashMap<JobId, Option<JobStatus>> = self
            .pending
            .iter()
            .map(|job| (job.id().clone(), None))
            .collect();
        let mut missing = statuses.len();
        // Jobs that have ended still take up space in the listing, so all of them count.
        let pages = self.job_count.div_ceil(MAX_PAGE_SIZE as usize) + EXTRA_PAGES;
        let jobs = Jobs::new(Arc::clone(&self.executor));
        let mut cursor: Option<String> = None;
        self.pages = 0;
        for _ in 0..pages {
            self.acquire().await;
            self.pages += 1;
            let page = jobs.page(cursor.as_deref()).await?;
            for item in page.items {
                if let Some(status) = statuses.get_mut(&item.id) {
                    missing -= usize::from(status.is_none());
                    *status = Some(item.status);
                }
            }
            if missing == 0 || page.next_cursor.is_none() || page.next_cursor == cursor {
                break;
            }
            cursor = page.next_cursor;
        }
        self.consecutive_failures = 0;

        let (ended, pending): (Vec<_>, Vec<_>) = self.pending.drain(..).partition(|job| {
            let status = statuses.get(job.id()).and_then(Option::as_ref);
            status.is_some_and(JobStatus::is_final)
        });
        self.pending = pending;
        if !ended.is_empty() {
            // Jobs that were submitted together tend to end together.
            self.round = 0;
        }
        self.ready.extend(ended);
        self.take_unlisted(&statuses);
        Ok(())
    }

    /// Moves some of the jobs that are in none of the pages to `ready`, whatever their status: they are older than the
    /// listed ones, or not in the listing yet.
    fn take_unlisted(&mut self, statuses: &HashMap<JobId, Option<JobStatus>>) {
        let is_unlisted = |job: &Job<T>| statuses.get(job.id()).is_none_or(Option::is_none);
        let mut taken = 0;
        // Jobs that turn out not to have ended go back to the end of `pending`, so each gets its turn.
        let (unlisted, pending): (Vec<_>, Vec<_>) = self.pending.drain(..).partition(|job| {
            let take = taken < MAX_UNLISTED_POLLS && is_unlisted(job);
            taken += usize::from(take);
            take
        });
        self.pending = pending;
        self.ready.extend(unlisted);
    }

    /// Fetches a job. Returns `None`, and keeps waiting for it, if it has not ended.
    async fn fetch(&mut self, job: &Job<T>) -> Option<Result<T, Error>> {
        self.acquire().await;
        match job.read(None).await {
            Ok(State::Done(result)) => Some(Ok(result)),
            Ok(State::Unfinished(_)) => {
                self.pending.push(job.clone());
                None
            }
            Err(error) if self.tolerates(job, &error) => {
                self.pending.push(job.clone());
                None
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// Counts a failed fetch. Returns whether the wait for the job goes on in spite of it.
    fn tolerates(&mut self, job: &Job<T>, error: &Error) -> bool {
        if error.kind() == ErrorKind::NotFound {
            let now = self.executor.clock().now();
            return may_be_found_later(self.start, job.submitted, now);
        }
        let failures = self.failed_fetches.entry(job.id().clone()).or_default();
        *failures += 1;
        error.is_transient() && *failures < MAX_CONSECUTIVE_FAILURES
    }

    /// Waits until one more request is within the limit. A permit counts when it is acquired, so it is not kept.
    async fn acquire(&self) {
        drop(
            self.limiter
                .acquire(&self.executor.settings.clock, None)
                .await
                .ok(),
        );
    }

    /// Counts a failed round. Gives up every pending job if the error is not transient, as for an invalid API key, or if
    /// too many rounds have failed. The jobs keep running.
    fn fail(&mut self, error: Error) {
        self.consecutive_failures += 1;
        if error.is_transient() && self.consecutive_failures < MAX_CONSECUTIVE_FAILURES {
            return;
        }
        let error = Arc::new(error);
        let jobs = self.pending.drain(..);
        self.failed.extend(jobs.map(|job| {
            let error = error.shared("the jobs could not be listed");
            (job.id().clone(), error.with_job(job.id(), None))
        }));
    }
}
