//! Submits many requests with bounded concurrency.

use std::collections::HashMap;
use std::fmt;
use std::iter::Fuse;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::task::{self, JoinSet};
use tracing::Instrument;

use super::Request;
use crate::error::{Error, ErrorKind};
use crate::job::Job;
use crate::results::JobKind;

/// Enough for more than the default rate limit, if the service responds within seconds.
const DEFAULT_CONCURRENCY: usize = 16;

/// A stream that submits many requests; see [`Client::submit_all`](crate::Client::submit_all).
///
/// It yields the key of each request with its job or its error, in the order in which they are known.
#[must_use = "a stream does nothing unless it is polled"]
pub struct SubmitAll<I, K, T> {
    requests: Fuse<I>,
    concurrency: usize,
    /// Tasks, because a future that is not polled for a while could hold the first place in the queue of the rate
    /// limiter, and a submission in the body of the caller's loop would wait for it forever.
    tasks: JoinSet<Result<Job<T>, Error>>,
    /// The key of each task.
    keys: HashMap<task::Id, K>,
}

/// Nothing is pinned: requests are only taken from the iterator.
impl<I, K, T> Unpin for SubmitAll<I, K, T> {}

impl<I, K, T: JobKind> SubmitAll<I, K, T>
where
    I: Iterator<Item = (K, Request<T>)>,
{
    pub(crate) fn new(requests: I) -> Self {
        Self {
            requests: requests.fuse(),
            concurrency: DEFAULT_CONCURRENCY,
            tasks: JoinSet::new(),
            keys: HashMap::new(),
        }
    }

    /// Sets how many requests are submitted at the same time. The default is 16; 0 counts as 1.
    ///
    /// The rate limit applies as well. Unless the service takes many seconds to respond, a higher number only lets more
    /// requests wait for it.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.max(1);
        self
    }
}

impl<I, K, T: JobKind> Stream for SubmitAll<I, K, T>
where
    I: Iterator<Item = (K, Request<T>)>,
{
    type Item = (K, Result<Job<T>, Error>);

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            while this.tasks.len() < this.concurrency {
                let Some((key, request)) = this.requests.next() else {
                    break;
                };
                let submit = request.submit_through_queue(false).in_current_span();
                this.keys.insert(this.tasks.spawn(submit).id(), key);
            }
            let (id, result) = match ready!(this.tasks.poll_join_next_with_id(cx)) {
                None => return Poll::Ready(None),
                Some(Ok(joined)) => joined,
                // The runtime of the tasks shut down.
                Some(Err(error)) => {
                    let message = "the submission was aborted, and a billed job may exist";
                    let aborted = Error::new(ErrorKind::OutcomeUnknown, message);
                    (error.id(), Err(aborted.with_source(error)))
                }
            };
            if let Some(key) = this.keys.remove(&id) {
                return Poll::Ready(Some((key, result)));
            }
        }
    }
}

impl<I, K, T> fmt::Debug for SubmitAll<I, K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmitAll")
            .field("concurrency", &self.concurrency)
            .field("in_progress", &self.keys.len())
            .finish_non_exhaustive()
    }
}
