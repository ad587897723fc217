//! What stands between a request and the wire: when to send, when to send again, and how long to wait.
//!
//! Decisions ([`decide`], [`Window`](window::Window)) are pure and know no I/O; the executor calls them. Time, sleep
//! and randomness come through [`Clock`] alone, so that no test sleeps.

mod answer;
mod budget;
pub(crate) mod clock;
mod endpoint;
mod executor;
mod limiter;
#[cfg(any(test, feature = "test-util"))]
pub(crate) mod manual_clock;
mod rate_headers;
mod rate_limit;
mod retry;
mod retry_after;
mod retry_policy;
mod transfer;
mod window;

pub(crate) use answer::{Answer, decode};
use budget::RetryBudget;
pub(crate) use clock::{Clock, SystemClock};
pub(crate) use endpoint::Endpoint;
pub(crate) use executor::{Executor, RESERVED, Settings};
pub(crate) use limiter::Limiter;
use limiter::Permit;
pub use rate_limit::RateLimit;
pub(crate) use retry::{Failure, Operation};
use retry_after::retry_after;
pub use retry_policy::RetryPolicy;
pub(crate) use transfer::Stop;
