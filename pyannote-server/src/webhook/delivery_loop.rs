//! Loop that sends due webhooks, several at once.

use std::time::Duration;

use tokio::task::JoinSet;

use super::sender::{Attempt, Sender};
use crate::error::Chain;
use crate::shutdown::Shutdown;
use crate::store::{Delivery, Store, StoreError};

/// Maximum number of concurrent deliveries, so that an unresponsive receiver does not delay the others.
const MAX_CONCURRENT: usize = 16;

/// How much longer than an attempt a claim lasts, to leave time for reading and writing the store.
const CLAIM_MARGIN: Duration = Duration::from_secs(20);

/// When webhooks are sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// How often the store is polled for webhooks that other processes have queued.
    pub(crate) poll_interval: Duration,
    /// Delays before the first, second and third retry.
    pub(crate) retry_delays: [Duration; 3],
}

/// Sends webhooks until the shutdown aborts; then waits for the attempts in progress.
pub(crate) async fn deliver(store: Store, sender: Sender, schedule: Schedule, shutdown: Shutdown) {
    let mut attempts = JoinSet::new();
    while !shutdown.abort.is_cancelled() {
        while attempts.try_join_next().is_some() {}
        let has_capacity = attempts.len() < MAX_CONCURRENT;
        if has_capacity {
            match store.claim_delivery(sender.timeout() + CLAIM_MARGIN).await {
                Ok(Some(delivery)) => {
                    let (store, sender) = (store.clone(), sender.clone());
                    attempts.spawn(async move {
                        send(&store, &sender, schedule.retry_delays, delivery).await;
                    });
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(error = %Chain(&error), "failed to claim a webhook"),
            }
        }
        let until_next = match store.next_delivery().await {
            Ok(Some(wait)) if has_capacity => {
                wait.clamp(Duration::from_millis(1), schedule.poll_interval)
            }
            _ => schedule.poll_interval,
        };
        tokio::select! {
            () = shutdown.abort.cancelled() => {}
            () = store.delivery_due() => {}
            () = tokio::time::sleep(until_next) => {}
            Some(_) = attempts.join_next() => {}
        }
    }
    while attempts.join_next().await.is_some() {}
}

async fn send(store: &Store, sender: &Sender, retry_delays: [Duration; 3], delivery: Delivery) {
    let attempt = sender.attempt(&delivery).await;
    if let Err(error) = record(store, retry_delays, &delivery, &attempt).await {
        // The delivery stays claimed, and is sent again after the claim has expired.
        let job = &*delivery.job_id;
        tracing::warn!(job, error = %Chain(&error), "failed to record the result of a webhook");
    }
}

/// Records the result of an attempt: deletes the delivery, or schedules a retry.
async fn record(
    store: &Store,
    retry_delays: [Duration; 3],
    delivery: &Delivery,
    attempt: &Attempt,
) -> Result<(), StoreError> {
    let job = &*delivery.job_id;
    match attempt {
        Attempt::Delivered => tracing::info!(job, "the webhook was delivered"),
        Attempt::Undeliverable(reason) => tracing::warn!(job, reason, "the webhook was not sent"),
        Attempt::Failed(reason) => {
            let reason = reason.as_str();
            if let Some(delay) = retry_delays.get(delivery.failures) {
                tracing::info!(job, reason, ?delay, "the webhook failed; retrying");
                return store.retry_delivery(delivery, reason, *delay).await;
            }
            tracing::warn!(
                job,
                reason,
                "the webhook failed; giving up after the last retry"
            );
        }
    }
    store.delete_delivery(delivery).await
}
