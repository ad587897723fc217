//! Jobs: handles, waiting and listing.

mod creation_time;
pub(crate) mod id;
mod list;
mod page;
mod progress;
pub(crate) mod status;
mod stream;
mod wait;
mod wait_all;
mod watch;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::{Error, FieldError};
use crate::results::JobKind;
use crate::results::body::{State, read};
use crate::transport::{ApiResponse, Created, Endpoint, Executor};
use crate::webhook::Event;

pub use id::JobId;
pub use list::{JobPage, JobSummary, Jobs};
pub use status::JobStatus;
pub use stream::{JobStream, Statuses};
pub use wait::Wait;
pub use wait_all::Results;

/// A handle to a job whose result is a `T`. Dropping it does not cancel the job.
pub struct Job<T> {
    executor: Arc<Executor>,
    id: JobId,
    warning: Option<String>,
    /// When this client submitted the job, by the client's clock.
    submitted: Option<Duration>,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Job<T> {
    fn clone(&self) -> Self {
        Self {
            executor: Arc::clone(&self.executor),
            id: self.id.clone(),
            warning: self.warning.clone(),
            submitted: self.submitted,
            kind: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id)
            .field("warning", &self.warning)
            .finish_non_exhaustive()
    }
}

impl<T: JobKind> Job<T> {
    /// Creates a handle to a job that exists already.
    pub(crate) fn existing(executor: Arc<Executor>, id: JobId) -> Self {
        Self {
            executor,
            id,
            warning: None,
            submitted: None,
            kind: PhantomData,
        }
    }

    /// Creates a handle to the job of an accepted submission.
    pub(crate) fn accepted(executor: Arc<Executor>, created: Created) -> Self {
        Self {
            submitted: Some(executor.clock().now()),
            executor,
            id: created.id,
            warning: created.warning,
            kind: PhantomData,
        }
    }

    /// Returns the id of the job.
    #[must_use]
    pub fn id(&self) -> &JobId {
        &self.id
    }

    /// Returns the warning of the service when it accepted the job.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Fetches the current status of the job.
    ///
    /// # Errors
    ///
    /// Any error of a request; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the job does not exist, or is too new to be found.
    pub async fn status(&self) -> Result<JobStatus, Error> {
        fetch(&self.executor, &self.id, status_in).await
    }

    /// Waits for the end of the job by polling. Await the returned [`Wait`], or set its [`timeout`](Wait::timeout)
    /// first.
    ///
    /// Any number of waits may run at the same time. They share the client's requests, and none fails because others come
    /// first: see [`Results`](Results#delay) for the delays.
    ///
    /// ```no_run
    /// # async fn run(job: pyannote::Job<pyannote::Diarization>) -> Result<(), pyannote::Error> {
    /// use std::time::Duration;
    /// use pyannote::ErrorKind;
    ///
    /// match job.wait().timeout(Duration::from_secs(600)).await {
    ///     Ok(diarization) => println!("{} turns", diarization.turns().len()),
    ///     Err(error) if error.kind() == ErrorKind::WaitTimeout => println!("later: {}", job.id()),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait(&self) -> Wait<T> {
        Wait::new(self.clone())
    }

    /// Waits for the end of the job by polling and by webhook events, whichever comes first.
    ///
    /// `events` is a stream of the events that the program's webhook receiver verified. Events of other jobs are
    /// ignored, and so are those that do not report the end of the job. When the stream ends, polling continues.
    ///
    /// ```no_run
    /// # async fn run(
    /// #     job: pyannote::Job<pyannote::Diarization>,
    /// #     events: impl futures_core::Stream<Item = pyannote::webhook::Event> + Send + 'static,
    /// # ) -> Result<(), pyannote::Error> {
    /// use std::time::Duration;
    ///
    /// let diarization = job.wait_or_event(events).timeout(Duration::from_secs(3600)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_or_event(&self, events: impl Stream<Item = Event> + Send + 'static) -> Wait<T> {
        self.wait().or_event(events)
    }

    /// Polls the status of the job, and yields it when it changes, ending with the final one.
    ///
    /// Each stream polls by itself, after 1 s at first and after 20 s at last: 8 requests in the first minute, and 3 in
    /// each later one. They count toward the rate limit of the client, but unlike [waits](Self::wait), streams share
    /// neither requests nor the listing. To follow more than a few jobs, use [`Client::wait_all`](crate::Client::wait_all)
    /// for their results, or [`Client::jobs`](crate::Client::jobs) for their statuses.
    ///
    /// # Errors
    ///
    /// The stream ends after an error. Call this again to continue.
    pub fn statuses(&self) -> Statuses {
        wait::statuses(self.clone())
    }

    /// Polls the job, within `timeout` if that is less than the client's total timeout.
    async fn read(&self, timeout: Option<Duration>) -> Result<State<T>, Error> {
        let keep_raw = self.executor.settings.keep_raw_bodies;
        self.poll(timeout, |response| {
            let state = read(&response.body, &self.id, keep_raw);
            state.map_err(|error| response.describe(error))
        })
        .await
    }

    /// Polls the status of the job.
    async fn read_status(&self) -> Result<JobStatus, Error> {
        self.poll(None, status_in).await
    }

    async fn poll<R: Send>(
        &self,
        timeout: Option<Duration>,
        decode: impl Fn(&ApiResponse) -> Result<R, Error> + Send + Sync,
    ) -> Result<R, Error> {
        let segment = path_segment(&self.id)?;
        self.executor
            .poll(timeout, Endpoint::GetJob, &segment, &[], decode)
            .await
            .map_err(|error| error.with_job(&self.id, None))
    }
}

/// The status in the body of a job.
fn status_in(response: &ApiResponse) -> Result<JobStatus, Error> {
    #[derive(Deserialize)]
    struct Body {
        status: JobStatus,
    }
    Ok(response.decode::<Body>()?.status)
}

/// The id of a job as a part of a path.
fn path_segment(id: &JobId) -> Result<String, Error> {
    id.path_segment().ok_or_else(|| {
        let violation = FieldError::new("jobId", format!("{:?} is not a job id", id.as_str()));
        Error::validation("the job id is invalid", vec![violation]).with_job(id, None)
    })
}

/// Fetches and decodes the body of a job of any kind.
async fn fetch<R: Send>(
    executor: &Arc<Executor>,
    id: &JobId,
    decode: impl Fn(&ApiResponse) -> Result<R, Error> + Send + Sync,
) -> Result<R, Error> {
    let segment = path_segment(id)?;
    executor
        .read(Endpoint::GetJob, &segment, &[], decode)
        .await
        .map_err(|error| error.with_job(id, None))
}

/// Fetches the body of a job of any kind, and checks that it is JSON.
pub(crate) async fn job_json(executor: &Arc<Executor>, id: &JobId) -> Result<Bytes, Error> {
    fetch(executor, id, |response| {
        match response.decode::<IgnoredAny>() {
            Ok(_) => Ok(response.body.clone()),
            Err(error) => Err(error.with_job_json(&response.body)),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, Diarization, ErrorKind};

    #[tokio::test]
    async fn invalid_ids_are_rejected_before_anything_is_sent() {
        let client = Client::builder().api_key("key").build().unwrap();
        for id in ["", ".", ".."] {
            let job: Job<Diarization> = client.job(id);
            for error in [
                job.status().await.unwrap_err(),
                job.wait().await.unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::Validation);
                assert_eq!(error.field_errors()[0].field, "jobId");
            }
        }
    }
}
