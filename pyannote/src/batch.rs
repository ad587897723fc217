//! Waiting for many jobs at once.
//!
//! One request a job and look would soon be too many: a thousand jobs allow three such looks in ten minutes. The
//! listing tells the status of a hundred jobs in one request, so the jobs are followed there, and a body is fetched only
//! when it is ready.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::time::Duration;

use async_stream::stream;
use futures_core::Stream;

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::job::{Job, JobId, JobKind, JobStatus, State};
use crate::transport::{RateLimit, RateLimiter};

/// Reads a minute that one wait for many jobs allows itself: half of what the service allows the team, so that the rest
/// of the program goes on.
const READS: u32 = 150;
/// The rest that each page of the listing costs: so much that pages take half of the reads, and bodies have the others.
const REST_A_PAGE: Duration = Duration::from_millis(800);
/// How many pages beyond those that the jobs themselves fill are looked at: other jobs of the team stand between them.
const FURTHER_PAGES: usize = 3;
/// How many jobs that are on no page are looked at one by one in a round.
const LOOKED_AT: usize = 10;
/// How many rounds in a row may fail, with errors that may pass, before the jobs are given back.
const FAILURES: u32 = 3;

/// The results of many jobs, as they end.
pub type Results<T> = Pin<Box<dyn Stream<Item = (JobId, Result<T, Error>)> + Send>>;

impl Client {
    /// Waits for any number of jobs. Each comes as it ends, with its result or its error, in no certain order.
    ///
    /// It takes at most 150 requests a minute, however many jobs there are. A job whose wait ends in an error of a
    /// request (and not of the job) goes on: its id is in the item. An error that will not pass, as for a wrong key, ends
    /// the wait for all of them at once; others only after three rounds of requests that fail.
    ///
    /// ```no_run
    /// # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
    /// use futures_util::StreamExt;
    ///
    /// let mut jobs = Vec::new();
    /// for url in ["https://example.com/a.wav", "https://example.com/b.wav"] {
    ///     jobs.push(client.diarize(url).submit().await?);
    /// }
    /// let mut results = client.wait_all(jobs);
    /// while let Some((id, result)) = results.next().await {
    ///     match result {
    ///         Ok(diarization) => println!("{id}: {} turns", diarization.turns().len()),
    ///         Err(error) => println!("{id}: {error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_all<T: JobKind>(&self, jobs: impl IntoIterator<Item = Job<T>>) -> Results<T> {
        let batch = Batch::new(self.clone(), jobs.into_iter().collect());
        Box::pin(stream! {
            let mut batch = batch;
            while !batch.is_empty() {
                batch.rest().await;
                let failed = batch.look().await.err();
                while let Some(job) = batch.ready.pop_front() {
                    if let Some(result) = batch.fetch(&job).await {
                        yield (job.id().clone(), result);
                    }
                }
                if let Some(error) = failed {
                    for (id, error) in batch.give_back(&error) {
                        yield (id, Err(error));
                    }
                }
            }
        })
    }
}

struct Batch<T> {
    client: Client,
    /// How many jobs there were.
    jobs: usize,
    /// The jobs that have not ended, in the order in which they came.
    pending: Vec<Job<T>>,
    /// The jobs whose body is to be fetched.
    ready: VecDeque<Job<T>>,
    limiter: RateLimiter,
    round: u32,
    /// How many pages the last round took.
    pages: u32,
    /// How many rounds in a row failed.
    failures: u32,
    /// How many reads in a row failed of a job.
    failed_reads: HashMap<JobId, u32>,
    start: Duration,
}

impl<T: JobKind> Batch<T> {
    fn new(client: Client, jobs: Vec<Job<T>>) -> Self {
        let mut seen = std::collections::HashSet::new();
        let start = client.executor().clock().now();
        let pending: Vec<Job<T>> = jobs
            .into_iter()
            .filter(|job| seen.insert(job.id().clone()))
            .collect();
        Self {
            client,
            jobs: pending.len(),
            pending,
            ready: VecDeque::new(),
            limiter: RateLimiter::new(RateLimit::per_minute(READS)),
            round: 0,
            pages: 0,
            failures: 0,
            failed_reads: HashMap::new(),
            start,
        }
    }

    fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.ready.is_empty()
    }

    /// Waits between two rounds, longer each time.
    async fn rest(&mut self) {
        let clock = self.client.executor().clock();
        let delay = crate::wait::delay(self.round, clock.random()).max(REST_A_PAGE * self.pages);
        self.round = self.round.saturating_add(1);
        clock.sleep(delay).await;
    }

    /// Looks through the listing, and moves the jobs that have ended to those that are ready.
    async fn look(&mut self) -> Result<(), Error> {
        let mut statuses: HashMap<JobId, Option<JobStatus>> = self
            .pending
            .iter()
            .map(|job| (job.id().clone(), None))
            .collect();
        let mut unseen = statuses.len();
        // All jobs count, also those that have ended: they stand in the listing before the others.
        let pages = self.jobs.div_ceil(crate::jobs::LARGEST_PAGE as usize) + FURTHER_PAGES;
        let jobs = self.client.jobs();
        let mut cursor: Option<String> = None;
        self.pages = 0;
        for _ in 0..pages {
            self.admitted().await;
            self.pages += 1;
            let page = jobs.page(cursor.as_deref()).await?;
            for item in page.items {
                if let Some(status) = statuses.get_mut(&item.id) {
                    unseen -= usize::from(status.is_none());
                    *status = Some(item.status);
                }
            }
            if unseen == 0 || page.next_cursor.is_none() || page.next_cursor == cursor {
                break;
            }
            cursor = page.next_cursor;
        }
        self.failures = 0;

        let (ended, others): (Vec<_>, Vec<_>) = self.pending.drain(..).partition(|job| {
            let status = statuses.get(job.id()).and_then(Option::as_ref);
            status.is_some_and(JobStatus::is_final)
        });
        self.pending = others;
        if !ended.is_empty() {
            // Where one ends, more do.
            self.round = 0;
        }
        self.ready.extend(ended);
        self.take_unlisted(&statuses);
        Ok(())
    }

    /// Jobs that are on no page are older than those looked through, or not in the listing yet: a few of them are
    /// fetched whatever their status is.
    fn take_unlisted(&mut self, statuses: &HashMap<JobId, Option<JobStatus>>) {
        let unlisted: Vec<usize> = (0..self.pending.len())
            .filter(|index| {
                let job = self.pending.get(*index);
                job.is_some_and(|job| statuses.get(job.id()).is_none_or(Option::is_none))
            })
            .collect();
        // Those that have not ended go to the end of the line, so every one has its turn.
        for index in unlisted.into_iter().take(LOOKED_AT) {
            if let Some(job) = self.pending.get(index) {
                self.ready.push_back(job.clone());
            }
        }
        let taken: std::collections::HashSet<JobId> =
            self.ready.iter().map(|job| job.id().clone()).collect();
        self.pending.retain(|job| !taken.contains(job.id()));
    }

    /// Fetches a job: its result, or nothing where it turns out not to have ended, and waits on.
    async fn fetch(&mut self, job: &Job<T>) -> Option<Result<T, Error>> {
        self.admitted().await;
        match job.read().await {
            Ok(State::Done(result)) => Some(Ok(result)),
            Ok(State::Unfinished(_)) => {
                self.pending.push(job.clone());
                None
            }
            Err(error) if self.is_passing(job, &error) => {
                self.pending.push(job.clone());
                None
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// Whether a failed read is no reason to end the wait for a job.
    fn is_passing(&mut self, job: &Job<T>, error: &Error) -> bool {
        if error.kind() == ErrorKind::NotFound {
            let now = self.client.executor().clock().now();
            return crate::wait::is_young(self.start, job.submitted, now);
        }
        let failures = self.failed_reads.entry(job.id().clone()).or_default();
        *failures += 1;
        error.is_passing() && *failures < FAILURES
    }

    /// Leave for one more read. It is counted at once, so the permit is not kept.
    async fn admitted(&self) {
        drop(self.limiter.acquire(self.client.executor().clock()).await);
    }

    /// Every job with the error, where it will not pass (as for a wrong key) or too many rounds failed. Each goes on at the
    /// service.
    fn give_back(&mut self, error: &Error) -> Vec<(JobId, Error)> {
        self.failures += 1;
        if error.is_passing() && self.failures < FAILURES {
            return Vec::new();
        }
        let jobs = self.pending.drain(..);
        jobs.map(|job| {
            let error = error.again("the jobs could not be listed");
            (job.id().clone(), error.with_job(job.id(), None))
        })
        .collect()
    }
}
