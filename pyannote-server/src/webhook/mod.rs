//! Sends webhooks: when a job has ended, its receiver is told, signed with the team's secret.
//!
//! What is to be sent is in the store, so a restart goes on with it, and no job waits for a receiver. Each is sent at
//! least once: a server that is killed between sending and writing so down sends again.

mod attempt;
mod dispatch;
mod reason;
mod sign;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use attempt::Sender;
pub(crate) use dispatch::send_all;
