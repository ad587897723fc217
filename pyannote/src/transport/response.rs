//! API responses: decoding a successful one, and turning any other into an error.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::debug;

use super::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, FieldError};
use crate::json::without_bom;
use crate::redact::Excerpt;

/// Retry times further away than this are printed as a number of seconds only: the header may contain any number.
const MAX_RETRY_DATE_DISTANCE: Duration = Duration::from_secs(30 * 86_400);

/// Maximum number of violations that are kept of a response, which may list millions.
const MAX_FIELD_ERRORS: usize = 100;

/// The message for status 407, also from the proxy of a transfer.
pub(crate) const PROXY_AUTHENTICATION_REQUIRED: &str =
    "the proxy requires authentication; set its user and password in `.proxy(url)`";

/// A response of the API with its body in memory.
#[derive(Clone, Debug)]
pub(crate) struct ApiResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl ApiResponse {
    /// For the bindings: a 429 without a request, because the rate limiter did not admit it in time.
    pub(crate) fn rate_limited() -> Self {
        Self::local(
            StatusCode::TOO_MANY_REQUESTS,
            r#"{"requestId":"","message":"the rate limit of this client was reached; nothing was sent"}"#,
        )
    }

    /// For the bindings: a 400 without a request, because its body is a stream and could not be retried.
    pub(crate) fn unsendable() -> Self {
        Self::local(
            StatusCode::BAD_REQUEST,
            r#"{"requestId":"","message":"the request body is a stream, which cannot be retried; nothing was sent"}"#,
        )
    }

