//! Authorization of a request: API key (401), rate limit (429), scope (403) and credit (402), in this order.

use std::time::Instant;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::error::api_error;
use super::{AppState, Team};
use crate::operation::Operation;
use crate::rate_limit::Quota;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Runs the handler if the request's API key allows the operation, and responds with an error otherwise.
pub(super) async fn authorize(
    state: &AppState,
    operation: Operation,
    mut request: Request,
    next: Next,
) -> Response {
    if !operation.needs_key() {
        return next.run(request).await;
    }
    let Some(key) = state.keys.find(request.headers().get(AUTHORIZATION)) else {
        return unauthorized();
    };
    let team = key.team_name();
    let quota = state.rate_limiter.count(team, operation, Instant::now());
    let mut response = if let Some(quota) = quota.filter(|quota| quota.is_exceeded) {
        let mut response = api_error(StatusCode::TOO_MANY_REQUESTS, "Too many requests");
        let seconds = HeaderValue::from(quota.reset_s);
        response.headers_mut().insert(RETRY_AFTER, seconds);
        response
    } else if let Some(scope) = operation.scope().filter(|scope| !key.has_scope(*scope)) {
        let message = format!("The API key lacks the scope {}", scope.as_str());
        api_error(StatusCode::FORBIDDEN, &message)
    } else if operation.needs_credit() && !key.has_credit() {
        api_error(
            StatusCode::PAYMENT_REQUIRED,
            "Insufficient credits and no active subscription",
        )
    } else {
        request.extensions_mut().insert(Team(team.to_owned()));
        next.run(request).await
    };
    if let Some(quota) = quota {
        add_rate_limit_headers(response.headers_mut(), quota);
    }
    response
}

/// The response to a request without a valid key.
pub(super) fn unauthorized() -> Response {
    let mut response = api_error(StatusCode::UNAUTHORIZED, "Missing or invalid API key");
    let scheme = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    response
}

fn add_rate_limit_headers(headers: &mut HeaderMap, quota: Quota) {
    headers.insert(LIMIT, HeaderValue::from(quota.limit));
    headers.insert(REMAINING, HeaderValue::from(quota.remaining));
    headers.insert(RESET, HeaderValue::from(quota.reset_s));
}
