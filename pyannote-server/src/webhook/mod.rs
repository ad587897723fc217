//! Webhook deliveries: signed notifications of jobs that have ended.
//!
//! Pending deliveries are rows of the store, so that they survive a restart and no job waits for a receiver. Delivery
//! is at least once: a server that is killed between sending a webhook and recording the result sends it again.

mod delivery_loop;
#[cfg(test)]
mod delivery_tests;
mod retry_reason;
mod sender;
#[cfg(test)]
mod tests;
mod url_policy;

pub(crate) use delivery_loop::{Schedule, deliver};
pub(crate) use sender::Sender;
pub(crate) use url_policy::check as check_url;