    fn local(status: StatusCode, body: &'static str) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    /// Logs that the response arrived.
    pub(crate) fn trace(&self) {
        debug!(
            "http.response.status_code" = self.status.as_u16(),
            "http.response.body.size" = self.body.len(),
            "response"
        );
    }

    pub(crate) fn into_reqwest(self) -> reqwest::Response {
        let mut response = http::Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.into()
    }

    /// For the bindings: a response whose body fails with an error when it is read.
    pub(crate) fn into_unreadable(self, error: Error) -> reqwest::Response {
        let body = stream::iter([Err::<Bytes, _>(error)]);
        let mut response = http::Response::new(reqwest::Body::wrap_stream(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.into()
    }

    /// Deserializes the body as JSON.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        decode(&self.body).map_err(|error| self.describe(error))
    }

    /// Adds to an error about this response its status and the id of the request.
    pub(crate) fn describe(&self, error: Error) -> Error {
        error
            .with_status(self.status)
            .with_request_id(request_id(&self.headers))
    }
}

/// Deserializes JSON.
pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    let json = without_bom(body);
    serde_json::from_slice(json).map_err(|error| undecodable::<T>(json, &error))
}

/// The error for JSON that cannot be deserialized.
///
/// A second pass finds the path to the error. Tracking the path costs time for each of millions of scores, so only
/// failures pay for it.
pub(crate) fn undecodable<T: DeserializeOwned>(json: &[u8], error: &serde_json::Error) -> Error {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let path = serde_path_to_error::deserialize::<_, T>(&mut deserializer)
        .err()
        .map(|error| error.path().to_string())
        .filter(|path| path != ".")
        .map(Excerpt::new);
    decode_error(json, path, error)
}

fn decode_error(body: &[u8], path: Option<Excerpt>, error: &serde_json::Error) -> Error {
    let location = path.map_or_else(String::new, |path| format!(" at {path}"));
    let problem = match error.classify() {
        serde_json::error::Category::Data => "does not have the expected form",
        serde_json::error::Category::Eof => "is truncated",
        _ => "is not valid JSON",
    };
    let reason = Excerpt::new(error.to_string());
    let start = Excerpt::new(body);
    let message = format!("the response {problem}{location}: {reason}; it starts with: {start}");
    Error::new(ErrorKind::Decode, message).with_body(body)
}

/// The error for a successful response to a submission that has no job id.
pub(crate) fn no_job_id(response: &ApiResponse) -> Error {
    let message = match response.body.is_empty() {
        true => "the response has no job id: it is empty".to_owned(),
        false => format!(
            "the response has no job id; it starts with: {}",
            Excerpt::new(&response.body)
        ),
    };
    Error::new(ErrorKind::Decode, message)
        .with_status(response.status)
        .with_request_id(request_id(&response.headers))
        .with_body(&response.body)
}

/// What an error body says. Both documented forms are read, and whatever else can be read: an invalid part must not
/// hide the others.
#[derive(Debug, Default)]
struct ErrorBody {
    message: Option<Excerpt>,
    request_id: Option<Excerpt>,
    errors: Vec<FieldError>,
}

impl ErrorBody {
    fn read(body: &[u8]) -> Self {
        let Ok(Value::Object(body)) = serde_json::from_slice(without_bom(body)) else {
            return Self::default();
        };
        let errors = body.get("errors").and_then(Value::as_array);
        Self {
            message: body.get("message").and_then(explanation),
            request_id: body.get("requestId").and_then(explanation),
            errors: errors
                .into_iter()
                .flatten()
                .filter_map(field_error)
                .take(MAX_FIELD_ERRORS)
                .collect(),
        }
    }
}

/// A violation in the documented form, or an explanation that names no field.
fn field_error(error: &Value) -> Option<FieldError> {
    let field = error.get("field").and_then(explanation);
    let message = error.get("message").and_then(explanation);
    if field.is_none() && message.is_none() {
        return Some(FieldError::new("", explanation(error)?.into_string()));
    }
    let [field, message] =
        [field, message].map(|text| text.map_or_else(String::new, Excerpt::into_string));
    Some(FieldError::new(field, message))
}

/// Text for people: a string, a number, or several of them. `None` if there is nothing to read.
fn explanation(value: &Value) -> Option<Excerpt> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(values) => {
            let texts: Vec<String> = values
                .iter()
                .filter_map(explanation)
                .map(Excerpt::into_string)
                .collect();
            texts.join("; ")
        }
        Value::Null | Value::Bool(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then(|| Excerpt::new(text))
}

/// The error for a response with a status other than success.
pub(crate) fn status_error(
    endpoint: Endpoint,
    response: &ApiResponse,
    retry_after: Option<Duration>,
    now: SystemTime,
) -> Error {
    let body = ErrorBody::read(&response.body);
    let status = response.status.as_u16();
    let details = match body.message {
        // Sent by the proxy, as below.
        Some(message) if status == 407 => format!("the proxy says: {message}"),
        Some(message) => format!("the service says: {message}"),
        None if response.body.is_empty() => "no reason given".to_owned(),
        None => format!("the response was: {}", Excerpt::new(&response.body)),
    };
    let (kind, problem) = match status {
        400 => (
            ErrorKind::Validation,
            "the service rejected the request as invalid".to_owned(),
        ),
        401 => (
            ErrorKind::Unauthorized,
            "the API key is invalid; check PYANNOTEAI_API_KEY, or create a new key in the dashboard".to_owned(),
        ),
        402 => (
            ErrorKind::PaymentRequired,
            "the team has no credits or subscription for this operation; check its billing page in the dashboard"
                .to_owned(),
        ),
        403 => (
            ErrorKind::Forbidden,
            match endpoint.scopes() {
                // There are other causes than a missing scope, such as "Streaming is disabled".
                scopes @ [_, ..] => format!(
                    "the service refused the operation; it needs an API key with the scope {}, and a team with access \
                     to the feature",
                    scopes.join(" and ")
                ),
                [] => "the service refused the operation; check the API key and the team's access".to_owned(),
            },
        ),
        404 => (
            ErrorKind::NotFound,
            match endpoint {
                Endpoint::GetJob => "the team of this API key has no such job".to_owned(),
                Endpoint::MediaOutput => {
                    "there is no such media object; media is deleted 24 to 48 h after upload".to_owned()
                }
                _ => "the service has no such endpoint; check the base URL".to_owned(),
            },
        ),
        // Sent by the proxy, not by the service.
        407 => (ErrorKind::Config, PROXY_AUTHENTICATION_REQUIRED.to_owned()),
        408 => (
            ErrorKind::Timeout,
            "the service timed out while waiting for the request".to_owned(),
        ),
        413 => (
            ErrorKind::TooLarge,
            "the request is too large; recordings are limited to 1 GiB and 24 h".to_owned(),
        ),
        429 => (
            ErrorKind::RateLimited,
            match retry_after {
                Some(after) => format!("too many requests; try again {}", format_retry_time(after, now)),
                None => "too many requests; try again later".to_owned(),
            },
        ),
        500..=599 => (ErrorKind::Server, format!("the service failed with status {status}")),
        _ => (
            ErrorKind::UnexpectedStatus,
            format!("the service returned the unexpected status {status}"),
        ),
    };
    let error = if kind == ErrorKind::Validation {
        Error::validation(format!("{problem} ({details})"), body.errors)
    } else {
        Error::new(kind, format!("{problem} ({details})"))
    };
    error
        .with_status(response.status)
        .with_request_id(body.request_id.or_else(|| request_id(&response.headers)))
        .with_retry_after(retry_after)
        .with_body(&response.body)
}

fn format_retry_time(after: Duration, now: SystemTime) -> String {
    let seconds = after.as_secs_f64().ceil();
    match now
        .checked_add(after)
        .filter(|_| after < MAX_RETRY_DATE_DISTANCE)
    {
        Some(date) => format!("in {seconds} s, at {}", httpdate::fmt_http_date(date)),
        None => format!("in {seconds} s"),
    }
}

fn request_id(headers: &HeaderMap) -> Option<Excerpt> {
    headers.get("x-request-id").map(Excerpt::new)
}
