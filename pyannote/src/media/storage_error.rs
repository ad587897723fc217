//! Errors of the object storage behind a pre-signed URL.

use http::StatusCode;
use reqwest::Response;

use super::presigned::PresignedUrl;
use crate::error::{Error, ErrorKind};
use crate::redact::excerpt;
use crate::transport::{
    BodyError, Executor, Failure, PROXY_AUTHENTICATION_REQUIRED, TransferError,
};

/// How much of the body of an error response is read; the error message shows less.
const MAX_BODY_BYTES: u64 = 16 * 1024;

/// The error of an attempt without a complete response.
pub(super) fn no_response(failure: Failure, source: Option<reqwest::Error>) -> TransferError {
    let error = failure_error(failure);
    let error = match source {
        Some(source) => error.with_source(source),
        None => error,
    };
    TransferError::Transient { failure, error }
}

/// The error of an attempt whose response could not be read completely.
pub(super) fn unreadable(error: BodyError) -> TransferError {
    let failure = error.failure();
    let source = match error {
        BodyError::Client(source) => Some(source),
        BodyError::Stalled | BodyError::TooLarge { .. } => None,
    };
    no_response(failure, source)
}

fn failure_error(failure: Failure) -> Error {
    let (kind, message) = match failure {
        Failure::Connect => (
            ErrorKind::Connect,
            "could not connect to the storage; check the network and the proxy",
        ),
        Failure::ProxyAuthentication => (ErrorKind::Config, PROXY_AUTHENTICATION_REQUIRED),
        Failure::Timeout => (
            ErrorKind::Timeout,
            "the transfer timed out; check the network, or set a longer attempt timeout",
        ),
        Failure::Stalled => (
            ErrorKind::Timeout,
            "no data was transferred for the duration of the stall timeout; check the network, or set a longer one with \
             `.stall_timeout(duration)`",
        ),
        Failure::ConnectionLost
        | Failure::IncompleteBody
        | Failure::TooLarge { .. }
        | Failure::Unsendable
        | Failure::NoJobId
        | Failure::Undecodable
        | Failure::Status { .. } => (
            ErrorKind::Network,
            "the connection to the storage was lost during the transfer; check the network, and try again",
        ),
    };
    Error::new(kind, message)
}

/// The error of an attempt whose response has a status other than success.
pub(super) async fn error_response(
    executor: &Executor,
    url: &PresignedUrl,
    response: Response,
) -> TransferError {
    let (status, headers) = (response.status(), response.headers().clone());
    // If reading fails, only an explanation is lost.
    let body = executor.body(response, MAX_BODY_BYTES).start().await;
    let rejection = rejection(status, &body);
    let failure = match rejection {
        Some(Rejection::Idle) => Failure::Timeout,
        _ => executor.storage_failure(status, &headers),
    };
    let retry_after = match failure {
        Failure::Status { retry_after, .. } => retry_after,
        _ => None,
    };
    let error = status_error(status, &url.redact(&body)).with_retry_after(retry_after);
    match rejection {
        Some(Rejection::Url) => TransferError::UrlRejected { failure, error },
        Some(Rejection::Idle) | None => TransferError::Transient { failure, error },
    }
}

/// Why a storage rejected a request that another attempt may succeed with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rejection {
    /// The pre-signed URL, which may have expired.
    Url,
    /// The connection was idle for too long.
    Idle,
}

/// Finds the reason in the response of Amazon S3, Google Cloud Storage, Azure Blob Storage, or a storage like them.
fn rejection(status: StatusCode, body: &[u8]) -> Option<Rejection> {
    let body = String::from_utf8_lossy(body).to_ascii_lowercase();
    let has = |texts: &[&str]| texts.iter().any(|text| body.contains(text));
    match status.as_u16() {
        // Some proxies in front of a storage give no reason, so only what cannot change rules out a new URL. Azure says
        // the last one, and gives an expired URL the same code.
        401 | 403
            if !has(&[
                "signaturedoesnotmatch",
                "invalidaccesskeyid",
                "signature did not match",
            ]) =>
        {
            Some(Rejection::Url)
        }
        400 if has(&["<code>requesttimeout</code>"]) => Some(Rejection::Idle),
        400 if has(&["expired", "requesttimetooskewed"]) => Some(Rejection::Url),
        _ => None,
    }
}

