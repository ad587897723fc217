//! What the service answered, read: into a type, or into an error that says what to do.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, FieldError};
use crate::excerpt::excerpt;

/// An answer, with its body in memory.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The answer, for the bindings, to a request that was not sent: this client's own "too many requests".
    pub(crate) fn not_sent() -> Self {
        const BODY: &str = r#"{"requestId":"","message":"the rate limit of this client left no room: nothing was sent"}"#;
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            headers: HeaderMap::new(),
            body: Bytes::from_static(BODY.as_bytes()),
        }
    }

    /// The answer without the key, which a gateway in between may repeat when it refuses it.
    pub(crate) fn without(&self, authorization: &HeaderValue) -> Self {
        let key = authorization
            .to_str()
            .unwrap_or_default()
            .trim_start_matches("Bearer ");
        let body = String::from_utf8_lossy(&self.body);
        let mut answer = self.clone();
        if !key.is_empty() && body.contains(key) {
            answer.body = body.replace(key, "…").into();
        }
        answer
    }

    pub(crate) fn into_response(self) -> reqwest::Response {
        let mut response = http::Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.into()
    }

    /// Reads the body as a `T`.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        decode(&self.body).map_err(|error| {
            error
                .with_status(self.status)
                .with_request_id(request_id(&self.headers))
        })
    }
}

/// Reads JSON. On failure a second pass finds out where: a path costs time for each of millions of scores, so only a
/// failure pays for it.
pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let path = serde_path_to_error::deserialize::<_, T>(&mut deserializer)
            .err()
            .map(|error| shown(&error.path().to_string()))
            .filter(|path| path != ".");
        undecoded(body, path, &error)
    })
}

fn undecoded(body: &[u8], path: Option<String>, error: &serde_json::Error) -> Error {
    let place = path.map_or_else(String::new, |path| format!(" at {path}"));
    let what = match error.classify() {
        serde_json::error::Category::Data => "does not have the expected form",
        serde_json::error::Category::Eof => "ends too early",
        _ => "is not JSON",
    };
    let shown = excerpt(body);
    let reason = excerpt(error.to_string().as_bytes());
    let message = format!("the answer {what}{place}: {reason}; it starts with: {shown}");
    Error::new(ErrorKind::Decode, message).with_body(body)
}

/// The bodies of errors, both forms in one, and nothing required: an error must not fail to be read.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ErrorBody {
    message: Option<String>,
    request_id: Option<String>,
    errors: Option<Vec<ErrorField>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorField {
    field: String,
    message: String,
}

/// The error for an answer that is no success.
pub(crate) fn refusal(
    endpoint: Endpoint,
    answer: &Answer,
    retry_after: Option<Duration>,
    now: SystemTime,
) -> Error {
    let body: ErrorBody = serde_json::from_slice(&answer.body).unwrap_or_default();
    let said = match body.message.as_deref().map(str::trim) {
        Some(message) if !message.is_empty() => {
            format!("the service says: {}", excerpt(message.as_bytes()))
        }
        _ if answer.body.is_empty() => "the service gives no reason".to_owned(),
        _ => format!("it answered: {}", excerpt(&answer.body)),
    };
    let status = answer.status.as_u16();
    let (kind, what) = match status {
        400 => (ErrorKind::Validation, "the service refuses the request".to_owned()),
        401 => (
            ErrorKind::Unauthorized,
            "the API key is not accepted; check PYANNOTEAI_API_KEY, or make a new key in the dashboard".to_owned(),
        ),
        402 => (
            ErrorKind::PaymentRequired,
            "the team has no credit or subscription for this; see its billing page in the dashboard".to_owned(),
        ),
        403 => (
            ErrorKind::Forbidden,
            match endpoint.scope() {
                Some(scope) => format!(
                    "the API key may not do this; it needs the scope {scope}, and the team access to the feature"
                ),
                None => "the API key may not do this".to_owned(),
            },
        ),
        404 => (
            ErrorKind::NotFound,
            match endpoint {
                Endpoint::GetJob => "there is no such job in the team of this API key".to_owned(),
                Endpoint::MediaOutput => {
                    "there is no such medium; media are deleted 24 to 48 h after their upload".to_owned()
                }
                _ => "there is nothing at this address; check the base URL".to_owned(),
            },
        ),
        408 => (ErrorKind::Timeout, "the service gave up waiting for the request".to_owned()),
        413 => (
            ErrorKind::TooLarge,
            "the request is too large; recordings may have 1 GiB and 24 h".to_owned(),
        ),
        429 => (
            ErrorKind::RateLimited,
            match retry_after {
                Some(after) => format!("too many requests; try again {}", until(after, now)),
                None => "too many requests; try again later".to_owned(),
            },
        ),
        500..=599 => (ErrorKind::Server, format!("the service failed with {status}")),
        _ => (ErrorKind::UnexpectedStatus, format!("the service answered with {status}, which was not expected")),
    };
    let request_id = body
        .request_id
        .map(|id| shown(&id))
        .or_else(|| request_id(&answer.headers));
    let fields = body.errors.unwrap_or_default();
    let error = if kind == ErrorKind::Validation {
        let fields = fields
            .into_iter()
            .map(|error| FieldError::new(shown(&error.field), shown(&error.message)))
            .collect();
        Error::validation(format!("{what} ({said})"), fields)
    } else {
        Error::new(kind, format!("{what} ({said})"))
    };
    error
        .with_status(answer.status)
        .with_request_id(request_id)
        .with_retry_after(retry_after)
        .with_body(&answer.body)
}

fn until(after: Duration, now: SystemTime) -> String {
    let seconds = after.as_secs_f64().ceil();
    // No date beyond what a date can be: the header may say anything.
    match now
        .checked_add(after)
        .filter(|_| after < Duration::from_secs(30 * 86_400))
    {
        Some(then) => format!("in {seconds} s, at {}", httpdate::fmt_http_date(then)),
        None => format!("in {seconds} s"),
    }
}

/// A text of the service's, as it may be shown.
fn shown(text: &str) -> String {
    excerpt(text.as_bytes())
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("x-request-id")?.to_str().ok()?;
    Some(excerpt(value.as_bytes()))
}
