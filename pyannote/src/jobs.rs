//! The listing of jobs.

use std::collections::VecDeque;

use async_stream::try_stream;
use chrono::{DateTime, Utc};
use futures_core::Stream;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::client::Client;
use crate::error::{Error, FieldError};
use crate::job::{JobId, JobStatus};
use crate::transport::Endpoint;

/// The greatest number of jobs in a page.
pub(crate) const LARGEST_PAGE: u32 = 100;

/// The jobs of the team, newest first: a query, until it is run.
///
/// ```no_run
/// # async fn run(client: pyannote::Client) -> Result<(), pyannote::Error> {
/// use futures_util::StreamExt;
/// use pyannote::JobStatus;
///
/// let mut jobs = std::pin::pin!(client.jobs().status(JobStatus::Succeeded).stream());
/// while let Some(job) = jobs.next().await {
///     println!("{}", job?.id);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a query does nothing unless it is run"]
pub struct Jobs {
    client: Client,
    status: Option<JobStatus>,
    page_size: u32,
}

/// A job in the listing. Its output is not in there.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JobSummary {
    /// The id of the job.
    pub id: JobId,
    /// Where it stands.
    pub status: JobStatus,
    /// When it was submitted.
    pub created_at: DateTime<Utc>,
    /// What else the service says, such as `type`, `model` and `completedAt`.
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
    /// Where the next page begins; none on the last one.
    pub next_cursor: Option<String>,
}

impl Jobs {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            status: None,
            page_size: LARGEST_PAGE,
        }
    }

    /// Only jobs with this status.
    pub fn status(mut self, status: JobStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// How many jobs to ask for in one request, 1 to 100; 100 unless set.
    pub fn page_size(mut self, size: u32) -> Self {
        self.page_size = size;
        self
    }

    /// One page: the first, or the one at a cursor.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`](crate::ErrorKind::Validation) for a page size out of its range, and any error of a
    /// request.
    pub async fn page(&self, cursor: Option<&str>) -> Result<JobPage, Error> {
        if !(1..=LARGEST_PAGE).contains(&self.page_size) {
            let violation = FieldError::new(
                "limit",
                format!("must be from 1 to 100, and is {}", self.page_size),
            );
            return Err(Error::validation(
                "the jobs cannot be listed",
                vec![violation],
            ));
        }
        let size = self.page_size.to_string();
        let mut query = vec![("limit", size.as_str())];
        if let Some(cursor) = cursor {
            query.push(("cursor", cursor));
        }
        if let Some(status) = &self.status {
            query.push(("status", status.as_str()));
        }
        let answer = self
            .client
            .executor()
            .call(Endpoint::ListJobs, "", &query, None)
            .await?;
        answer.decode()
    }

    /// All jobs, page by page as they are asked for.
    ///
    /// # Errors
    ///
    /// The stream ends after an error.
    pub fn stream(self) -> impl Stream<Item = Result<JobSummary, Error>> + Send {
        try_stream! {
            let mut cursor: Option<String> = None;
            loop {
                let page = self.page(cursor.as_deref()).await?;
                let mut items = VecDeque::from(page.items);
                while let Some(item) = items.pop_front() {
                    yield item;
                }
                // A page that points to itself would never end.
                if page.next_cursor.is_none() || page.next_cursor == cursor {
                    return;
                }
                cursor = page.next_cursor;
            }
        }
    }
}