fn status_error(status: StatusCode, body: &str) -> Error {
    let (kind, problem) = match status.as_u16() {
        401 | 403 => (
            ErrorKind::Forbidden,
            "the storage rejected the pre-signed URL; check the proxy and the clock of the service, and try again"
                .to_owned(),
        ),
        404 | 410 => (
            ErrorKind::NotFound,
            "the storage has no such media object; media is deleted 24 to 48 h after upload"
                .to_owned(),
        ),
        // Sent by the proxy, not by the storage.
        407 => (ErrorKind::Config, PROXY_AUTHENTICATION_REQUIRED.to_owned()),
        413 => (
            ErrorKind::TooLarge,
            "the recording is too large for the storage; compress it, or split it".to_owned(),
        ),
        429 => (
            ErrorKind::RateLimited,
            "too many requests to the storage; try again later".to_owned(),
        ),
        code @ 500..=599 => (
            ErrorKind::Server,
            format!("the storage failed with status {code}; try again later"),
        ),
        code => (
            ErrorKind::UnexpectedStatus,
            format!("the storage returned the unexpected status {code}"),
        ),
    };
    let details = match body.trim() {
        "" => "no reason given".to_owned(),
        body => format!("the response was: {}", excerpt(body.as_bytes())),
    };
    Error::new(kind, format!("{problem} ({details})"))
        .with_status(status)
        .with_body(body.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_of_each_status() {
        for (status, kind) in [
            (400, ErrorKind::UnexpectedStatus),
            (403, ErrorKind::Forbidden),
            (404, ErrorKind::NotFound),
            (407, ErrorKind::Config),
            (413, ErrorKind::TooLarge),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Server),
            (503, ErrorKind::Server),
            (302, ErrorKind::UnexpectedStatus),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let error = status_error(status, "<Code>No</Code>");
            assert_eq!((error.kind(), error.status()), (kind, Some(status)));
            assert!(error.to_string().contains("<Code>No</Code>"), "{error}");
        }
    }

    #[test]
    fn which_rejections_are_worth_another_attempt() {
        for (status, body, expected) in [
            (
                403,
                "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
                Some(Rejection::Url),
            ),
            (
                403,
                "<Error><Code>RequestTimeTooSkewed</Code></Error>",
                Some(Rejection::Url),
            ),
            (403, "", Some(Rejection::Url)),
            (401, "", Some(Rejection::Url)),
            // Cloudflare R2, and Azure.
            (
                403,
                "<Error><Code>ExpiredRequest</Code></Error>",
                Some(Rejection::Url),
            ),
            (
                403,
                "<Error><Code>AuthenticationFailed</Code><AuthenticationErrorDetail>Signed expiry time \
                 [Thu, 06 Nov 2025 00:00:00 GMT] must be after signed start time</AuthenticationErrorDetail></Error>",
                Some(Rejection::Url),
            ),
            (
                403,
                "<Error><Code>AuthenticationFailed</Code><AuthenticationErrorDetail>Signature did not match. String to \
                 sign used was …</AuthenticationErrorDetail></Error>",
                None,
            ),
            (
                403,
                "<Error><Code>SignatureDoesNotMatch</Code></Error>",
                None,
            ),
            (403, "<Error><Code>InvalidAccessKeyId</Code></Error>", None),
            // Amazon S3, and Google Cloud Storage.
            (
                400,
                "<Error><Code>RequestTimeout</Code></Error>",
                Some(Rejection::Idle),
            ),
            (
                400,
                "<Error><Code>RequestTimeTooSkewed</Code></Error>",
                Some(Rejection::Url),
            ),
            (
                400,
                "<Error><Code>ExpiredToken</Code><Details>Request signature expired at: …</Details></Error>",
                Some(Rejection::Url),
            ),
            (400, "<Error><Code>EntityTooLarge</Code></Error>", None),
            (400, "", None),
            (404, "expired", None),
            (500, "expired", None),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let found = rejection(status, body.as_bytes());
            assert_eq!(found, expected, "{status} {body}");
        }
    }
}
