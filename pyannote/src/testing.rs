//! For tests of this crate and of programs that use it. Not covered by semantic versioning.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::media::PresignedUrl;
use crate::results::body::{State, read};
use crate::transport::{ApiResponse, Created, Endpoint, RateHeaders, decode, status_error};
use crate::{Error, JobId, JobKind, JobPage};

pub use crate::transport::clock::{Clock, Sleep, SystemClock};
pub use crate::transport::manual_clock::ManualClock;

/// Decodes the body of a job that succeeded. Returns `None` if the job has not ended.
///
/// # Errors
///
/// The errors of a wait for the job.
pub fn result_of<T: JobKind>(body: Bytes) -> Result<Option<T>, Error> {
    match read(&body, &JobId::from("test"), false)? {
        State::Done(result) => Ok(Some(result)),
        State::Unfinished(_) => Ok(None),
    }
}

/// Reads the id in the response to a submission.
#[must_use]
pub fn submission(body: &[u8]) -> Option<JobId> {
    Created::read(body).map(|created| created.id)
}

/// Decodes a page of the listing.
///
/// # Errors
///
/// The errors of [`Jobs::page`](crate::Jobs::page).
pub fn page(body: &[u8]) -> Result<JobPage, Error> {
    decode(body)
}

/// Decodes the response to a request for a pre-signed URL, and returns its debug output.
///
/// # Errors
///
/// The errors of an upload.
pub fn presigned_url(body: Bytes) -> Result<String, Error> {
    let response = response(StatusCode::CREATED, HeaderMap::new(), body);
    Ok(format!(
        "{:?}",
        PresignedUrl::from_response(&response, false)?
    ))
}

/// Decodes the response to a submission that the service rejected.
#[must_use]
pub fn rejection(status: StatusCode, headers: HeaderMap, body: Bytes) -> Error {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let after = RateHeaders::parse(&headers, now).retry_after;
    let response = response(status, headers, body);
    status_error(Endpoint::Diarize, &response, after, now)
}

fn response(status: StatusCode, headers: HeaderMap, body: Bytes) -> ApiResponse {
    ApiResponse {
        status,
        headers,
        body,
    }
}
