//! Waiting for many jobs at once.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream::unfold;

use super::watch::{WaitOptions, Waits};
use super::{Job, JobId};
use crate::error::Error;
use crate::results::JobKind;
use crate::transport::Executor;

/// Maximum number of results that are read at the same time, or kept until they are taken. A result can have 100 MB.
const CAPACITY: usize = 16;

/// The results of many jobs in the order in which the jobs end, from [`Client::wait_all`](crate::Client::wait_all).
///
/// It is a stream of the id of each job with its result, or its error. An error of one job does not affect the others.
/// A job that is passed twice is yielded once.
///
/// # Delay
///
/// All waits of a client, for one job or for many, share a limited number of requests: by default half of the rate limit
/// of each endpoint, 150 per minute. Up to 18 jobs are polled by themselves, after 1 s at first and after 20 s at last.
/// With more, their statuses are read from the listing, a hundred jobs per request, and each job is read when it has
/// ended:
///
/// - The end of a job is noticed within 2 s, or within the time for all pages with such jobs if that is longer: 0.4 s for
///   each hundred jobs, so 20 s for 5,000. If no job has ended for minutes, it takes a sixtieth of that time, up to 20 s.
/// - 150 results per minute are read. If jobs end faster, the results queue up: those of 1,000 jobs that end at the same
///   time take 7 min.
/// - Jobs that the listing does not show, such as old ones, take turns at being polled. They share the 150 reads with the
///   results, which come first: each of 1,000 such jobs is polled once in 7 min, and so are 1,000 jobs that have all
///   ended already.
/// - The listing may be out of date, so a job that it shows as unfinished is also polled by its id, every 10 min.
///
/// Set more requests with [`reads_per_minute`](Self::reads_per_minute) if the program makes few others. The service
/// deletes results 24 h after the end of a job.
///
/// Up to 16 results are read at the same time, so a slow one does not delay the others, and no more are read ahead if
/// the stream is not polled.
#[must_use = "a stream does nothing unless it is polled"]
pub struct Results<T> {
    executor: Arc<Executor>,
    /// The jobs, until the stream is polled.
    jobs: Vec<Job<T>>,
    options: WaitOptions,
    stream: Option<ResultStream<T>>,
}

type ResultStream<T> = Pin<Box<dyn Stream<Item = (JobId, Result<T, Error>)> + Send>>;

impl<T: JobKind> Results<T> {
    pub(crate) fn new(executor: Arc<Executor>, jobs: Vec<Job<T>>) -> Self {
        Self {
            executor,
            jobs,
            options: WaitOptions {
                timeout: None,
                elapsed: Duration::ZERO,
                polls_at_deadline: false,
                capacity: CAPACITY,
                reads_per_minute: None,
            },
            stream: None,
        }
    }

    /// Sets the maximum time to wait, from the first poll of the stream. The default is no limit.
    ///
    /// After it, each job without a result is yielded with an error of kind
    /// [`ErrorKind::WaitTimeout`](crate::ErrorKind::WaitTimeout), which says what is known of it. These jobs go on, and
    /// can be waited for again.
    ///
    /// ```no_run
    /// # async fn run(client: pyannote::Client, jobs: Vec<pyannote::Job<pyannote::Diarization>>) {
    /// use std::time::Duration;
    ///
    /// use futures_util::StreamExt;
    /// use pyannote::ErrorKind;
    ///
    /// let mut results = client.wait_all(jobs).timeout(Duration::from_secs(3600));
    /// while let Some((id, result)) = results.next().await {
    ///     match result {
    ///         Ok(diarization) => println!("{id}: {} turns", diarization.turns().len()),
    ///         Err(error) if error.kind() == ErrorKind::WaitTimeout => println!("{id}: later"),
    ///         Err(error) => println!("{id}: {error:#}"),
    ///     }
    /// }
    /// # }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Sets how many requests per minute are made to each of the two endpoints, a job and the listing of jobs. 0 counts
    /// as 1. The default is that of the client:
    /// [`ClientBuilder::wait_reads_per_minute`](crate::ClientBuilder::wait_reads_per_minute).
    ///
    /// Waits of the same client share their requests, so if there are several, the largest number applies to all. The
    /// client's rate limit remains in force.
    pub fn reads_per_minute(mut self, reads: u32) -> Self {
        self.options.reads_per_minute = Some(reads.max(1));
        self
    }

    fn start(&mut self) -> ResultStream<T> {
        let waits = Waits::start(&self.executor, std::mem::take(&mut self.jobs), self.options);
        Box::pin(unfold(waits, |mut waits| async {
            let result = waits.next().await?;
            Some((result, waits))
        }))
    }
}

impl<T: JobKind> Stream for Results<T> {
    type Item = (JobId, Result<T, Error>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.start(),
        };
        let item = stream.as_mut().poll_next(cx);
        self.stream = Some(stream);
        item
    }
}

impl<T> fmt::Debug for Results<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").finish_non_exhaustive()
    }
}
