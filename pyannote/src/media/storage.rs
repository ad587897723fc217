//! What the storage behind a pre-signed URL answers, made into errors that say what to do.

use http::StatusCode;
use reqwest::Response;

use super::presigned::Presigned;
use crate::error::{Error, ErrorKind};
use crate::excerpt::excerpt;
use crate::transport::{Executor, Failure, Stop};

/// How much of an answer that is no success is read, in bytes. More than is shown of it.
const READ: usize = 16 * 1024;

/// The end of an attempt to which the storage gave no whole answer.
pub(super) fn lost(failure: Failure, cause: reqwest::Error) -> Stop {
    let error = unanswered(failure).with_source(cause);
    Stop::Failed { failure, error }
}

/// The end of an attempt that took too long.
pub(super) fn late() -> Stop {
    let failure = Failure::Timeout;
    let error = unanswered(failure);
    Stop::Failed { failure, error }
}

fn unanswered(failure: Failure) -> Error {
    let (kind, what) = match failure {
        Failure::Connect => (
            ErrorKind::Connect,
            "no connection to the storage could be made; check the network and a proxy",
        ),
        Failure::Timeout => (
            ErrorKind::Timeout,
            "the transfer took longer than it may; check the network, or set a longer attempt timeout",
        ),
        Failure::Reset | Failure::Body | Failure::Unsendable | Failure::Status { .. } => (
            ErrorKind::Network,
            "the connection to the storage was lost during the transfer; check the network, and try again",
        ),
    };
    Error::new(kind, what)
}

/// The end of an attempt that the storage refused.
pub(super) async fn refused(executor: &Executor, url: &Presigned, mut response: Response) -> Stop {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    // What is lost of the body is only an explanation.
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = READ.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() >= READ {
            break;
        }
    }
    let failure = executor.storage_failure(status, &headers);
    let retry_after = match failure {
        Failure::Status { retry_after, .. } => retry_after,
        _ => None,
    };
    let error = refusal(status, &url.redact(&body)).with_retry_after(retry_after);
    Stop::Failed { failure, error }
}

fn refusal(status: StatusCode, body: &str) -> Error {
    let (kind, what) = match status.as_u16() {
        401 | 403 => (
            ErrorKind::Forbidden,
            "the storage does not accept the pre-signed URL; check that the clock of this machine and a proxy in \
             between are right, and try again"
                .to_owned(),
        ),
        404 | 410 => (
            ErrorKind::NotFound,
            "the storage has no such medium; media are deleted 24 to 48 h after their upload"
                .to_owned(),
        ),
        413 => (
            ErrorKind::TooLarge,
            "the storage takes no recording of this size; compress it, or cut it into parts"
                .to_owned(),
        ),
        429 => (
            ErrorKind::RateLimited,
            "the storage takes no more requests at present; try again later".to_owned(),
        ),
        code @ 500..=599 => (
            ErrorKind::Server,
            format!("the storage failed with {code}; try again later"),
        ),
        code => (
            ErrorKind::UnexpectedStatus,
            format!("the storage answered with {code}, which was not expected"),
        ),
    };
    let said = match body.trim() {
        "" => "it gives no reason".to_owned(),
        body => format!("it answered: {}", excerpt(body.as_bytes())),
    };
    Error::new(kind, format!("{what} ({said})"))
        .with_status(status)
        .with_body(body.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_kind() {
        for (status, kind) in [
            (400, ErrorKind::UnexpectedStatus),
            (403, ErrorKind::Forbidden),
            (404, ErrorKind::NotFound),
            (413, ErrorKind::TooLarge),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Server),
            (503, ErrorKind::Server),
            (302, ErrorKind::UnexpectedStatus),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let error = refusal(status, "<Code>No</Code>");
            assert_eq!((error.kind(), error.status()), (kind, Some(status)));
            assert!(error.to_string().contains("<Code>No</Code>"), "{error}");
        }
    }
}
