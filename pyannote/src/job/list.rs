//! The listing of jobs.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::stream::unfold;
use serde_json::{Map, Value};

use super::creation_time::CreationTime;
use super::page::Pages;
use super::progress::{MAX_CONSECUTIVE_FAILURES, may_pass};
use super::{JobId, JobStatus, JobStream};
use crate::error::{Error, FieldError};
use crate::transport::{ApiResponse, Endpoint, Executor};

/// Maximum number of jobs in a page.
pub(super) const MAX_PAGE_SIZE: u32 = 100;

/// A query of the team's jobs, newest first.
///
/// ```no_run
/// # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
/// use futures_util::StreamExt;
/// use pyannote::JobStatus;
///
/// let mut jobs = client.jobs().status(JobStatus::Succeeded).stream();
/// while let Some(job) = jobs.next().await {
///     println!("{}", job?.id);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a query does nothing until it is run with `stream` or `page`"]
pub struct Jobs {
    executor: Arc<Executor>,
    status: Option<JobStatus>,
    created: CreationTime,
    page_size: u32,
    cursor: Option<String>,
}

/// A job in the listing, without its output.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct JobSummary {
    /// The id of the job.
    pub id: JobId,
    /// The status of the job. One that is not a string is `Other` with its JSON, such as `null`.
    pub status: JobStatus,
    /// When the job was submitted, if the service says so in a form that this version knows. If not, what it says is in
    /// [`extra`](Self::extra).
    pub created_at: Option<DateTime<Utc>>,
    /// All other fields, such as `type`, `model` and `completedAt`.
    pub extra: Map<String, Value>,
}

/// A page of the listing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct JobPage {
    /// The jobs, newest first.
    pub items: Vec<JobSummary>,
    /// The number of items without an id that could be read. They are not in [`items`](Self::items).
    pub skipped: usize,
    /// The cursor of the next page; `None` on the last one.
    pub next_cursor: Option<String>,
}

impl Jobs {
    pub(crate) fn new(executor: Arc<Executor>) -> Self {
        Self {
            executor,
            status: None,
            created: CreationTime::default(),
            page_size: MAX_PAGE_SIZE,
            cursor: None,
        }
    }

    /// Lists only jobs with this status.
    pub fn status(mut self, status: JobStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Lists only jobs that were created at this time or later.
    ///
    /// Jobs are listed newest first, so older pages are not fetched. Jobs without a valid time of creation are listed.
    pub fn created_after(mut self, time: DateTime<Utc>) -> Self {
        self.created.after = Some(time);
        self
    }

    /// Lists only jobs that were created before this time.
    ///
    /// The service cannot skip newer jobs, so their pages are fetched, too. Jobs without a valid time of creation are
    /// listed.
    pub fn created_before(mut self, time: DateTime<Utc>) -> Self {
        self.created.before = Some(time);
        self
    }

    /// Sets the number of jobs per request, 1 to 100. The default is 100.
    pub fn page_size(mut self, size: u32) -> Self {
        self.page_size = size;
        self
    }

    /// Starts the listing at the page of this cursor, a [`JobPage::next_cursor`].
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = Some(cursor.into());
        self
    }

    /// Fetches the page at `cursor`, or the page at which the listing starts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`](crate::ErrorKind::Validation) if the page size is out of range, and any error of a
    /// request.
    pub async fn page(&self, cursor: Option<&str>) -> Result<JobPage, Error> {
        let mut page = self.fetch_page(cursor).await?;
        if self.ends_in(&page) {
            page.next_cursor = None;
        }
        page.items
            .retain(|job| self.created.contains(job.created_at));
        Ok(page)
    }

    /// Returns whether the pages after this one have no jobs in the time of creation.
    fn ends_in(&self, page: &JobPage) -> bool {
        self.created
            .ends_in(page.items.iter().map(|job| job.created_at))
    }

    /// Fetches a page with jobs of any time.
    async fn fetch_page(&self, cursor: Option<&str>) -> Result<JobPage, Error> {
        if !(1..=MAX_PAGE_SIZE).contains(&self.page_size) {
            let message = format!("must be from 1 to {MAX_PAGE_SIZE}, got {}", self.page_size);
            let violation = FieldError::new("limit", message);
            return Err(Error::validation(
                "the page size is invalid",
                vec![violation],
            ));
        }
        let size = self.page_size.to_string();
        let mut query = vec![("limit", size.as_str())];
        if let Some(cursor) = cursor.or(self.cursor.as_deref()) {
            query.push(("cursor", cursor));
        }
        if let Some(status) = &self.status {
            query.push(("status", status.as_str()));
        }
        let executor = &self.executor;
        executor
            .read(Endpoint::ListJobs, "", &query, ApiResponse::decode)
            .await
    }

    /// Streams all jobs. Pages are fetched as they are needed.
    ///
    /// The stream ends after the last page. It also ends, with the jobs that were listed until then, if the service never
    /// says which page is the last one: at a cursor that it has used before, at a page that repeats the one before it,
    /// and after a hundred empty pages in a row. A warning is logged then.
    ///
    /// # Errors
    ///
    /// An error of the request for a page. All jobs of the pages before it were yielded, so to continue, poll the stream
    /// again: it requests the same page. It ends after an error that would repeat itself, such as an invalid API key, and
    /// after three errors in a row.
    pub fn stream(self) -> JobStream {
        let listing = Listing {
            pages: Pages::new(self.cursor.clone()),
            jobs: self,
            items: Vec::new().into_iter(),
            failures: 0,
        };
        JobStream::new(unfold(listing, |mut listing| async {
            let next = listing.next().await?;
            Some((next, listing))
        }))
    }
}

/// The state of a stream of jobs.
struct Listing {
    jobs: Jobs,
    pages: Pages,
    /// Jobs of the last page that were not yielded so far.
    items: std::vec::IntoIter<JobSummary>,
    /// Number of pages in a row that could not be fetched.
    failures: u32,
}

impl Listing {
    async fn next(&mut self) -> Option<Result<JobSummary, Error>> {
        loop {
            let created = self.jobs.created;
            if let Some(item) = self.items.find(|job| created.contains(job.created_at)) {
                return Some(Ok(item));
            }
            let cursor = self.pages.next.take()?;
            match self.jobs.fetch_page(cursor.as_deref()).await {
                Ok(page) => {
                    self.failures = 0;
                    let is_last = self.jobs.ends_in(&page);
                    self.items = self.pages.turn(page).into_iter();
                    if is_last {
                        self.pages.next = None;
                    }
                }
                Err(error) => {
                    self.failures += 1;
                    if may_pass(&error) && self.failures < MAX_CONSECUTIVE_FAILURES {
                        self.pages.next = Some(cursor);
                    }
                    return Some(Err(error));
                }
            }
        }
    }
}
