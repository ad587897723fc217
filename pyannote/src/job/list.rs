//! The listing of jobs.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::stream::try_unfold;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{JobId, JobStatus, JobStream};
use crate::error::{Error, FieldError};
use crate::transport::{Endpoint, Executor};

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
    page_size: u32,
    cursor: Option<String>,
}

/// A job in the listing, without its output.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JobSummary {
    /// The id of the job.
    pub id: JobId,
    /// The status of the job.
    pub status: JobStatus,
    /// When the job was submitted.
    pub created_at: DateTime<Utc>,
    /// All other fields, such as `type`, `model` and `completedAt`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A page of the listing.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JobPage {
    /// The jobs, newest first.
    pub items: Vec<JobSummary>,
    /// The cursor of the next page; `None` on the last one.
    pub next_cursor: Option<String>,
}

impl Jobs {
    pub(crate) fn new(executor: Arc<Executor>) -> Self {
        Self {
            executor,
            status: None,
            page_size: MAX_PAGE_SIZE,
            cursor: None,
        }
    }

    /// Lists only jobs with this status.
    pub fn status(mut self, status: JobStatus) -> Self {
        self.status = Some(status);
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
        let response = self
            .executor
            .call(Endpoint::ListJobs, "", &query, None)
            .await?;
        response.decode()
    }

    /// Streams all jobs. Pages are fetched as they are needed.
    ///
    /// # Errors
    ///
    /// The stream ends after an error.
    pub fn stream(self) -> JobStream {
        let first = Position {
            items: Vec::new().into_iter(),
            next: Some(self.cursor.clone()),
        };
        JobStream::new(try_unfold((self, first), |(jobs, mut position)| async {
            loop {
                if let Some(item) = position.items.next() {
                    return Ok(Some((item, (jobs, position))));
                }
                let Some(cursor) = position.next else {
                    return Ok(None);
                };
                let page = jobs.page(cursor.as_deref()).await?;
                position = Position {
                    items: page.items.into_iter(),
                    // A page whose next cursor is its own would be fetched forever.
                    next: match page.next_cursor {
                        Some(next) if cursor.as_ref() != Some(&next) => Some(Some(next)),
                        _ => None,
                    },
                };
            }
        }))
    }
}

/// How far a listing has been streamed.
struct Position {
    /// Rest of the page that was fetched last.
    items: std::vec::IntoIter<JobSummary>,
    /// Cursor of the next page, if there is one. The first page may have none.
    next: Option<Option<String>>,
}
