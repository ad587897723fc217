//! Sending requests: rate limits, retries and timeouts.
//!
//! Decisions ([`decide`], [`RateWindow`](rate_window::RateWindow)) are pure and do no I/O; the executor calls them.
//! Time, sleep and randomness come from [`Clock`] only, so that no test sleeps.

mod body;
pub(crate) mod clock;
mod connection;
mod created;
mod endpoint;
mod executor;
#[cfg(any(test, feature = "test-util"))]
pub(crate) mod manual_clock;
mod metrics;
mod rate_headers;
mod rate_limit;
mod rate_limiter;
mod rate_window;
mod response;
mod response_limits;
mod retry;
mod retry_after;
mod retry_budget;
mod retry_policy;
mod secret_url;
mod submission;
mod time_limit;
mod trace;
mod transfer;

pub(crate) use body::{BodyError, ResponseBody};
pub(crate) use clock::{Clock, SystemClock};
pub(crate) use connection::{Connection, HAS_TLS, NO_TLS, Proxy};
pub(crate) use created::Created;
pub(crate) use endpoint::Endpoint;
#[cfg(feature = "live")]
pub(crate) use executor::is_proxy_authentication;
pub(crate) use executor::{
    Executor, RESERVED_HEADERS, RawExecutor, Settings, Submission, with_deadline,
};
pub(crate) use metrics::WaitInProgress;
pub use metrics::{Metrics, RequestCount};
#[cfg(feature = "test-util")]
pub(crate) use rate_headers::RateHeaders;
pub use rate_limit::RateLimit;
pub(crate) use rate_window::{Admission, RateWindow};
#[cfg(feature = "test-util")]
pub(crate) use response::status_error;
pub(crate) use response::{ApiResponse, PROXY_AUTHENTICATION_REQUIRED, decode, undecodable};
pub use response_limits::ResponseLimits;
pub(crate) use retry::{Failure, Operation};
use retry_after::retry_after;
use retry_budget::RetryBudget;
pub use retry_policy::RetryPolicy;
pub(crate) use secret_url::SecretUrl;
pub(crate) use submission::{OnAccepted, SubmissionHooks};
pub(crate) use transfer::TransferError;
