//! The tracing span of a request, with the names of OpenTelemetry's semantic conventions for HTTP clients.

use http::StatusCode;
use reqwest::Request;
use tracing::field::Empty;
use tracing::{Span, debug_span};

use super::endpoint::Endpoint;
use super::metrics::{Target, error_type};
use super::retry::Failure;
use crate::redact::Excerpt;

/// The span of one attempt to send a request. `attempt` starts at 1.
pub(super) fn request_span(target: Target, request: &Request, attempt: u32) -> Span {
    let (method, url) = (request.method().as_str(), request.url());
    let template = match target {
        Target::Api(endpoint) => Some(template(endpoint)),
        Target::Upload | Target::Download => None,
    };
    // Values are evaluated only if the span is enabled.
    debug_span!(
        "request",
        "otel.kind" = "client",
        "otel.name" = template.map_or_else(|| method.to_owned(), |path| format!("{method} {path}")),
        "otel.status_code" = Empty,
        operation = target.name(),
        "http.request.method" = method,
        "http.request.resend_count" = attempt.checked_sub(1).filter(|count| *count > 0),
        "http.response.status_code" = Empty,
        "error.type" = Empty,
        "server.address" = url.host_str(),
        "server.port" = url.port_or_known_default(),
        "url.full" = Excerpt::new(url.as_str()).as_str(),
        "url.template" = template,
    )
}

/// Records the end of the request in its span.
pub(super) fn record_end(span: &Span, status: Option<StatusCode>, failure: Option<&Failure>) {
    if let Some(status) = status {
        span.record("http.response.status_code", status.as_u16());
    }
    if let Some(failure) = failure {
        span.record("error.type", error_type(failure));
        span.record("otel.status_code", "ERROR");
    }
}

/// The path of an endpoint, with the name of its parameter if it has one.
fn template(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::GetJob => "/v1/jobs/{jobId}",
        Endpoint::GetStream => "/v1/live/{id}",
        _ => endpoint.path(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_the_paths_of_the_endpoints() {
        for endpoint in Endpoint::ALL {
            let (path, template) = (endpoint.path(), template(endpoint));
            assert!(template.starts_with(path), "{endpoint:?}");
            assert_eq!(template.ends_with('}'), path.ends_with('/'), "{endpoint:?}");
        }
    }
}
